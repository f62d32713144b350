package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"etcd-lock/internal/ptytest"
)

// TestDemo runs the demo in a terminal as a process of its own: its locks are
// seen, it ends in order however it is left, and no folder of it stays.
func TestDemo(t *testing.T) {
	const closed, closedUnheard = "TheTerminalIsClosed", "TheTerminalIsClosedAndSIGHUPIgnored"
	leave := map[string]func(*ptytest.Terminal){
		"q":       func(tm *ptytest.Terminal) { tm.Press("q") },
		"SIGTERM": func(tm *ptytest.Terminal) { tm.Signal(syscall.SIGTERM) },
		"SIGINT":  func(tm *ptytest.Terminal) { tm.Signal(syscall.SIGINT) },
		closed:    func(tm *ptytest.Terminal) { _ = tm.Master.Close() },

		closedUnheard: func(tm *ptytest.Terminal) { _ = tm.Master.Close() },
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			ignored := ""
			if name == closedUnheard {
				ignored = "HUP"
			}
			tm := startTerminalIgnoring(t, ignored, tmp, "demo")
			tm.WaitToShow("/orders/eu", "/jobs/import", "/tickets/concert", "press 3: ")
			leave(tm)
			if err := tm.Wait(); err != nil && !strings.HasPrefix(name, closed) { // then nothing can be drawn any more
				t.Errorf("demo: %v", err)
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary folder: %v, %v", left, err)
			}
		})
	}
}

// TestDemoIsHealed heals all that is wrong in the demo by the keys of the terminal UI, on a
// small screen, as its line above the keys says.
func TestDemoIsHealed(t *testing.T) {
	t.Parallel()
	tm := ptytest.Start(t, terminalCmd("xterm-256color", t.TempDir(), "demo"), 80, 24)
	tm.WaitToShow("press 3: ")
	tm.Press("3")
	tm.WaitToShow("no-lease", "deadlock", "long-wait")
	apply := func(kind string) {
		tm.Press("/\x15" + kind + "\r") // in place of the filter that there is
		tm.WaitToShow("filter “"+kind+"”", "ctrl+k apply")
		tm.Press("\x0b")
		tm.WaitToShow("[ No ]")
	}
	apply("no-lease")
	tm.Press("y")
	tm.WaitToShow("✓ no-lease")
	apply("deadlock")
	tm.WaitToShow(" to go on:")
	_, word, _ := strings.Cut(tm.Shown(), "│ type ")
	word, _, _ = strings.Cut(word, " ")
	tm.Press(word + "\r")
	tm.WaitToShow("✓ deadlock")
	apply("long-wait")
	tm.Press("y")
	tm.WaitToShow("healed. 1: /tickets/concert is busy")
	tm.Press("\x03")
	if err := tm.Wait(); err != nil {
		t.Errorf("demo: %v", err)
	}
}

func startTerminal(t *testing.T, tmp string, args ...string) *ptytest.Terminal {
	t.Helper()
	return startTerminalAs(t, "xterm-256color", tmp, args...)
}

// startTerminalIgnoring starts a terminal whose program begins with a signal
// ignored, as nohup ignores SIGHUP, or none.
func startTerminalIgnoring(t *testing.T, signal, tmp string, args ...string) *ptytest.Terminal {
	t.Helper()
	cmd := terminalCmd("xterm-256color", tmp, args...)
	if signal != "" {
		cmd.Args = append([]string{"sh", "-c", `trap "" ` + signal + `; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	}
	return ptytest.Start(t, cmd, 120, 30)
}

// startTerminalAs starts a terminal of a kind.
func startTerminalAs(t *testing.T, kind, tmp string, args ...string) *ptytest.Terminal {
	t.Helper()
	return ptytest.Start(t, terminalCmd(kind, tmp, args...), 120, 30)
}

func terminalCmd(kind, tmp string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), programEnv+"=1", "TERM="+kind, "LC_ALL=C.UTF-8",
		"TMPDIR="+tmp, "XDG_CONFIG_HOME="+filepath.Join(tmp, "config"), "GORACE=atexit_sleep_ms=0")
	return cmd
}
