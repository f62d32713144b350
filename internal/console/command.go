package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/charmbracelet/x/term"

	"etcd-lock/internal/hooks"
	"etcd-lock/internal/printable"
	"etcd-lock/tui/backend"
)

// commands implements backend.Commands.
type commands []backend.Command

// List implements backend.Commands.
func (c commands) List() []backend.Command { return c }

// Terminal implements backend.Commands. The program is a job of its own, so that ctrl+c ends
// it and not the UI.
func (c commands) Terminal(line backend.CommandLine) error {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return errors.New("there is no terminal for it")
	}
	defer func() { _ = tty.Close() }()
	cmd := exec.Command(line.Args[0], line.Args[1:]...) //nolint:noctx // it ends when the user ends it
	cmd.Env = append(os.Environ(), line.Env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	name := printable.Text(line.Args[0])
	err = runInForeground(cmd, tty, func() (goOn bool) {
		return ask(tty, name+": stopped; enter continues it, q ends it", "\r\nq") != 'q'
	})
	says := "ended"
	if err != nil {
		says = printable.Text(err.Error())
	}
	ask(tty, name+": "+says+"; enter goes back to etcd-lock", "\r\n")
	return err
}

// ask prints a question, and returns the first of keys that is pressed, or 0 if the terminal
// was closed. ctrl+c and the like are no signals meanwhile.
func ask(tty *os.File, question, keys string) byte {
	if before, err := term.MakeRaw(tty.Fd()); err == nil {
		defer func() { _ = term.Restore(tty.Fd(), before) }()
	}
	_, _ = fmt.Fprintf(tty, "\r\n[%s] ", question)
	key := make([]byte, 1)
	for {
		if n, err := tty.Read(key); err != nil || n == 0 {
			return 0
		}
		if strings.IndexByte(keys, key[0]) >= 0 {
			_, _ = fmt.Fprint(tty, "\r\n") // what is written next begins a line
			return key[0]
		}
	}
}

// lastOutput is how much of the output of a program is kept to find its last line.
const lastOutput = 4096

// Background implements backend.Commands.
func (c commands) Background(line backend.CommandLine, stop <-chan struct{}) (last string, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	var out tail
	err = hooks.Run(ctx, line.Args, line.Env, nil, &out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(lines[len(lines)-1]), err
}

// tail keeps the end of what is written to it.
type tail []byte

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	*t = append(*t, b...)
	if extra := len(*t) - lastOutput; extra > 0 {
		*t = bytes.Clone((*t)[extra:])
	}
	return len(b), nil
}
