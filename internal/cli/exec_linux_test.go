package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"etcd-lock/internal/etcdtest"
)

// TestExecKilled holds that a command does not outlive the program that holds
// its lock.
func TestExecKilled(t *testing.T) {
	endpoint := etcdtest.Start(t)
	e := startExec(t, etcdtest.Client(t, endpoint), endpoint, nil, `trap "" TERM HUP; echo ready; read x`)
	e.expect("ready")
	e.signal(syscall.SIGKILL)
	e.groupEnds()
	e.exits(-1)
}

// echo is a command whose answer to a line is not what the terminal echoes.
const echo = `sh -c 'while read x; do echo got $x; done'`

// TestExecInTerminal has a shell with job control run the program.
func TestExecInTerminal(t *testing.T) {
	endpoint := etcdtest.Start(t)
	start := func(t *testing.T) *terminal {
		t.Helper()
		dir := t.TempDir()
		if err := os.Symlink(os.Args[0], filepath.Join(dir, "etcd-lock")); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-i")
		cmd.Env = append(os.Environ(), programEnv+"=1", "GORACE=atexit_sleep_ms=0", "ENV=", "PS1=prompt ",
			"PATH="+dir+":"+os.Getenv("PATH"), "ETCDCTL_ENDPOINTS="+endpoint)
		return runInTerminal(t, cmd)
	}
	t.Run("ctrl-Z gives the shell its terminal back, and fg goes on", func(t *testing.T) {
		tm := start(t)
		tm.press("etcd-lock exec /a -- " + echo + "\n")
		tm.press("one\n")
		tm.waitFor("got one")
		tm.press("\x1a")
		tm.waitFor("prompt ")
		tm.press("echo shell $((40 + 2))\n")
		tm.waitFor("shell 42")
		tm.press("fg\n")
		tm.press("two\n")
		tm.waitFor("got two")
		tm.press("\x04")
		tm.waitFor("prompt ")
		tm.press("echo code $?\n")
		tm.waitFor("code 0")
		tm.press("exit\n")
		_ = tm.wait()
	})
	t.Run("a lock that was suspended too long ends the command", func(t *testing.T) {
		tm := start(t)
		client := etcdtest.Client(t, endpoint)
		l := &locks{tb: t, client: client}
		tm.press("etcd-lock exec --ttl 1s /b -- " + echo + "\n")
		tm.press("two\n")
		tm.waitFor("got two") // by now it has the terminal
		tm.press("\x1a")
		tm.waitFor("prompt ")
		etcdtest.Eventually(t, "the end of the lease", func() bool { return l.count("/b") == 0 })
		tm.press("fg\n")
		tm.waitFor("was not renewed in time: killed the command")
		tm.press("echo code $?\n")
		tm.waitFor("code 4")
		tm.press("exit\n")
		_ = tm.wait()
	})
	t.Run("ctrl-C ends a script too", func(t *testing.T) {
		tm := start(t)
		tm.press("sh -c 'etcd-lock exec /c -- sh -c \"echo held; read x\"; echo went on'\n")
		tm.waitFor("held\r\n")
		tm.press("\x03")
		tm.waitFor("prompt ")
		tm.press("echo code $?\n")
		tm.waitFor("code 130")
		tm.press("exit\n")
		_ = tm.wait()
	})
	t.Run("a command in the background gets the terminal with fg", func(t *testing.T) {
		tm := start(t)
		tm.press("etcd-lock exec /d -- " + echo + " &\n")
		l := &locks{tb: t, client: etcdtest.Client(t, endpoint)}
		etcdtest.Eventually(t, "the lock", func() bool { return l.count("/d") == 1 })
		tm.press("fg\n")
		tm.press("three\n")
		tm.waitFor("got three")
		tm.press("\x04")
		tm.press("exit\n")
		_ = tm.wait()
	})
}
