package app

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/state"
)

// incident is a cluster in trouble: two sessions that wait for each other, a
// client that has gone away, and a request that nothing ever removes.
func incident(d *driver) {
	d.t.Helper()
	request := func(name string, mode keyspace.Mode, lease int64, label string, ago time.Duration) {
		d.cluster.Put(inspect.Request{
			Lock: rw(name), Mode: mode, Lease: lease, Owned: true, Since: d.clock.Now().Add(-ago),
			Owner: keyspace.Owner{Host: "web-1", PID: int(lease), Program: "svc", Label: label}.Ref(),
		})
	}
	request("/orders", keyspace.Write, 0xa1, "billing", 90*time.Second)
	request("/stock", keyspace.Write, 0xa2, "shipping", 80*time.Second)
	request("/stock", keyspace.Write, 0xa1, "billing", 70*time.Second)
	request("/orders", keyspace.Write, 0xa2, "shipping", 60*time.Second)
	request("/orders", keyspace.Read, 0xa3, "report", 50*time.Second)
	request("/cache", keyspace.Write, 0xa4, "warmer", 40*time.Second)
	request("/cache", keyspace.Read, 0xa5, "api", 35*time.Second)
	request("/legacy", keyspace.Write, 0, "nightly", 3*time.Hour)
	d.cluster.SetLease(0xa4, inspect.Lease{State: inspect.LeaseAlive, Granted: 90 * time.Second, Remaining: 50 * time.Second})
	d.until("all is there", func() bool { return d.m.Live.Revision == 108 })
	d.diagnosed()
	d.diagnosed()
	d.until("looked up", func() bool {
		ttl, ok := d.m.LeaseLeft(0xa5)
		return ok && ttl > 0 && d.m.effects.Idle()
	})
	d.diagnosed()
	d.idle()
}

// The worst lock is at the top, the cursor on it, and its queue beside it.
func TestLocksScreen(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	if d.names() != "/orders /stock /cache /legacy" || d.selected() != "/orders" {
		t.Errorf("%s, the cursor is on %s", d.names(), d.selected())
	}
	d.row("/orders").has(">", "✗", "▲ contended")
	d.row("/legacy").has("!", "● write")
	d.mustShow("✗ deadlock")
	d.row("└ ○ write").has("shipping svc[162]@web-1")
	d.row("└ ○ read").has("report svc[163]@web-1")
	d.mustShow("3 problems ✗")

	t.Run("Marks", func(t *testing.T) {
		d.press("m", "m")
		d.mustShow("2 marked")
		if got := d.home().Copied(); len(got) != 2 || got[0] != "/orders" {
			t.Errorf("copied %q", got)
		}
		if got := d.home().Sheet(); len(got.Rows) != 2 || got.Rows[0][1] != "/orders" || got.Rows[0][0] != "deadlock" {
			t.Errorf("exported %q", got)
		}
		d.press("M")
		d.mustNotShow("marked")
	})

	t.Run("Mouse", func(t *testing.T) {
		d.send(tea.MouseClickMsg{X: 10, Y: 5, Button: tea.MouseLeft})
		if d.selected() != "/stock" {
			t.Errorf("the cursor is on %s", d.selected())
		}
		d.send(tea.MouseClickMsg{X: 10, Y: 3, Button: tea.MouseLeft}) // the heading of the names
		if d.names() != "/cache /legacy /orders /stock" {
			t.Errorf("sorted %s", d.names())
		}
		d.send(tea.MouseWheelMsg{X: 10, Y: 6, Button: tea.MouseWheelUp})
		if d.selected() != "/cache" {
			t.Errorf("the cursor is on %s", d.selected())
		}
		d.send(tea.MouseClickMsg{X: 10, Y: 4, Button: tea.MouseLeft}) // again
		d.in("lock")
		d.send(tea.MouseClickMsg{X: 12, Y: 1, Button: tea.MouseLeft})
		d.in("sessions")
	})
}

