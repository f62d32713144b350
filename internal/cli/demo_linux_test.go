package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDemo runs the demo in a terminal as a process of its own: its locks are
// seen, it ends in order however it is left, and no folder of it stays.
func TestDemo(t *testing.T) {
	leave := map[string]func(*terminal){
		"q":       func(tm *terminal) { tm.press("q") },
		"SIGTERM": func(tm *terminal) { tm.signal(syscall.SIGTERM) },
		"SIGINT":  func(tm *terminal) { tm.signal(syscall.SIGINT) },
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			tmp := t.TempDir()
			tm := startTerminal(t, tmp, "demo")
			tm.waitFor("/orders/42", "/inventory/7", "/reports/daily", "/leader/scheduler")
			leave(tm)
			if err := tm.wait(); err != nil {
				t.Errorf("demo: %v", err)
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary folder: %v, %v", left, err)
			}
		})
	}
}

// terminal is a pseudo-terminal with a program in it.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	output chan string
}

func startTerminal(t *testing.T, tmp string, args ...string) *terminal {
	t.Helper()
	return startTerminalAs(t, "xterm-256color", tmp, args...)
}

// startTerminalAs starts a terminal of a kind.
func startTerminalAs(t *testing.T, kind, tmp string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), programEnv+"=1", "TERM="+kind, "LC_ALL=C.UTF-8",
		"TMPDIR="+tmp, "XDG_CONFIG_HOME="+filepath.Join(tmp, "config"), "GORACE=atexit_sleep_ms=0")
	return runInTerminal(t, cmd)
}

func runInTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, slave := openPTY(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	tm := &terminal{t: t, cmd: cmd, master: master, output: make(chan string, 1024)}
	go tm.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it is over unless the test failed
		_ = master.Close()
	})
	return tm
}

func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 120})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func (tm *terminal) read() {
	defer close(tm.output)
	buf := make([]byte, 4096)
	for {
		n, err := tm.master.Read(buf)
		if err != nil {
			return
		}
		tm.output <- string(buf[:n])
	}
}

// waitFor returns when the terminal has shown all of texts.
func (tm *terminal) waitFor(texts ...string) {
	tm.t.Helper()
	var shown strings.Builder
	timeout := time.After(30 * time.Second)
	for _, text := range texts {
		for !strings.Contains(shown.String(), text) {
			select {
			case s, ok := <-tm.output:
				if !ok {
					tm.t.Fatalf("ended before %q: %q", text, shown.String())
				}
				shown.WriteString(s)
			case <-timeout:
				tm.t.Fatalf("no %q within 30 s: %q", text, shown.String())
			}
		}
	}
}

func (tm *terminal) press(keys string) {
	tm.t.Helper()
	if _, err := tm.master.WriteString(keys); err != nil {
		tm.t.Fatal(err)
	}
}

func (tm *terminal) signal(sig os.Signal) {
	tm.t.Helper()
	if err := tm.cmd.Process.Signal(sig); err != nil {
		tm.t.Fatal(err)
	}
}

// wait returns how the program ended.
func (tm *terminal) wait() error {
	for range tm.output { // what is not read would block it
	}
	return tm.cmd.Wait()
}
