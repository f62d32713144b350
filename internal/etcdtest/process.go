package etcdtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"etcd-lock/internal/etcd"
)

// childEnv holds, in a child, the member's configuration as JSON.
const childEnv = "ETCDTEST_MEMBER"

// Main is the TestMain of packages that use this one: in a child it runs the
// member instead of the tests, and after the tests it stops the shared member
// and fails when a goroutine is left.
func Main(m *testing.M) {
	if cfg := os.Getenv(childEnv); cfg != "" {
		runChild(cfg)
	}
	code := m.Run()
	stopShared()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "after the tests:", err)
		code = 1
	}
	os.Exit(code)
}

// runChild serves until its parent is gone, which closes its standard input.
func runChild(env string) {
	var cfg etcd.EmbeddedConfig
	err := json.Unmarshal([]byte(env), &cfg)
	if err == nil {
		_, err = etcd.StartEmbedded(context.Background(), cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// Process is a member in a child process. Its address and data stay the same
// when it is started again.
type Process struct {
	Endpoint string

	tb    testing.TB
	cfg   etcd.EmbeddedConfig
	cmd   *exec.Cmd
	stdin io.Closer
}

// StartProcess runs a member as a child process until the test ends. The
// package's TestMain must call Main.
func StartProcess(tb testing.TB, configure ...func(*etcd.EmbeddedConfig)) *Process {
	tb.Helper()
	var cfg etcd.EmbeddedConfig
	for _, c := range configure {
		c(&cfg)
	}
	p := newProcess(tb, cfg)
	p.Start()
	return p
}

// StartCluster runs n members of one cluster as child processes until the test
// ends.
func StartCluster(tb testing.TB, n int) []*Process {
	tb.Helper()
	members := make([]*Process, n)
	var urls []string
	for i := range members {
		name, peer := fmt.Sprintf("m%d", i), "http://"+freeAddr(tb)
		urls = append(urls, name+"="+peer)
		members[i] = newProcess(tb, etcd.EmbeddedConfig{Name: name, Peer: peer})
	}
	started := make(chan error, n)
	for _, p := range members {
		p.cfg.Cluster = strings.Join(urls, ",")
		go func() { started <- p.start() }()
	}
	for range members {
		if err := <-started; err != nil {
			tb.Fatal(err)
		}
	}
	return members
}

// newProcess is a member that has not been started.
func newProcess(tb testing.TB, cfg etcd.EmbeddedConfig) *Process {
	tb.Helper()
	addr := freeAddr(tb)
	cfg.Dir, cfg.Client = tb.TempDir(), "http://"+addr
	p := &Process{Endpoint: addr, tb: tb, cfg: cfg}
	tb.Cleanup(p.Kill)
	return p
}

// Start starts a member that is not running, and returns once it serves.
func (p *Process) Start() {
	p.tb.Helper()
	if err := p.start(); err != nil {
		p.tb.Fatal(err)
	}
}

func (p *Process) start() error {
	cfg, err := json.Marshal(p.cfg)
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(cfg))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.stdin = cmd, stdin
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		p.Kill()
		return fmt.Errorf("member %s did not start: %q, %w", p.Endpoint, line, err)
	}
	return nil
}

// Kill ends the member with SIGKILL.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// Pause stops the member with SIGSTOP: its connections stay open and silent.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume continues a paused member.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

func (p *Process) signal(sig syscall.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.tb.Fatal(err)
	}
}

// freeAddr is a port of 127.0.0.1 that was free just now: a member that is to
// come back at the same address cannot ask for any. It is below the ports that
// the system gives to outgoing connections, one of which could take it before
// the member does, or while the member is down.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.N(20000)))
		if err != nil {
			continue
		}
		_ = l.Close()
		return l.Addr().String()
	}
	tb.Fatal("no free port on 127.0.0.1")
	return ""
}