// A lock's queue says why each waits, and its lanes what its sessions did.
func TestLockScreen(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("enter")
	d.in("lock")
	d.mustShow("/orders · rwlock · 1 holding, 2 waiting")
	d.mustShow("behind 1: writer #1")
	d.mustShow("behind 2: writer #2")
	d.mustShow("#1 billing svc[161]@web-1")
	d.mustShow("  etcd-lock release --lease 00000000000000a2")
	d.mustShow("… 12 more lines: J")
	holder := d.queue()[0]
	d.cluster.Remove(holder.Lock, holder.Key)
	d.until("the next one holds", func() bool {
		l, _ := d.m.Live.Find(holder.Lock)
		return l.Queue[0].Lease == 0xa2
	})
	d.clock.add(5 * time.Second)
	d.send(tickMsg{})
	d.mustShow("░▇")
	d.press("G", "enter")
	d.in("session")
	d.press("esc")
	d.in("lock")
	d.press("esc")
	d.in("locks")
	d.press("esc")
	d.in("locks")
}

// A session says how its lease does, and what ending it would release.
func TestSessionsScreen(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("2")
	d.mustShow("sessions 6")
	d.mustShow("! none 40s")
	d.mustShow("! none")
	d.mustShow("never")
	d.press("/")
	d.typed("nobody")
	d.mustShow("no row matches “nobody”; esc shows all")
	d.press("esc", "/")
	d.typed("billing")
	d.mustShow("sessions 1 of 6")
	d.press("enter", "enter")
	d.in("session")
	d.mustShow("session 00000000000000a1 · billing svc[161]@web-1")
	d.mustShow("● releases write /orders")
	d.mustShow("○ cancels its wait for write /stock")
	d.mustShow("→ next: shipping svc[162]@web-1 gets write /orders")
	d.press("enter")
	d.in("lock")
}

// The sessions are sorted by what one looks for; those of which that is not
// known are last.
func TestSessionsSort(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("2")
	for _, step := range []struct{ key, leases string }{
		{"S", "0 a1 a2 a3 a4 a5"}, {"S", "a5 a4 a3 a2 a1 0"}, {"N", "a5 a1 0 a3 a2 a4"}, {"L", "a4 a1 a2 a3 a5 0"},
		{"T", "a1 a2 a3 a5 a4 0"}, {"T", "a4 a1 a2 a3 a5 0"}, {"H", "a1 a2 a4 0 a3 a5"}, {"W", "a1 a2 a3 a5 a4 0"}, {"A", "0 a1 a2 a3 a4 a5"},
	} {
		d.press(step.key)
		if got := strings.NewReplacer("no lease", "0", "00000000000000", "").Replace(strings.Join(d.column("session"), " ")); got != step.leases {
			t.Errorf("%s: %s, want %s", step.key, got, step.leases)
		}
	}
	d.send(tea.MouseClickMsg{X: 10, Y: 5, Button: tea.MouseLeft}) // the second row
	d.send(tea.MouseClickMsg{X: 10, Y: 5, Button: tea.MouseLeft})
	d.in("session")
	d.mustShow("session 00000000000000a1 ·")
}

// A session that ends says so where it was, and what is below goes on to scroll.
func TestSessionScreen(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("2", "enter")
	d.in("session")
	d.mustShow("● holding write /orders")
	d.mustShow("renewals ● renewed")
	d.mustShow("granted 9s")
	d.send(resize(80, 12))
	d.mustNotShow("→ next")
	d.press("J", "J", "J")
	d.mustShow("→ next")
	d.press("K", "K", "K")
	d.mustNotShow("→ next")
	d.send(resize(80, 24))
	d.cluster.Revoke(0xa1)
	d.until("gone", func() bool { return d.m.Live.Revision > 108 })
	d.diagnosed()
	d.mustShow("this session has ended, or has no requests left")
	d.mustNotShow("releases")
	d.press("enter")
	d.in("session")
}

