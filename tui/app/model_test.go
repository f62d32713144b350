package app

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// The cursor is on a lock, whatever happens around it.
func TestSelection(t *testing.T) {
	t.Run("Kept", func(t *testing.T) {
		d := newDriver(t, nil)
		d.put("/b", keyspace.Read, 0)
		d.put("/c", keyspace.Read, 0)
		d.press("j")
		d.put("/a", keyspace.Write, 0)
		d.put("/c", keyspace.Write, 0)
		if d.selected() != "/c" {
			t.Errorf("selected %s", d.selected())
		}
		d.press("W")
		if d.selected() != "/c" || d.names() != "/c /a /b" {
			t.Errorf("selected %s of %s", d.selected(), d.names())
		}
	})

	t.Run("VanishedStaysUntilLeft", func(t *testing.T) {
		d := newDriver(t, nil)
		d.put("/a", keyspace.Read, 0)
		b := d.put("/b", keyspace.Read, 0)
		d.put("/c", keyspace.Read, 0)
		d.press("j")
		d.cluster.Remove(b.Lock, b.Key)
		d.until("free", func() bool { return len(d.m.Live.Locks) == 2 })
		if d.selected() != "/b" || d.names() != "/a /b /c" {
			t.Errorf("selected %s of %s", d.selected(), d.names())
		}
		d.mustShow("· free")
		d.press("j")
		if d.selected() != "/c" || d.names() != "/a /c" {
			t.Errorf("selected %s of %s", d.selected(), d.names())
		}
	})

	t.Run("OfTheQueue", func(t *testing.T) {
		d := newDriver(t, nil)
		first := d.put("/a", keyspace.Write, 0)
		d.put("/a", keyspace.Write, 0)
		want := d.put("/a", keyspace.Write, 0)
		d.press("enter")
		d.in("lock")
		d.press("G")
		d.cluster.Remove(first.Lock, first.Key)
		d.until("shorter", func() bool { return len(d.column("#")) == 2 })
		if got := d.grid().Copied(); got[0] != want.Key {
			t.Errorf("the cursor is on %s", got)
		}
	})
}

// A filter is kept by enter, cleared by esc and shown.
func TestFilter(t *testing.T) {
	d := newDriver(t, nil)
	for _, n := range []string{"/billing", "/orders/eu", "/orders/us"} {
		d.put(n, keyspace.Read, 0)
	}
	d.press("/")
	d.typed("order")
	d.mustShow("locks 2 of 3 · filter “order”")
	d.press("enter")
	if d.names() != "/orders/eu /orders/us" {
		t.Errorf("shows %s", d.names())
	}
	d.press("esc")
	if d.names() != "/billing /orders/eu /orders/us" {
		t.Errorf("shows %s", d.names())
	}
	d.press("/")
	d.typed("q") // types, and does not quit
	d.mustShow("no row matches “q”; esc shows all")
	d.press("esc")
	d.mustNotShow("filter “")
	d.press("/")
	d.typed("~(")
	d.press("enter")
	d.mustShow("filter: ~(")
	d.mustShow("✗ error parsing regexp")
	d.typed("eu)")
	d.press("enter")
	d.mustShow("1 of 3 · filter “~(eu)”")
}

// A filter finds locks by whoever holds or waits for them, and by numbers.
func TestFilterFields(t *testing.T) {
	d := newDriver(t, nil)
	r := d.put("/a", keyspace.Read, time.Minute)
	d.put("/b", keyspace.Write, time.Hour)
	d.put("/b", keyspace.Write, 10*time.Minute)
	for text, names := range map[string]string{
		"web-1": "/b /a", "host:web-2": "", "owner:worker": "/b /a", "session:" + format.Lease(r.Lease): "/b /a", "mode:write": "/b",
		"!mode:write": "/a", "state:contended": "/b", "waiters>0": "/b", "waiters=0": "/a", "waited>5m": "/b", "held<5m": "/a", "layout:rw /b": "/b",
	} {
		d.press("/")
		d.typed(text)
		d.press("enter")
		if got := d.names(); got != names {
			t.Errorf("%s shows %q, want %q", text, got, names)
		}
		d.press("esc")
	}
	d.press("/")
	d.typed("waiters>many")
	d.press("enter")
	d.mustShow("✗ many is not a number or a time (2d3h)")
	d.press("esc", "/")
	d.typed("foo:bar")
	d.press("enter")
	d.mustShow("there is no field foo, so that was")
	d.mustShow("looked for as text; fields: class, finding, held, holder, host,")
}

