package app

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/state"
)

// addClient opens one more client by keys.
func (d *driver) addClient(label, ttl string) *state.OwnClient {
	d.t.Helper()
	n := len(d.m.Clients)
	d.press("4", "a")
	d.typed(label)
	d.press("enter")
	d.m.line.input.Set(ttl)
	d.press("enter")
	if len(d.m.Clients) != n+1 {
		d.t.Fatalf("%d clients:\n%s", len(d.m.Clients), d.plain())
	}
	c := d.m.Clients[n]
	d.until("it is open", func() bool { return c.Doing == "" })
	d.cursorOn(strconv.Itoa(c.Number) + " " + c.Label)
	return c
}

// ask takes a lock by keys with the client under the cursor.
func (d *driver) ask(key, name, deadline string) *state.OwnRequest {
	d.t.Helper()
	d.press(key)
	d.m.line.input.Set(name)
	d.press("enter")
	d.typed(deadline)
	d.take("enter")
	r := d.m.Requests[len(d.m.Requests)-1]
	d.until("it has asked", func() bool { return r.Key() != "" || r.Over != "" })
	return r
}

// Clients side by side get in each other's way like anybody's.
func TestClients(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) { o.Prefixes = keyspace.Prefixes{"/watched"} })
	d.press("4")
	d.row("1 tui").has("· not opened yet")
	worker := d.addClient("worker", "5s")
	d.row("2 worker").has(">", "● open")
	held := d.ask("w", "/elsewhere", "")
	d.until("held", func() bool { return held.State == state.OwnHeld })
	d.row("└ write /elsewhere").has("● held 0s", "101") // with its token
	d.mustShow("client 2 worker: write lock on /elsewhere: granted")

	d.cursorOn("1 tui")
	waits := d.ask("r", "/elsewhere", "90s")
	d.clock.add(3 * time.Second)
	d.send(tickMsg{})
	d.row("└ read  /elsewhere").has("○ waits 3s of 1m30s")

	t.Run("the row says which goes", func(t *testing.T) {
		d.cursorOn("write /elsewhere")
		d.press("u")
		d.until("the other holds", func() bool { return waits.State == state.OwnHeld })
		d.mustNotShow("write /elsewhere  ")
	})
	t.Run("enter goes to the queue", func(t *testing.T) {
		d.cursorOn("read  /elsewhere")
		d.press("enter")
		d.in("lock")
		d.press("esc")
		d.in("clients")
	})
	t.Run("one that is closed gives back, and goes", func(t *testing.T) {
		d.cursorOn("2 worker")
		again := d.ask("r", "/elsewhere", "")
		d.until("held", func() bool { return again.State == state.OwnHeld })
		d.press("c")
		d.until("closed", func() bool { return worker.Doing == "" })
		d.mustShow("· closed")
		if len(d.m.Requests) != 1 || len(d.cluster.Queue(rw("/elsewhere"))) != 1 {
			t.Errorf("%d requests of ours, in etcd %v", len(d.m.Requests), d.m.Live.Locks)
		}
		d.press("p")
		d.mustShow("✗ client 2 worker: has no open session; o on the Clients screen opens one")
		d.press("o")
		d.until("opened anew", func() bool { return worker.Doing == "" && worker.State().Life == backend.Alive })
		d.press("o")
		d.mustShow("client 2 worker: is open")
		d.press("c")
		d.until("closed", func() bool { return worker.Doing == "" })
		d.press("c")
		d.mustShow("client 2 worker: removed from the list")
		if len(d.m.Clients) != 1 {
			t.Error("it is still on the list")
		}
	})
}

// Nothing that is typed wrong is taken.
func TestClientsNonsense(t *testing.T) {
	d := newDriver(t, nil)
	d.press("4", "a", "enter")
	d.mustShow("✗ a name cannot be empty")
	d.typed("x")
	d.press("enter")
	for _, ttl := range []string{"", "0s", "-1s", "ten", "999h"} {
		d.m.line.input.Set(ttl)
		d.press("enter")
		d.mustShow("✗ a duration from 1s to 24h")
	}
	d.press("esc")
	if len(d.m.Clients) != 1 {
		t.Fatal("there is a client")
	}
	d.press("u")
	d.mustShow("holds nothing and waits for nothing")
	d.take("r")
	d.m.line.input.Set("")
	d.press("enter")
	d.mustShow("✗ a name cannot be empty")
	d.typed("/a")
	d.press("enter")
	d.typed("soon")
	d.press("enter")
	d.mustShow("✗ a duration such as 30s, or nothing")
	d.press("esc", "c")
	d.mustShow("stays on the list; it opens when needed")
	if len(d.m.Requests) != 0 {
		t.Error("asked for a lock")
	}
}

// The names of locks are completed.
func TestClientsComplete(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/orders/eu", keyspace.Read, 0)
	d.put("/orders/us", keyspace.Read, 0)
	d.press("4", "r", "tab")
	if got := d.m.line.input.Text(); got != "/orders/" {
		t.Errorf("completed to %q", got)
	}
	d.press("tab", "tab")
	if got := d.m.line.input.Text(); got != "/orders/us" {
		t.Errorf("completed to %q", got)
	}
	d.press("esc")
}