// The log is a table like the others. While the picture stands still, so does
// it.
func TestEventsScreen(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("7")
	d.mustShow(">  15:09:26 ● granted  write /legacy  nightly svc@web-1")
	d.press("/")
	d.typed("~orders.*report")
	d.press("enter")
	d.mustShow("events 1 line · filter “~orders.*report”")
	if got := d.m.screens.Front().Grid().Sheet(); len(got.Rows) != 1 || got.Rows[0][0] != "2026-03-14T15:09:26Z" || got.Rows[0][1] != "waiting" {
		t.Errorf("exported %q", got.Rows)
	}
	d.press("enter")
	d.in("lock")
	d.mustShow("/orders · rwlock")
	d.press("esc", "esc")
	d.in("events")
	d.send(tea.MouseWheelMsg{X: 10, Y: 6, Button: tea.MouseWheelDown})
	d.mustShow("g follows the newest")
	d.press("g")
	d.mustNotShow("g follows the newest")
	d.send(tea.MouseClickMsg{X: 10, Y: 5, Button: tea.MouseLeft}) // the second row
	d.mustShow("g follows the newest")
	d.send(tea.MouseClickMsg{X: 10, Y: 5, Button: tea.MouseLeft})
	d.in("lock")
	d.press("esc", "g", "space")
	d.put("/new", keyspace.Read, 0)
	d.send(tickMsg{})
	d.mustNotShow("/new")
	d.press("space")
	d.mustShow("granted  read  /new")
	d.m.Log.Add(state.EntryNote, d.clock.Now(), "about no lock")
	d.send(tickMsg{})
	d.press("enter")
	d.in("events")
}

// No message and no picture asks anybody anything: that is for commands.
func TestNoIO(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.Scenarios = backendtest.Scenarios{Scenarios: []backend.Scenario{{Name: "s"}}}
	})
	incident(d)
	d.idle()
	before := d.cluster.Calls.Load()
	d.clock.add(time.Hour)
	var commands int
	update := func(msg tea.Msg) {
		if _, cmd := d.m.Update(msg); cmd != nil {
			commands++ // and it is not run
		}
		d.m.View()
	}
	for _, s := range everyScreen {
		for _, k := range append(s.keys, "w", "r", "u", "m", "y", "e", "j", "space", "space", "tab", "W", "esc", "esc") {
			update(keyPress(k))
		}
		update(tickMsg{})
		update(resize(120, 40))
		d.cluster.Put(inspect.Request{Lock: rw("/more")})
	}
	if got := d.cluster.Calls.Load() - before; got != 0 || commands == 0 {
		t.Errorf("%d calls, %d commands", got, commands)
	}
}

// What the screens look like in trouble.
func TestGoldenIncident(t *testing.T) {
	golden(t, "incident_200x60", 200, 60, incident)
	golden(t, "incident_160x50", 160, 50, incident)
	golden(t, "incident_150x38", 150, 38, incident) // the findings beside are whole there too
	golden(t, "lock_80x24", 80, 24, func(d *driver) { incident(d); d.press("enter"); d.in("lock") })
	golden(t, "lock_200x60", 200, 60, func(d *driver) { incident(d); d.press("enter"); d.in("lock") })
	golden(t, "sessions_80x24", 80, 24, func(d *driver) { incident(d); d.press("2") })
	golden(t, "session_80x24", 80, 24, func(d *driver) { incident(d); d.press("2", "enter"); d.in("session") })
	golden(t, "problems_80x24", 80, 24, func(d *driver) { incident(d); d.press("3") })
	golden(t, "problems_200x60", 200, 60, func(d *driver) { incident(d); d.press("3") })
	golden(t, "events_80x24", 80, 24, func(d *driver) { incident(d); d.press("7") })
}

