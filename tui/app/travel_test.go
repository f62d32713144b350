package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
)

// withPast is a driver with a lock's past: at 101 a writer holds /jobs, at 102
// and 103 others wait, at 104 the first has gone, and 105 is of another lock.
func withPast(t *testing.T, floor int64) (*driver, *backendtest.History) {
	t.Helper()
	c := &backendtest.History{Floor: floor}
	d := newDriver(t, func(o *backend.Options) {
		c.Cluster = o.Source.(*backendtest.Cluster)
		o.Past, o.Releaser = c, &backendtest.Releaser{Cluster: c.Cluster}
	})
	d.story()
	return d, c
}

func (d *driver) story() {
	d.t.Helper()
	first := d.put("/jobs", keyspace.Write, 9*time.Second)
	for _, label := range []string{"second", "third"} {
		d.cluster.Put(inspect.Request{
			Lock: rw("/jobs"), Mode: keyspace.Write, Lease: 0xb, Owned: true, Since: d.clock.Now(),
			Owner: keyspace.Owner{Label: label}.Ref(),
		})
	}
	d.cluster.Remove(first.Lock, first.Key)
	d.put("/other", keyspace.Read, 0)
	d.diagnosed()
	d.diagnosed()
	d.idle()
}

// standsAt goes on until the picture of a revision is shown, 0 being live.
func (d *driver) standsAt(revision int64) {
	d.t.Helper()
	d.until(fmt.Sprint("at ", revision), func() bool {
		if revision == 0 {
			return d.m.Frozen == nil
		}
		return d.m.InPast() && d.m.Frozen.Revision == revision && d.m.effects.Idle()
	})
}

// One steps through the revisions at which something changed, and no others.
func TestTravel(t *testing.T) {
	d, c := withPast(t, 100)
	if len(c.Reads) != 0 || c.Snapshots != 0 {
		t.Fatalf("read before anybody asked: %v, %d", c.Reads, c.Snapshots)
	}
	d.press("[")
	d.standsAt(104)
	d.mustShow("PAST rev 104, oldest 100")
	d.mustShow("▸ PAST · locks 1")
	d.mustShow("live is 1 revision ahead: b")
	d.mustShow("live rev 105")
	for _, at := range []int64{103, 102, 101, 100} {
		d.press("[")
		d.standsAt(at)
	}
	d.mustShow("· free")
	d.press("[")
	d.mustShow("older revisions are compacted: history starts at 100")
	d.press("]", "]", "]") // faster than they can be read
	d.standsAt(103)
	d.mustShow("▲ contended")
	if !slices.Equal(c.Reads, []string{"1-105"}) {
		t.Errorf("read %v", c.Reads)
	}

	t.Run("TheWatchGoesOn", func(t *testing.T) {
		d.put("/new", keyspace.Read, 0)
		d.mustShow("live is 3 revisions ahead")
		d.mustNotShow("/new")
		d.press("b")
		d.standsAt(0)
		d.mustShow("/new")
		d.mustNotShow("PAST")
	})

	t.Run("OnToThePresent", func(t *testing.T) {
		d.press("[")
		d.standsAt(105)
		d.press("]")
		d.standsAt(106)
		d.press("]")
		d.standsAt(0)
		d.press("]")
		d.mustShow("already at the latest revision")
	})
}

// A revision can be typed. One that etcd does not have is said, and changes
// nothing.
func TestTravelCommand(t *testing.T) {
	d, c := withPast(t, 102)
	run := func(text string) { d.press(":"); d.typed(text); d.press("enter") }
	run("rev 103")
	d.standsAt(103)
	if len(c.Reads) != 0 {
		t.Errorf("read %v", c.Reads)
	}
	run("rev 7")
	d.until("said", func() bool { return d.m.flash.on(d.m.Now) && d.m.flash.isError })
	d.mustShow("the oldest that it remembers is 102")
	d.standsAt(103)
	run("rev 9999")
	d.idle()
	d.mustShow("has not come to that revision yet")
	run("rev x")
	d.mustShow("rev: want a revision, such as 105")
	run("live")
	d.standsAt(0)
	run("rev 103")
	d.standsAt(103)
	d.press("space")
	d.standsAt(0)
}

// In the past nothing can be done, and there are no keys for it.
func TestTravelIsReadOnly(t *testing.T) {
	d, _ := withPast(t, 100)
	d.press("enter", "[")
	d.standsAt(104)
	d.press("w", "r", "n", "u", "ctrl+x", "ctrl+k")
	if len(d.m.Requests) > 0 || d.m.asked != nil || d.m.line.mode != lineClosed {
		t.Errorf("ours %d, dialog %v, mode %v", len(d.m.Requests), d.m.asked, d.m.line.mode)
	}
	d.press("?")
	d.mustNotShow(screens.DangerTitle)
	d.mustNotShow("request a write lock")
	d.press("esc", "2")
	d.mustShow("▸ PAST · sessions")
	d.mustNotShow("● renewed")
	d.mustNotShow("9s")
	d.press("b")
	d.standsAt(0)
	d.press("2", "ctrl+k")
	if d.m.asked == nil {
		t.Error("back in the present, nothing can be released")
	}
}