// A filter finds clients as they are shown, where there is little room too.
func TestFilterBriefly(t *testing.T) {
	t.Parallel()
	d := newDriver(t, nil)
	incident(d)
	for _, c := range []struct{ view, column string }{{"1", "holder"}, {"1", "owner"}, {"2", "client"}, {"1", ""}} {
		d.press(c.view)
		if c.column == "" {
			d.press("enter")
			c.column = "owner"
		}
		for _, field := range []string{"", c.column + ":", c.column + ":~^"} {
			d.press("/")
			d.typed(field + "billing@web-1")
			d.press("enter")
			d.mustShow("filter “" + field + "billing@web-1”")
			d.mustNotShow("no row matches")
			d.press("esc")
		}
	}
}

// A quiet hold does not come before locks that clients wait for, however old it is.
func TestContendedBeforeQuiet(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a/quiet", keyspace.Write, 100*24*time.Hour)
	for range 3 {
		d.put("/b/some", keyspace.Write, 0)
	}
	for range 9 {
		d.put("/c/many", keyspace.Write, 0)
	}
	d.diagnosed()
	if got := d.names(); got != "/c/many /b/some /a/quiet" {
		t.Errorf("the order is %s", got)
	}
}

// A letter sorts, again reverses, an arrow shows it.
func TestSort(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Read, time.Minute)
	d.put("/b", keyspace.Write, time.Hour)
	d.put("/b", keyspace.Write, 0)
	d.put("/c", keyspace.Read, time.Second)
	for _, step := range []struct{ key, names, arrow string }{
		{"N", "/a /b /c", "name▲"},
		{"N", "/c /b /a", "name▼"},
		{"W", "/b /a /c", "waiters▼"},
		{"W", "/a /c /b", "waiters▲"},
		{"A", "/b /a /c", "waited▼"},
		{"H", "/b /a /c", "held▼"},
		{"H", "/c /a /b", "held▲"},
		{"N", "/a /b /c", "name▲"},
		{"R", "/c /b /a", "name▼"},
		{">", "/b /a /c", ""}, // the layout, for which there is no room,
		{"<", "/a /b /c", "name▲"},
		{"<", "/b /a /c", ""}, // the finding
		{"<", "/b /a /c", "worst first"},
	} {
		d.press(step.key)
		if d.names() != step.names {
			t.Errorf("%s: %s, want %s", step.key, d.names(), step.names)
		}
		d.mustShow(step.arrow)
	}
}

// A paused picture stands still and says so; nothing is lost.
func TestPause(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Read, 3*time.Second)
	d.press("space")
	d.clock.add(time.Minute)
	d.put("/b", keyspace.Read, 0)
	d.mustShow("PAUSED")
	d.mustShow("1 update missed")
	d.mustShow("≤3s")
	if d.names() != "/a" {
		t.Errorf("shows %s", d.names())
	}
	d.press("space")
	d.mustNotShow("PAUSED")
	d.mustShow("1m3s")
	d.press("7")
	d.mustShow("granted  read  /b")
}

// Losing etcd keeps the last picture and heals by itself.
func TestLosingEtcd(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Read, 0)
	d.cluster.SetDown(errors.New("rpc error: code = Unavailable desc = dial tcp: connection refused"))
	d.until("lost", func() bool { return d.m.Conn.Lost })
	d.clock.add(5 * time.Second)
	d.send(tickMsg{})
	d.mustShow("✗ not answering for 5s")
	d.send(resize(120, 30))
	d.mustShow("✗ not answering for 5s: dial tcp: connection refused")
	d.mustShow("/a")
	d.cluster.SetDown(nil)
	d.until("healed", func() bool { return d.m.Connected() })
	d.mustShow("● connected")
	d.mustShow("etcd answers again after 5s")
}

// What an update tells beside that etcd does not answer is not told again, so it
// is taken in.
func TestEventsWhileLosingEtcd(t *testing.T) {
	d := newDriver(t, nil)
	r := d.put("/a", keyspace.Write, 0)
	d.cluster.SetDown(errors.New("rpc error: code = Unavailable desc = dial tcp: connection refused"))
	d.until("lost", func() bool { return d.m.Conn.Lost })
	d.cluster.Remove(r.Lock, r.Key)
	d.until("told", func() bool { return len(d.m.Journal.Ended) == 1 })
	d.cluster.SetDown(nil)
	d.until("healed", func() bool { return d.m.Connected() })
	if len(d.m.Journal.Living) != 0 {
		t.Errorf("the journal has %v", d.m.Journal.Living)
	}
	d.press("7")
	d.mustShow("· released write /a")
}

