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

// patience bounds the wait for a text to appear.
const patience = time.Minute

// Terminal is a pseudo-terminal that a program runs in.
type Terminal struct {
	Cmd    *exec.Cmd
	Master *os.File
	Output <-chan string // the program's output; closed when it exits
	tb     testing.TB
}

// Start starts a program in a terminal of the given size. When the test ends, a
// program that still runs is killed.
func Start(tb testing.TB, cmd *exec.Cmd, columns, rows uint16) *Terminal {
	tb.Helper()
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: columns, Rows: rows})
	if err != nil {
		tb.Fatal(err)
	}
	output := make(chan string, 4096)
	go read(master, output)
	tb.Cleanup(func() {
		_ = cmd.Process.Kill() // it has exited unless the test failed
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

// WaitFor waits until the terminal has shown every one of texts, and fails the
// test if the program exits first or nothing appears for half a minute.
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

// Press sends keys to the program.
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

// Wait waits for the program to exit and returns the error of exec.Cmd.Wait.
func (t *Terminal) Wait() error {
	for range t.Output { // unread output would block the program
	}
	return t.Cmd.Wait()
}
