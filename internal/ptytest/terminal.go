// Package ptytest runs programs in pseudo-terminals for tests.
package ptytest

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// patience bounds the wait for a text to appear.
const patience = time.Minute

// Terminal is a pseudo-terminal that a program runs in.
type Terminal struct {
	Cmd    *exec.Cmd
	Master *os.File
	Output <-chan string // the program's output; closed when it exits
	screen *vt.Emulator  // draws the output that the Wait methods have read
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
	return &Terminal{Cmd: cmd, Master: master, Output: output, screen: NewScreen(tb, int(columns), int(rows)), tb: tb}
}

// NewScreen returns a screen that draws what is written to it, until the test ends.
func NewScreen(tb testing.TB, columns, rows int) *vt.Emulator {
	tb.Helper()
	screen := vt.NewEmulator(columns, rows)
	go func() { _, _ = io.Copy(io.Discard, screen) }()                // its answers to queries: it blocks while nobody reads them
	tb.Cleanup(func() { _ = screen.InputPipe().(io.Closer).Close() }) // Close races with the read that it ends
	return screen
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

// WaitFor waits until the program has printed every one of texts in what it
// prints from now on, in their order, and fails the test if the program exits
// first or a minute passes. A full-screen program prints only what changes on
// the screen: see WaitToShow.
func (t *Terminal) WaitFor(texts ...string) {
	t.tb.Helper()
	var printed strings.Builder
	t.wait(texts, &printed, printed.String)
}

// WaitToShow waits until the screen has shown every one of texts, one after the
// other, and fails the test if the program exits first or a minute passes.
func (t *Terminal) WaitToShow(texts ...string) {
	t.tb.Helper()
	t.wait(texts, io.Discard, t.screen.String)
}

// WaitUntil waits until the screen is as a test wants it, and fails the test if the
// program exits first or a minute passes.
func (t *Terminal) WaitUntil(what string, is func(screen string) bool) {
	t.tb.Helper()
	t.until(what, io.Discard, t.screen.String, is, time.After(patience))
}

// Shown returns the screen as of the last call of a Wait method.
func (t *Terminal) Shown() string { return t.screen.String() }

// wait copies the program's output to the screen and to a writer until shown has
// contained each of texts.
func (t *Terminal) wait(texts []string, to io.Writer, shown func() string) {
	t.tb.Helper()
	timeout := time.After(patience)
	for _, text := range texts {
		t.until(strconv.Quote(text), to, shown, func(s string) bool { return strings.Contains(s, text) }, timeout)
	}
}

// until copies the program's output to the screen and to a writer until what is shown is
// as a test wants it.
func (t *Terminal) until(what string, to io.Writer, shown func() string, is func(string) bool, timeout <-chan time.Time) {
	t.tb.Helper()
	to = io.MultiWriter(t.screen, to)
	for !is(shown()) {
		select {
		case s, ok := <-t.Output:
			if !ok {
				t.tb.Fatalf("ended before %s: %q", what, shown())
			}
			_, _ = io.WriteString(to, s)
		case <-timeout:
			t.tb.Fatalf("no %s within %s: %q", what, patience, shown())
		}
	}
}

// NeverShows reads what the program prints until done is closed and all of it is read,
// and fails the test if the screen shows any of texts, or if the program exits.
func (t *Terminal) NeverShows(done <-chan struct{}, texts ...string) {
	t.tb.Helper()
	for {
		var s string
		var ok bool
		select { // what is printed comes first
		case s, ok = <-t.Output:
		default:
			select {
			case s, ok = <-t.Output:
			case <-done:
				return
			}
		}
		_, _ = io.WriteString(t.screen, s)
		shown := t.screen.String()
		for _, text := range texts {
			if strings.Contains(shown, text) {
				t.tb.Fatalf("shows %q: %q", text, shown)
			}
		}
		if !ok {
			t.tb.Fatalf("ended: %q", shown)
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