// A tall terminal shows below the sessions what ending the one under the cursor
// would do, and a small one the sessions alone.
func TestSessionsPeek(t *testing.T) {
	d := newDriver(t, nil)
	for i, lock := range []string{"/a", "/b"} {
		d.cluster.Put(inspect.Request{Lock: rw(lock), Mode: keyspace.Write, Lease: int64(i + 1)})
	}
	d.until("both are there", func() bool { return len(d.m.Live.Locks) == 2 })
	d.diagnosed()
	d.send(resize(120, 36))
	d.press("2")
	d.mustShow("releases write /a")
	d.press("j")
	d.mustShow("releases write /b")
	d.mustNotShow("releases write /a")

	for i := range 30 {
		d.cluster.Put(inspect.Request{Lock: rw("/c" + strconv.Itoa(10+i)), Mode: keyspace.Write, Lease: 2})
	}
	d.until("all are there", func() bool { return len(d.m.Live.Locks) == 32 })
	d.diagnosed()
	d.mustNotShow("releases write /c39")
	d.press("J", "J", "J", "J")
	d.mustShow("releases write /c39")
	d.press("K", "K", "K", "K", "?")
	d.mustShow("more: scroll the text below")
	d.press("esc")
	d.send(resize(80, 24))
	d.mustNotShow("releases")
}

// However deep the tree, one sees who reads and who writes.
func TestDeepTree(t *testing.T) {
	d := newDriver(t, nil)
	d.send(resize(120, 36))
	for i := range 6 {
		mode := keyspace.Write
		if i%2 == 1 {
			mode = keyspace.Read
		}
		d.put("/a", mode, time.Duration(10-i)*time.Second)
	}
	d.mustShow("      └ ○ write   worker")
	d.mustShow("        └ ○ read  worker")
}

// On every screen, a key does one thing, and those for an order are there where
// there is one.
func TestKeys(t *testing.T) {
	d, _ := withForce(t)
	incident(d)
	d.send(resize(160, 60))
	for kind := nav.KindLocks; kind <= nav.LastKind; kind++ {
		s := screens.New(d.m.Context, nav.Ref{Kind: kind, Lock: rw("/orders"), Session: inspect.SessionID{Lease: 0xa1}})
		d.m.screens.Push(s)
		d.m.arrive()
		does := map[string]string{}
		sorts := false
		for _, g := range append(s.Bindings(), d.m.keys...) {
			for _, b := range g.Bindings {
				for _, k := range strings.Fields(b.Keys) {
					if before := does[k]; before != "" {
						t.Errorf("%s: %s: %s, and %s", kind, k, before, b.Short)
					}
					does[k] = b.Short
				}
			}
			sorts = sorts || g.Title == "sort"
		}
		if g := s.Grid(); g != nil && sorts != (len(g.Sortable()) > 0) {
			t.Errorf("%s: has keys for an order: %v; is sorted by %v", s.Ref().Kind, sorts, g.Sortable())
		}
		isSort := func(c command) bool { return c.name == "sort" && c.off == "" }
		if slices.ContainsFunc(commands(d.m), isSort) != sorts {
			t.Errorf("%s: has keys for an order: %v; and the command is the other way round", s.Ref().Kind, sorts)
		}
	}
}

// Owners are shown whole where there is room, and take none that they do not
// need from the others.
func TestOwnersWidth(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Write, time.Minute)
	d.press("enter")
	d.in("lock")
	d.send(resize(120, 36))
	d.mustShow("694d8f9b0a1c0001") // the session's whole name
	d.cluster.Put(inspect.Request{
		Lock: rw("/a"), Mode: keyspace.Write, Owned: true,
		Owner: keyspace.Owner{Host: "worker-17.example.internal", PID: 4711, Program: "nightly"}.Ref(),
	})
	d.until("both are there", func() bool {
		l, _ := d.m.Live.Find(rw("/a"))
		return len(l.Queue) == 2
	})
	d.mustShow("nightly[4711]@worker-17.example.internal none")
}
