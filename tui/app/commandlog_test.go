package app

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
)

// keptCommands is a command log.
type keptCommands struct {
	mu    sync.Mutex
	text  string
	fails error
}

func (k *keptCommands) Append(text string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.text += text
	return k.fails
}

func (k *keptCommands) lines() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Split(strings.TrimSuffix(k.text, "\n"), "\n")
}

// What is done for the user is listed and kept as commands, which connect to the same etcd.
func TestCommandLog(t *testing.T) {
	kept := &keptCommands{}
	d := newDriver(t, func(o *backend.Options) {
		withReleases(o)
		o.Commands, o.Flags = kept, cmdline.Flags{EtcdLock: []string{"--context=db"}, Etcdctl: []string{"--endpoints=db-1:2379"}}
		o.Past = &backendtest.History{Cluster: o.Source.(*backendtest.Cluster), Floor: 1}
	})
	d.press("@")
	d.mustShow("nothing was done for you yet")
	d.press("q")
	other := d.put("/it's", keyspace.Write, 0)
	d.press("enter")
	d.in("lock")
	d.press("ctrl+x")
	d.until("previewed", func() bool { return d.m.asked != nil && !d.m.asked.Waits })
	d.press("y")
	d.until("released", func() bool { return len(d.m.Commands.Entries) == 1 && len(d.m.Live.Locks) == 0 })
	d.press("w")
	d.until("requested", func() bool { return len(d.m.Requests) == 1 && d.m.Requests[0].Key() != "" })
	d.press("u")
	d.until("given back", func() bool { return len(d.m.Requests) == 0 })
	d.press(":")
	d.typed("rev 2")
	d.press("enter", "@", "@")
	d.in("commands")
	d.idle()
	d.mustShow("commands 4")
	var commands []string
	for _, l := range kept.lines() {
		if !strings.HasPrefix(l, "# 2026-") {
			commands = append(commands, l)
		}
	}
	key := "'" + strings.ReplaceAll(other.Key, "'", `'\''`) + "'"
	for i, want := range []string{
		"etcd-lock --context=db release --request " + key,
		"# etcdctl --endpoints=db-1:2379 del " + key,
		`etcd-lock --context=db exec --ttl 10s '/it'\''s' -- sh`,
		"etcd-lock --context=db release --request",
		"# etcdctl --endpoints=db-1:2379 del",
		"etcd-lock --context=db ls --rev 2 -- /",
		"# etcdctl --endpoints=db-1:2379 get --prefix --rev 2 -- /",
	} {
		if i >= len(commands) || !strings.HasPrefix(commands[i], want) {
			t.Errorf("line %d: want %q in\n%s", i, want, strings.Join(commands, "\n"))
		}
	}
	d.mustShow("etcdctl checks nothing before")
	d.press("c")
	d.mustShow("sent to the clipboard of the terminal: the command of etcdctl")
	d.press("q")
	d.in("lock")
}

// A command log that cannot be written is reported once.
func TestCommandLogFails(t *testing.T) {
	kept := &keptCommands{fails: errors.New("disk full")}
	d := newDriver(t, func(o *backend.Options) { o.Commands = kept })
	reports := func() (n int) {
		for _, e := range d.m.Log.Entries {
			if strings.Contains(e.Text, "command log not written: disk full") {
				n++
			}
		}
		return n
	}
	d.put("/a", keyspace.Read, 0)
	for range 3 {
		d.take("r")
		d.until("asked", func() bool { return len(d.m.Requests) == 1 && d.m.Requests[0].Key() != "" })
		d.press("u")
		d.until("given back", func() bool { return len(d.m.Requests) == 0 })
	}
	d.idle()
	if n := reports(); n != 1 {
		t.Errorf("reported %d times", n)
	}
}

// A revision that could not be shown is not said to have been.
func TestCommandLogOfNoRevision(t *testing.T) {
	d, _ := withPast(t, 100)
	for _, rev := range []string{"99999", "101"} {
		d.press(":")
		d.typed("rev " + rev)
		d.press("enter")
		d.idle()
	}
	d.press("@")
	d.row("showed revision 99999").has("✗ failed")
	d.row("showed revision 101").has("✓ done")
}