// A lock's history is read when it is asked for, and leads to its revisions.
func TestHistoryScreen(t *testing.T) {
	d, c := withPast(t, 100)
	d.do(nav.Select{Lock: rw("/jobs")})
	d.press("enter", "H")
	d.until("read", func() bool { return d.m.Changes != nil })
	d.mustShow("history of /jobs · revisions 100 to 105 · oldest 100")
	d.mustShow("104 · released")
	d.mustNotShow("/other")
	d.mustNotShow("mode  lock") // it is in the title
	d.press("G", "enter")
	d.standsAt(101)
	d.mustShow("▸ 101")
	d.press("o")
	d.mustShow("older revisions are compacted")
	d.press("esc")
	d.in("lock")
	d.mustShow("history, as far as read")
	d.mustShow("101 ● granted")
	d.mustNotShow("104 ·")
	d.press("b", "t")
	d.standsAt(104)
	if len(c.Reads) != 1 {
		t.Errorf("read %v", c.Reads)
	}
}

// What changed at all is a view of its own, which reads nothing by itself.
func TestPastScreen(t *testing.T) {
	d, c := withPast(t, 100)
	d.press("6")
	d.mustShow("enter reads the latest changes; etcd scans all writes since then")
	if len(c.Reads) != 0 {
		t.Errorf("read %v", c.Reads)
	}
	d.press("enter")
	d.until("read", func() bool { return d.m.Changes != nil })
	d.mustShow("105 ● granted")
	d.press("down", "enter")
	d.standsAt(104)
	d.mustShow("▸ 104")
	d.press("/")
	d.typed("third")
	d.press("enter")
	d.mustShow("oldest 100 · filter “third”")
	d.send(tea.MouseClickMsg{X: 10, Y: 4, Button: tea.MouseLeft})
	d.standsAt(103)
	d.press("o")
	d.mustShow("older revisions are compacted: history starts at 100")
}

// What was read once grows old: what has changed since is one key away.
func TestPastNewest(t *testing.T) {
	d, c := withPast(t, 100)
	d.press("6", "enter")
	d.until("read", func() bool { return d.m.Changes != nil })
	r := d.put("/late", keyspace.Read, 0)
	d.mustNotShow("/late")
	d.press("n")
	d.until("read anew", func() bool { return d.m.Changes.Until.Revision == r.Revision })
	d.mustShow("106 ● granted  read  /late")
	if len(c.Reads) != 2 {
		t.Errorf("read %v", c.Reads)
	}
}

// Having arrived is answer enough: nothing that was said before stays.
func TestTravelSaysNothingOld(t *testing.T) {
	d, _ := withPast(t, 100)
	d.press(":")
	d.typed("rev x")
	d.press("enter")
	d.mustShow("✗ rev: want a revision, such as")
	d.press(":")
	d.typed("rev 104")
	d.press("enter")
	d.standsAt(104)
	d.mustNotShow("want a revision")
}

// A window without a change is one press, not a search through all that was.
func TestTravelWindows(t *testing.T) {
	d, c := withPast(t, 100)
	d.cluster.GoTo(5000)
	d.put("/late", keyspace.Read, 0)
	for _, at := range []int64{4001, 3001, 2001} {
		d.press("[")
		d.standsAt(at)
	}
	if !slices.Equal(c.Reads, []string{"4001-5001", "3001-4001", "2001-3001"}) {
		t.Errorf("read %v", c.Reads)
	}
	d.press("]")
	d.standsAt(3001)
}

func TestGoldenTravel(t *testing.T) {
	c := &backendtest.History{Floor: 100}
	golden(t, "past_80x24", 80, 24, func(d *driver) {
		d.story()
		d.press("6", "enter")
		d.until("read", func() bool { return d.m.Changes != nil })
		d.press("down", "enter")
		d.standsAt(104)
	}, func(o *backend.Options) { c.Cluster, o.Past = o.Source.(*backendtest.Cluster), c })
}

// The frames of the past differ in colour too.
func TestTravelTheme(t *testing.T) {
	d, _ := withPast(t, 100)
	before := d.m.Theme.Border.Render("─")
	d.press("[")
	d.standsAt(104)
	if after := d.m.Theme.Border.Render("─"); after == before || ansi.Strip(after) != "─" {
		t.Errorf("%q, %q", before, after)
	}
}

// Nothing in the past breaks the screens, whatever stood in etcd.
func TestTravelFits(t *testing.T) {
	d, c := withPast(t, 100)
	then := hostile(d.clock.Now())
	trail := &backend.Changes{Floor: backend.Place{Revision: 1}, Since: backend.Place{Revision: 1}, Until: backend.Place{Revision: 1 << 62}}
	for _, l := range then.Locks {
		for _, r := range l.Queue {
			trail.Events = append(trail.Events, backend.Change{Event: inspect.Event{Kind: "\x1b[2J", Request: r, Revision: r.Revision}, Place: backend.Place{Revision: r.Revision}})
		}
	}
	d.m.Changes = trail
	c.Then = &backend.Moment{Snapshot: then, Place: backend.Place{Revision: then.Revision}, Floor: backend.Place{Revision: 1 << 60}}
	d.do(nav.GoTo{Place: c.Then.Place})
	d.standsAt(then.Revision)
	for _, keys := range [][]string{{"1"}, {"1", "enter"}, {"1", "enter", "H"}, {"2"}, {"2", "enter"}, {"3"}, {"6"}} {
		d.press(keys...)
		d.fits(strings.Join(keys, " "), 1)
		d.press("esc", "esc", "esc")
	}
}

// Where nothing is older, nothing offers to read it.
func TestNoHistory(t *testing.T) {
	d, _ := withPast(t, 100)
	d.press(":")
	d.typed("lock /never")
	d.press("enter", "H", "enter")
	d.until("read", func() bool { return d.m.Changes != nil })
	for d.m.Changes.Since.Compare(d.m.Changes.Floor) > 0 {
		d.mustShow("no changes in that time; o reads older ones")
		d.press("o")
		d.idle()
	}
	d.mustShow("no changes; older revisions are compacted: history starts at 100")
}