// A client that stands still hears of nothing; one that crashed has lost all.
func TestClientsFail(t *testing.T) {
	d := newDriver(t, nil)
	c := d.addClient("worker", "5s")
	r := d.ask("w", "/a", "")
	d.until("held", func() bool { return r.State == state.OwnHeld })
	d.press("p")
	d.until("paused", func() bool { return c.Doing == "" })
	d.mustShow("‖ paused")
	d.clock.add(6 * time.Second)
	d.send(tickMsg{})
	d.mustShow("! paused, expired")
	d.mustShow("! believes it holds")
	d.press("p")
	d.until("goes on", func() bool { return c.Doing == "" })
	d.cluster.Revoke(c.State().Lease)
	d.until("lost", func() bool { return r.Over != "" })
	d.mustShow("✗ lost")
	d.mustShow("✗ client 2 worker: write lock on /a: lost")

	r = d.ask("w", "/b", "")
	d.until("held", func() bool { return r.State == state.OwnHeld })
	d.press("X")
	d.until("crashed", func() bool { return c.Doing == "" })
	d.mustShow("✗ crashed")
	d.mustShow("✗ lost in the crash")
	if len(d.m.Requests) != 0 || len(d.cluster.Queue(rw("/b"))) != 1 {
		t.Errorf("%d requests of ours, in etcd %v", len(d.m.Requests), d.m.Live.Locks)
	}
	d.cursorOn("✗ lost in the crash")
	d.press("u")
	d.mustNotShow("✗ lost in the crash")
}

// What was not granted in time is said to be so, and stays on the list.
func TestClientsDeadline(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Write, 0)
	d.press("4")
	r := d.ask("w", "/a", "1ms")
	d.until("over", func() bool { return r.Over != "" })
	d.mustShow("✗ timed out")
	d.mustShow("✗ write lock on /a: not granted within 1ms")
}

// A client whose session cannot be opened or closed says so.
func TestClientsErr(t *testing.T) {
	d := newDriver(t, nil)
	c := d.addClient("worker", "5s")
	c.Client.(*backendtest.Client).Fail = errors.New("no\x1b answer")
	d.press("c")
	d.until("told", func() bool { return strings.Contains(d.plain(), `✗ client 2 worker: no\x1b answer`) })
	d.press("o")
	d.until("told again", func() bool { return c.Doing == "" })
	c.Client.(*backendtest.Client).Fail = nil
}

// Read-only, the screen says so and has no keys.
func TestClientsReadOnly(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) { o.ReadOnly = true })
	d.press("4")
	d.in("clients")
	d.mustShow("read-only")
	d.press("a", "r", "w", "p", "X", "c", "o", "u")
	if d.m.line.mode != lineClosed || len(d.m.Clients) != 0 {
		t.Error("a key works")
	}
	d.mustNotShow("crash")
}

// One's own clients are shown as they are, and can be stopped, while the others
// show the past. Nothing is begun there.
func TestTravelClients(t *testing.T) {
	d, _ := withPast(t, 100)
	c := d.addClient("worker", "5s")
	held := d.ask("w", "/mine", "")
	d.until("held and seen", func() bool { return held.State == state.OwnHeld && d.seen() })
	d.press("[")
	d.standsAt(105)
	d.mustShow("▸ PAST · clients 2 (live)")
	d.mustShow("● held")
	d.press("a", "o", "r", "w")
	if d.m.line.mode != lineClosed || len(d.m.Clients) != 2 || len(d.m.Requests) != 1 {
		t.Errorf("mode %v, %d clients, %d requests", d.m.line.mode, len(d.m.Clients), len(d.m.Requests))
	}
	d.press("?")
	d.mustNotShow("request a write lock")
	d.mustNotShow("add a client")
	d.mustShow("release or cancel the request")
	d.press("esc", "u")
	d.until("released", d.noneOfOurs)
	d.press("p")
	d.until("paused", func() bool { return c.Doing == "" && c.State().Life == backend.Paused })
	d.press("c")
	d.until("closed", func() bool { return c.Doing == "" && c.State().Life == backend.Closed })
	d.mustShow("· closed")
	d.press("b", "a")
	if d.m.line.mode != linePrompt {
		t.Error("back in the present, no client can be added")
	}
}

func TestGoldenClients(t *testing.T) {
	clients := func(d *driver) {
		scene(d)
		held := d.addClient("worker", "5s")
		d.ask("w", "/mine", "")
		d.addClient("report", "30s")
		d.ask("r", "/mine", "1m")
		d.cursorOn("2 worker")
		d.press("p")
		d.until("paused", func() bool { return held.Doing == "" })
		d.cursorOn("3 report")
		d.until("all is seen", func() bool {
			return d.m.Live.Revision == d.cluster.Current() && len(d.m.Requests) == 3 && d.m.Requests[1].State == state.OwnHeld
		})
		d.clock.add(3 * time.Second)
		d.send(tickMsg{})
	}
	golden(t, "clients_80x24", 80, 24, clients)
	golden(t, "clients_200x60", 200, 60, clients)
}

// A client that crashes takes nothing back: what it waited for stays in the queue
// until its lease runs out.
func TestCrashedClientWaits(t *testing.T) {
	for range 20 { // as it happens at the same time as other things
		d := newDriver(t, nil)
		d.put("/a", keyspace.Write, time.Minute)
		d.take("w")
		d.until("waiting", func() bool { return len(d.queue()) == 2 && d.seen() })
		d.press("4", "X")
		d.until("crashed", func() bool { return d.m.Clients[0].Doing == "" })
		d.put("/b", keyspace.Write, 0)
		if l, _ := d.m.Live.Find(rw("/a")); len(l.Queue) != 2 {
			t.Fatal("its request has gone")
		}
	}
}

// A cluster that grants longer TTLs than were asked for is said to.
func TestClientOfASlowCluster(t *testing.T) {
	d := newDriver(t, nil)
	d.cluster.LeastTTL = 15 * time.Second
	d.send(resize(140, 24))
	d.addClient("worker", "2s")
	d.row("2 worker").has("● open, etcd raised TTL to 15s")
}
