// Package hooks runs programs of the user that are told what happened to locks, without a
// shell: what they are told comes from etcd, and whoever may write there chose it.
package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"etcd-lock/internal/printable"
)

const (
	maxVariable = 4 << 10 // bytes of a variable of a program's environment
	maxOutput   = 400     // bytes of a program's output that are shown
	killed      = time.Second
)

// Program is a program with its first arguments.
type Program []string

// Parse returns the program of a command line, whose words are separated by spaces. It is an
// error if there is no such program.
func Parse(command string) (Program, error) {
	words := strings.Fields(command)
	if len(words) == 0 {
		return nil, errors.New("is empty")
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, err
	}
	return words, nil
}

// Run runs the program with more arguments, variables in its environment, and input. If ctx
// ends first, it is killed with everything that it has started. The error has the beginning of
// what it printed.
func (p Program) Run(ctx context.Context, args, variables []string, input []byte) error {
	out := &head{}
	err := Run(ctx, append(p[:len(p):len(p)], args...), variables, input, out)
	if err == nil || len(out.text) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s", err, printable.Text(strings.TrimSpace(string(out.text))))
}

// Run runs a program with its arguments, variables in its environment, and input; it prints to
// out. If ctx ends first, it is killed with everything that it has started. What it has started
// and left behind is not waited for.
func Run(ctx context.Context, args, variables []string, input []byte, out io.Writer) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = killed // for those that it has started and that have its output
	killAll(cmd)
	if err := cmd.Run(); !errors.Is(err, exec.ErrWaitDelay) {
		return err
	}
	return nil // it has ended well
}

// Variable returns a variable of an environment: printable but for its line feeds, and of at
// most 4 KiB.
func Variable(name string, lines ...string) string {
	safe := make([]string, len(lines))
	for i, l := range lines {
		safe[i] = printable.Text(l)
	}
	v := name + "=" + strings.Join(safe, "\n")
	return strings.ToValidUTF8(v[:min(len(v), maxVariable)], "")
}

// head keeps the beginning of what is written to it.
type head struct{ text []byte }

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), maxOutput-len(h.text))]...)
	return len(p), nil
}