// What may not be done is not in the help either.
func TestReadOnly(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.ReadOnly = true
		o.Scenarios = backendtest.Scenarios{Scenarios: []backend.Scenario{{Name: "s"}}}
	})
	d.put("/a", keyspace.Read, 0)
	d.press("r", "w", "u", "n", "x")
	if len(d.m.Requests) != 0 || d.m.line.mode != lineClosed {
		t.Errorf("%d requests, mode %d", len(d.m.Requests), d.m.line.mode)
	}
	d.send(resize(160, 50))
	for _, open := range []bool{false, true} {
		if open {
			d.press("?")
		}
		for _, word := range []string{"read lock", "write lock", "unlock", "release yours", "scenarios", "r read", "new:"} {
			d.mustNotShow(word)
		}
	}
	d.mustShow("filter: text")
}

// A key that is off says why, instead of doing nothing.
func TestKeysThatAreOff(t *testing.T) {
	t.Run("ReadOnly", func(t *testing.T) {
		d := newDriver(t, func(o *backend.Options) {
			o.ReadOnly, o.Scenarios = true, backendtest.Scenarios{}
			o.Releaser = &backendtest.Releaser{Cluster: o.Source.(*backendtest.Cluster)}
		})
		d.put("/a", keyspace.Read, 0)
		for _, key := range []string{"r", "n", "x", "5"} {
			d.press(key)
			d.mustShow(key + ": read-only mode")
		}
		d.press("4", "X")
		d.mustShow("X: read-only mode")
		d.press("2", "ctrl+k")
		d.mustShow("ctrl+k: read-only mode")
	})

	t.Run("NotThere", func(t *testing.T) {
		d := newDriver(t, nil)
		d.press("[")
		d.mustShow("[: not available here")
	})

	t.Run("NothingSelected", func(t *testing.T) {
		d := newDriver(t, nil)
		d.take("w")
		d.mustShow("w: no lock is selected; n to type a name")
		d.press("enter")
		d.mustShow("enter: no lock is selected")
		d.press("?")
		d.mustShow("request a write lock") // it is one move away
	})

	t.Run("InThePast", func(t *testing.T) {
		d, _ := withPast(t, 100)
		d.press("b")
		d.mustShow("b: already live")
		d.press("[")
		d.standsAt(104)
		d.take("w")
		d.mustShow("w: not while history is shown; b goes back to live")
	})
}

// Keys that leave: ctrl+c quits, q on the first screen only, esc never.
func TestQuitKeys(t *testing.T) {
	d := newDriver(t, nil)
	for _, c := range []struct {
		keys []string
		quit bool
	}{
		{[]string{"q"}, true},
		{[]string{"ctrl+c"}, true},
		{[]string{"/", "ctrl+c"}, true},
		{[]string{"?", "q"}, false},
		{[]string{"3", "q"}, false},
		{[]string{"3", "q", "q"}, true},
		{[]string{"3", "ctrl+c"}, true},
		{[]string{"/", "q"}, false},
		{[]string{"esc"}, false},
		{[]string{"?", "esc", "esc"}, false},
	} {
		d.m.line.close()
		d.m.help.open = false
		last := len(c.keys) - 1
		d.press(c.keys[:last]...)
		if got := quits(d.m.key(keyPress(c.keys[last]))); got != c.quit {
			t.Errorf("%v: quits %t", c.keys, got)
		}
	}
}

// quits reports whether an action leaves the UI.
func quits(a nav.Action) bool {
	switch a := a.(type) {
	case nav.Batch:
		return slices.ContainsFunc(a, quits)
	case nav.Do:
		_, ok := a.Cmd().(tea.QuitMsg)
		return ok
	default:
		return false
	}
}

// The log follows the newest line until the cursor leaves it.
func TestLogScroll(t *testing.T) {
	d := newDriver(t, nil)
	for i := range 3 * state.LogCapacity {
		d.m.Log.Add(state.EntryOwn, d.clock.Now(), fmt.Sprintf("line %d.", i))
	}
	if n := len(d.m.Log.Entries); n > 2*state.LogCapacity {
		t.Errorf("%d lines are kept", n)
	}
	d.press("7")
	d.mustShow("line 14999.")
	d.press("j")
	d.mustShow("g follows the newest")
	d.m.Log.Add(state.EntryOwn, d.clock.Now(), "new one")
	d.send(tickMsg{})
	d.mustShow(">  15:09:26 * yours    line 14998.")
	d.press("g")
	d.m.Log.Add(state.EntryOwn, d.clock.Now(), "newest")
	d.send(tickMsg{})
	d.mustShow(">  15:09:26 * yours    newest")
}
