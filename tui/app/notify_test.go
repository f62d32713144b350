package app

import (
	"context"
	"strings"
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
)

// toldProgram is a program that is told.
type toldProgram chan backend.Notice

func (p toldProgram) Notify(_ context.Context, n backend.Notice) error {
	p <- n
	return nil
}

// notify asks to be notified of what begins with some words.
func (d *driver) notify(words string) {
	d.t.Helper()
	d.press("!")
	d.mustShow("notify me once")
	d.typed(words)
	d.press("enter")
}

// What the user waits for is told once, when it happens, to the user and to a program.
func TestNotify(t *testing.T) {
	program := make(toldProgram, 10)
	d := newDriver(t, func(o *backend.Options) { o.Notifier, o.Signals = program, []string{backend.SignalBell} })
	told := func(event, text string) {
		t.Helper()
		var n backend.Notice
		d.until("told: "+text, func() bool {
			select {
			case n = <-program:
				return true
			default:
				return false
			}
		})
		if n.Event != event || !strings.Contains(n.Text, text) {
			t.Errorf("told %+v, want %s: %s", n, event, text)
		}
		d.mustShow("! ")
	}
	holder := d.put("/a", keyspace.Write, 0)
	d.notify("isfree")
	d.mustShow("notifies you when /a is free")
	d.do(nav.Quiet{})
	d.mustShow("! 1 notification")
	d.notify("granted")
	waiter := d.put("/a", keyspace.Write, 0)
	d.cluster.Remove(rw("/a"), holder.Key)
	told("granted", "/a is granted to worker[42]@web-1 (write)")
	d.cluster.Remove(rw("/a"), waiter.Key)
	told("free", "/a is free")
	last := d.put("/a", keyspace.Write, 0)
	d.mustNotShow("1 notification")

	change := func(do func(), requests int) {
		t.Helper()
		do()
		d.until("the change is known", func() bool { l, _ := d.m.Live.Find(rw("/a")); return len(l.Queue) == requests })
		d.diagnosed()
	}
	d.diagnosed()
	d.press("2", "g")
	d.notify("gone")
	d.press("1", "g")
	d.notify("problem")
	change(func() { d.cluster.Remove(rw("/a"), last.Key) }, 0)
	told("gone", "session 694d8f9b0a1c0001 of worker[42]@web-1 is gone")
	change(func() { d.cluster.Put(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Key: "/a/write/x"}) }, 1) // without a lease
	told("raised", "without a lease")
	d.press("3", "g")
	d.notify("problem gone")
	d.notify("next no-lease")
	change(func() { d.cluster.Remove(rw("/a"), "/a/write/x") }, 0)
	told("gone", "problem no-lease on /a is gone")
	d.press("8", ":")
	d.typed("notifications")
	d.press("enter")
	d.in("notifications")
	d.mustShow("notifications 6")
	d.mustShow("○ waits")
	d.press("q", "8", "!")
	d.mustShow("no lock, session or problem is selected")
}

// One that is waited for can be ended, from where it was asked for and from the list.
func TestNotifyEnds(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Write, 0)
	d.notify("free")
	d.notify("not any more free")
	d.mustShow("not notified any more")
	d.notify("free")
	d.press("!")
	d.typed("list")
	d.press("enter")
	d.in("notifications")
	d.mustShow("when /a is free")
	d.press("c")
	d.mustShow("none; !")
	if d.m.Notifications.Open() != 0 {
		t.Error("it is still waited for")
	}
}

// A session of which nothing but its lease is known is named once.
func TestSessionNamedOnce(t *testing.T) {
	d := newDriver(t, nil)
	d.cluster.Put(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa1})
	d.cluster.Put(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa2, Owned: true, Owner: keyspace.Owner{Label: "backup"}.Ref()})
	d.until("both are there", func() bool { return len(d.queue()) == 2 })
	d.diagnosed()
	d.press("enter")
	d.in("lock")
	d.press("!")
	d.mustShow("when session 00000000000000a1 is gone")
	d.press("esc", "j", "!")
	d.mustShow("when session 00000000000000a2 of backup is gone")
	d.press("esc", "enter")
	d.in("session")
	d.mustShow("▸ session 00000000000000a2 · backup ─")
	d.press("esc", "k", "enter")
	d.mustShow("▸ session 00000000000000a1 ─")
}
