// Package ptytest runs programs in pseudo-terminals for tests.
package ptytest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// patience is how long a terminal may take to show something.
const patience = 30 * time.Second

// Terminal is a pseudo-terminal with a program in it.
type Terminal struct {
	Cmd    *exec.Cmd
	Master *os.File
	Output <-chan string // what the program writes; closed when it has ended
	tb     testing.TB
}

// Start starts a program in a terminal of that size. It is killed at the end of
// the test, unless it is over by then.
func Start(tb testing.TB, cmd *exec.Cmd, columns, rows uint16) *Terminal {
	tb.Helper()
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: columns, Rows: rows})
	if err != nil {
		tb.Fatal(err)
	}
	output := make(chan string, 4096)
	go read(master, output)
	tb.Cleanup(func() {
		_ = cmd.Process.Kill() // it is over unless the test failed
		_ = master.Close()
	})
	return &Terminal{Cmd: cmd, Master: master, Output: output, tb: tb}
}

func read(master *os.File, output chan<- string) {
	defer close(output)
	buf := make([]byte, 1<<14)
	for {
		n, err := master.Read(buf)
		if err != nil {
			return
		}
		output <- string(buf[:n])
	}
}

// WaitFor returns when the terminal has shown all of texts.
func (t *Terminal) WaitFor(texts ...string) {
	t.tb.Helper()
	var shown strings.Builder
	timeout := time.After(patience)
	for _, text := range texts {
		for !strings.Contains(shown.String(), text) {
			select {
			case s, ok := <-t.Output:
				if !ok {
					t.tb.Fatalf("ended before %q: %q", text, shown.String())
				}
				shown.WriteString(s)
			case <-timeout:
				t.tb.Fatalf("no %q within %s: %q", text, patience, shown.String())
			}
		}
	}
}

// Press presses keys, one after the other.
func (t *Terminal) Press(keys string) {
	t.tb.Helper()
	if _, err := t.Master.WriteString(keys); err != nil {
		t.tb.Fatal(err)
	}
}

// Signal sends a signal to the program.
func (t *Terminal) Signal(sig os.Signal) {
	t.tb.Helper()
	if err := t.Cmd.Process.Signal(sig); err != nil {
		t.tb.Fatal(err)
	}
}

// Wait returns how the program ended.
func (t *Terminal) Wait() error {
	for range t.Output { // what is not read would block it
	}
	return t.Cmd.Wait()
}
