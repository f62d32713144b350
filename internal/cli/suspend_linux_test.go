package cli

import (
	"context"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/ptytest"
)

// TestSuspend stops the terminal UI with ctrl+z under a shell, which has its terminal back,
// and continues it with fg: it shows what happened meanwhile. Where no shell would continue
// it, it goes on and says so.
func TestSuspend(t *testing.T) {
	t.Parallel()
	const suspend = "\x1a"
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)

	t.Run("UnderAShell", func(t *testing.T) {
		t.Parallel()
		cmd := terminalCmd("xterm-256color", t.TempDir(), "tui", "--endpoints", endpoint)
		cmd.Args = append([]string{"sh", "-c", `set -m; "$0" "$@"; echo "the shell is back"; read go; fg >/dev/null; echo "it ended with $?"; read go`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
		tm := ptytest.Start(t, cmd, 120, 30)
		tm.WaitToShow("connected")
		tm.Press(suspend)
		tm.WaitToShow("the shell is back")
		if _, err := client.Put(context.Background(), keyspace.Encode("/meanwhile", keyspace.Write, "a"), ""); err != nil {
			t.Fatal(err)
		}
		tm.Press("\r")
		tm.WaitToShow("/meanwhile", "q quit")
		tm.Press(quitKey)
		tm.WaitToShow("it ended with 0")
		tm.Press("\r")
		if err := tm.Wait(); err != nil {
			t.Error(err)
		}
	})

	t.Run("WithoutAShell", func(t *testing.T) {
		t.Parallel()
		tm := startTerminal(t, t.TempDir(), "tui", "--endpoints", endpoint)
		tm.WaitToShow("connected")
		tm.Press(suspend)
		tm.WaitToShow("not suspended: no shell here would continue it")
		tm.Press("3")
		tm.WaitToShow("▸ problems")
		tm.Press(quitKey)
		if err := tm.Wait(); err != nil {
			t.Error(err)
		}
	})
}
