package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
)

// process is one run of a member.
type process struct {
	cmd    *exec.Cmd
	served chan struct{} // closed once it serves
	dead   chan struct{} // closed once it has exited
	said   string        // its first line of output; valid once dead is closed
}

// start starts the member's process, and does not wait until it serves.
func (c child) start() (*process, error) {
	if c.server != "" {
		return c.startServer()
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	env, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+string(env),
		"HTTP_PROXY="+c.proxy, "NO_PROXY=", "no_proxy=")
	cmd.Stderr = c.stderr
	c.keep(cmd)
	cmd.SysProcAttr = attributes()
	if _, err := cmd.StdinPipe(); err != nil { // closes when this process dies
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, served: make(chan struct{}), dead: make(chan struct{})}
	go p.attend(stdout)
	return p, nil
}

// attend reads the process's first line of output, then waits for it to exit.
func (p *process) attend(stdout io.Reader) {
	defer close(p.dead)
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if p.said = strings.TrimSpace(line); p.said == served {
		close(p.served)
	}
	_ = p.cmd.Wait()
}

// wait returns once the process serves. If ctx ends first, it kills the process.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.served:
		return nil
	case <-p.dead:
		if p.said == "" || p.said == served {
			return errors.New(p.cmd.ProcessState.String())
		}
		return errors.New(p.said)
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	}
}

// kill kills the process and returns once it has exited.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.dead
}

func (p *process) alive() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.dead:
		return false
	default:
		return true
	}
}
