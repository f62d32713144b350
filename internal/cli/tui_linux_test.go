package cli

import (
	"context"
	"strings"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// TestTUI is a night shift in a real terminal on a real etcd: a lock is stuck,
// it is found, why is read, and when its holder is gone the next one is seen
// to hold.
func TestTUI(t *testing.T) {
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	l := &locks{tb: t, client: client}
	l.request("read", "/idle", "quiet")
	stuck := keyspace.Encode("/orders", keyspace.Write, "left-behind")
	if _, err := client.Put(context.Background(), stuck, ""); err != nil {
		t.Fatal(err)
	}
	l.request("write", "/orders", "billing")

	tm := startTerminal(t, t.TempDir(), "tui", "--endpoints", endpoint)
	tm.waitFor("/orders", "✗", "without a lease")
	tm.press("3")
	tm.waitFor("no-lease", "release --key "+stuck, "etcdctl del "+stuck)
	tm.press("\r")
	tm.waitFor("1 holding, 1 waiting", "behind 1: writer #1")
	if _, err := client.Delete(context.Background(), stuck); err != nil {
		t.Fatal(err)
	}
	tm.waitFor("released", "acquired", "write /orders  billing")
	etcdtest.Eventually(t, "the next one holds", func() bool {
		s, err := inspect.NewSource(client).Snapshot(context.Background(), "/orders/")
		return err == nil && len(s.Locks) == 1 && s.Locks[0].Queue[0].Holding
	})
	tm.press("q")
	if err := tm.wait(); err != nil {
		t.Error(err)
	}
}

// Whether a terminal shows Unicode is in the first of three variables that says
// anything.
func TestIsUnicode(t *testing.T) {
	for env, want := range map[string]bool{
		"": true, "LANG=de_DE.UTF-8": true, "LANG=C.utf8": true, "LANG=C": false, "LANG=en_US.ISO-8859-1": false,
		"LANG=C LC_ALL=C.UTF-8": true, "LANG=C.UTF-8 LC_CTYPE=POSIX": false, "LC_ALL= LANG=C": false,
	} {
		getenv := func(name string) string {
			for _, v := range strings.Fields(env) {
				if value, ok := strings.CutPrefix(v, name+"="); ok {
					return value
				}
			}
			return ""
		}
		if got := isUnicode(getenv); got != want {
			t.Errorf("%q: %t", env, got)
		}
	}
}

// A terminal that can only print is sent to the commands that print.
func TestDumbTerminal(t *testing.T) {
	tm := startTerminalAs(t, "dumb", t.TempDir(), "tui", "--endpoints", "127.0.0.1:1")
	tm.waitFor("etcd-lock ls")
	if err := tm.wait(); err == nil {
		t.Error("it ran")
	}
}
