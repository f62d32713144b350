package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/ptytest"
)

// echo is a command whose answer to a line is not what the terminal echoes.
const echo = `sh -c 'while read x; do echo got $x; done'`

// TestExecInTerminal has a shell with job control run the program.
func TestExecInTerminal(t *testing.T) {
	endpoint := etcdtest.Start(t)
	start := func(t *testing.T) *ptytest.Terminal {
		t.Helper()
		dir := t.TempDir()
		if err := os.Symlink(os.Args[0], filepath.Join(dir, "etcd-lock")); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-i")
		cmd.Env = append(os.Environ(), programEnv+"=1", "GORACE=atexit_sleep_ms=0", "ENV=", "PS1=prompt ",
			"PATH="+dir+":"+os.Getenv("PATH"), "ETCDCTL_ENDPOINTS="+endpoint)
		return ptytest.Start(t, cmd, 120, 30)
	}
	t.Run("ctrl-Z gives the shell its terminal back, and fg goes on", func(t *testing.T) {
		tm := start(t)
		tm.Press("etcd-lock exec /a -- " + echo + "\n")
		tm.Press("one\n")
		tm.WaitFor("got one")
		tm.Press("\x1a")
		tm.WaitFor("prompt ")
		tm.Press("echo shell $((40 + 2))\n")
		tm.WaitFor("shell 42")
		tm.Press("fg\n")
		tm.Press("two\n")
		tm.WaitFor("got two")
		tm.Press("\x04")
		tm.WaitFor("prompt ")
		tm.Press("echo code $?\n")
		tm.WaitFor("code 0")
		tm.Press("exit\n")
		_ = tm.Wait()
	})
	t.Run("a lock that was suspended too long ends the command", func(t *testing.T) {
		tm := start(t)
		client := etcdtest.Client(t, endpoint)
		l := &locks{tb: t, client: client}
		tm.Press("etcd-lock exec --ttl 1s /b -- " + echo + "\n")
		tm.Press("two\n")
		tm.WaitFor("got two") // by now it has the terminal
		tm.Press("\x1a")
		tm.WaitFor("prompt ")
		etcdtest.Eventually(t, "the end of the lease", func() bool { return l.count("/b") == 0 })
		tm.Press("fg\n")
		tm.WaitFor("was not renewed in time: killed the command")
		tm.Press("echo code $?\n")
		tm.WaitFor("code 4")
		tm.Press("exit\n")
		_ = tm.Wait()
	})
	t.Run("ctrl-C ends a script too", func(t *testing.T) {
		tm := start(t)
		tm.Press("sh -c 'etcd-lock exec /c -- sh -c \"echo held; read x\"; echo went on'\n")
		tm.WaitFor("held\r\n")
		tm.Press("\x03")
		tm.WaitFor("prompt ")
		tm.Press("echo code $?\n")
		tm.WaitFor("code 130")
		tm.Press("exit\n")
		_ = tm.Wait()
	})
	t.Run("a command in the background gets the terminal with fg", func(t *testing.T) {
		tm := start(t)
		tm.Press("etcd-lock exec /d -- " + echo + " &\n")
		l := &locks{tb: t, client: etcdtest.Client(t, endpoint)}
		etcdtest.Eventually(t, "the lock", func() bool { return l.count("/d") == 1 })
		tm.Press("fg\n")
		tm.Press("three\n")
		tm.WaitFor("got three")
		tm.Press("\x04")
		tm.Press("exit\n")
		_ = tm.Wait()
	})
}
