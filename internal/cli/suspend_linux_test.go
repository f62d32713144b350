package cli

import (
	"context"
	"os"
	"path/filepath"
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

// TestStoppedCommand stops a command on a row with ctrl+z: it can be continued and ended, and
// the keys of signals do nothing to the terminal UI meanwhile.
func TestStoppedCommand(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	if _, err := etcdtest.Client(t, endpoint).Put(context.Background(), keyspace.Encode("/a", keyspace.Write, "a"), ""); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	const config = `commands: [{key: P, name: wait, run: sh -c "trap 'echo goes on' CONT; echo ready; while :; do sleep 0.1; done"}]`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	tm := startTerminal(t, t.TempDir(), "tui", "--endpoints", endpoint, "--config", file)
	tm.WaitToShow("/a ")
	tm.Press("P")
	tm.WaitToShow("ready")
	tm.Press("\x1a")
	tm.WaitToShow("ready\n^Z\n[sh: stopped; enter continues it, q ends it]")
	tm.Press("\x03\x1c\x1a\r")
	tm.WaitToShow("goes on")
	tm.Press("\x1a")
	tm.WaitToShow("goes on\n^Z\n[sh: stopped;")
	tm.Press("q")
	tm.WaitToShow("[sh: signal: terminated; enter goes back to etcd-lock]")
	tm.Press("\x03\x1c\r")
	tm.WaitToShow("/a ", "q quit")
	tm.Press(quitKey)
	if err := tm.Wait(); err != nil {
		t.Error(err)
	}
}
