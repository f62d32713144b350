package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/state"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/lockclass"
	"etcd-lock/tui/effects"
)

// rush has report wait 30 seconds for an order that billing holds, which waits for the
// stock that shipping holds, and two more wait for another order.
func rush(d *driver) {
	d.t.Helper()
	var last inspect.Request
	put := func(name string, lease int64, label string) inspect.Request {
		last = d.cluster.Put(inspect.Request{
			Lock: rw(name), Mode: keyspace.Write, Lease: lease, Owned: true, Since: d.clock.Now(), Seen: d.clock.Now(), Saw: true,
			Owner: keyspace.Owner{Host: "web-1", PID: int(lease), Program: "svc", Label: label}.Ref(),
		})
		d.until("it is seen", func() bool { return d.m.Live.Revision >= last.Revision })
		return last
	}
	put("/stock", 0xa2, "shipping")
	held := put("/orders/1", 0xa1, "billing")
	d.clock.add(10 * time.Second)
	put("/orders/1", 0xa3, "report")
	d.clock.add(10 * time.Second)
	put("/stock", 0xa1, "billing")
	d.clock.add(20 * time.Second)
	put("/orders/2", 0xa5, "api")
	put("/orders/2", 0xa6, "api")
	d.clock.add(5 * time.Second)
	d.cluster.Remove(held.Lock, held.Key)
	d.until("it is gone", func() bool { return d.m.Live.Revision > last.Revision })
	d.clock.add(5 * time.Second)
}

// hot goes to what waiting has cost, and on until that is up to date.
func (d *driver) hot() {
	d.t.Helper()
	d.press("8")
	d.in("hot")
	d.idle()
	d.clock.add(5 * time.Second) // after which it is added up in any case
	d.send(tickMsg{})
	d.until("added up", func() bool { return d.m.effects.Idle() && d.m.Costs.To.Equal(d.clock.Now()) })
}

// What waiting cost is shown by class, by owner and by chain, with what each consists of.
func TestHot(t *testing.T) {
	d := newDriver(t, nil)
	rush(d)
	d.hot()
	d.mustShow("hot classes 2 · waited 1m25s")
	d.row(">  /orders/*").has("50s", "59%", "≥35s", " 2 ")
	d.row("/stock").has("35s", "41%", "≥35s")
	d.mustShow("who waited for whom:")
	d.mustShow("report → billing → shipping → [idle holder]")
	d.mustShow("▁")
	d.press("v")
	d.mustShow("hot owners 4")
	d.row("report").has("35s")
	d.row(">  billing").has("35s")
	d.mustShow("others waited 10s")
	d.mustShow("billing → shipping → [idle holder]")
	d.press("v")
	d.mustShow("hot chains 4")
	d.cursorOn("api → api")
	d.mustShow("at locks of:")
	d.press("v")
	d.mustShow("hot classes 2")
}

// The user can say which locks are one class.
func TestHotClasses(t *testing.T) {
	classes, err := lockclass.Parse([]string{"/or*/**", "/stock"})
	if err != nil {
		t.Fatal(err)
	}
	d := newDriver(t, func(o *backend.Options) { o.Classes = classes })
	rush(d)
	d.hot()
	d.mustShow("hot classes 2")
	d.row(">  /or*/**").has("50s")
	d.press("enter")
	d.in("locks")
	if d.names() != "/orders/1 /orders/2" && d.names() != "/orders/2 /orders/1" {
		t.Errorf("the locks are %s", d.names())
	}
}

// One goes from a class to its locks and chains, and from an owner to its chains.
func TestHotOpens(t *testing.T) {
	d := newDriver(t, nil)
	rush(d)
	d.hot()
	d.press("enter")
	d.in("locks")
	d.mustShow("filter “class:~^/orders/[*]$”")
	if d.names() != "/orders/1 /orders/2" && d.names() != "/orders/2 /orders/1" {
		t.Errorf("the locks are %s", d.names())
	}
	d.press("esc", "8")
	d.cursorOn("/stock")
	d.press("c")
	d.mustShow("hot chains 1 of 4")
	d.row(">  billing").has("35s")
	d.press("c")
	d.mustShow("c: these are the chains")
	d.press("enter")
	d.in("locks")
	if d.names() != "/stock" {
		t.Errorf("the locks are %s", d.names())
	}
	d.press("esc", "8", "esc", "v", "v")
	d.cursorOn("report")
	d.press("enter")
	d.mustShow("hot chains 2 of 4")
	d.row(">  report → ").has("25s")
}

func TestHotSorts(t *testing.T) {
	d := newDriver(t, nil)
	rush(d)
	d.hot()
	d.press("v")
	for _, key := range []string{"N", "W", "S", "C", "A", "P", "X", "L"} {
		d.press(key)
		if by := d.grid().Sorted(); by == "" {
			t.Errorf("%s does not sort", key)
		}
		d.press(key)
		if by := d.grid().Sorted(); !strings.HasPrefix(by, "-") {
			t.Errorf("%s again sorts by %s", key, by)
		}
	}
	d.press("/")
	d.typed("waited>=30s")
	d.press("enter")
	if names := d.column("name"); !slices.Contains(names, "report") || slices.Contains(names, "shipping") {
		t.Errorf("filtered to %s", names)
	}
}

// It is not known what was waited while etcd's events were not seen, and that is said.
func TestHotGap(t *testing.T) {
	d := newDriver(t, nil)
	rush(d)
	d.hot()
	s := d.m.Live.Snapshot
	d.clock.add(time.Minute)
	d.send(effects.UpdateMsg{Update: inspect.Update{Snapshot: s, Missed: 7}, OK: true})
	d.hot()
	d.mustShow("? 1 gap, 1m ")
}

// In a recording, it is of the time that the time line shows.
func TestHotReplay(t *testing.T) {
	d := newReplay(t, nil)
	d.command("at 03:12")
	d.at("03:12:00")
	d.press("8")
	d.until("read", func() bool { return d.m.effects.Idle() && d.m.Recorded.Edition > 0 })
	d.mustShow("hot classes 1 · waited 30m from 03:00:00 to 04:00:00")
	d.row(">  /orders").has("30m", "100%")
	d.press("z")
	d.until("read again", func() bool { return d.m.effects.Idle() && d.m.Recorded.Edition > 1 })
	d.mustShow("from 03:04:30 to 03:19:30")
	d.mustShow("waited 9m30s")
	d.row(">  /orders").has("≥9m30s")
}

// Where the past has no times, nothing is said of it.
func TestHotPast(t *testing.T) {
	d, _ := withPast(t, 100)
	d.put("/a", keyspace.Write, 0)
	d.press("8", "[")
	d.until("in the past", d.m.InPast)
	d.mustShow("etcd keeps no times")
}

// All tabs fit at 80 columns: the longest names are left out, in full, and clicks find the
// tabs there.
func TestTabsFit(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.Scenarios = backendtest.Scenarios{}
		o.Past = &backendtest.History{Cluster: backendtest.NewCluster(o.Now)}
	})
	incident(d)
	d.press("enter", "enter")
	d.in("session")
	line := strings.Split(d.plain(), "\n")[1]
	for _, text := range []string{"1 locks", "2 ", "3 problems ✗1 !2", "5 6 past", "8 hot", "→ session"} {
		if !strings.Contains(line, text) {
			t.Errorf("%q is not in %q", text, line)
		}
	}
	before, _, _ := strings.Cut(line, "8 hot")
	d.send(tea.MouseClickMsg{X: ansi.StringWidth(before), Y: 1, Button: tea.MouseLeft})
	d.in("hot")
}

// What is learnt of each event costs the UI next to nothing where it is noted, and little in
// the background.
func TestLearningCost(t *testing.T) {
	c := newCrowd(newClock().Now(), crowdLocks/10)
	var b state.Backlog
	first := c.update().Update
	b.Note(&first, c.now)
	lessons := state.NewLessons(lockclass.Rules{})
	lessons.Learn(b.Take())
	const times = 50
	updates := make([]inspect.Update, 2*(times+1))
	for i := range updates {
		updates[i] = c.update().Update
	}
	next := 0
	if n := testing.AllocsPerRun(times, func() { b.Note(&updates[next], c.now); next++ }); n > 2 {
		t.Errorf("an update of %d events is noted with %v allocations", crowdEvents, n)
	}
	b.Take()
	if n := testing.AllocsPerRun(times, func() {
		b.Note(&updates[next], c.now)
		next++
		lessons.Learn(b.Take())
	}); n > 8*crowdEvents {
		t.Errorf("%d events are learnt from with %v allocations", crowdEvents, n)
	}
}

// What is not learnt from in time is bounded, and a gap then.
func TestBacklog(t *testing.T) {
	c := newCrowd(newClock().Now(), 100)
	var b state.Backlog
	for range 2000 {
		u := c.update().Update
		b.Note(&u, c.now)
	}
	seen, events := b.Take(), 0
	for _, s := range seen {
		events += len(s.Events)
	}
	if events > 50_000 || seen[0].Locks == nil {
		t.Errorf("%d events are kept", events)
	}
	lessons := state.NewLessons(lockclass.Rules{})
	lessons.Learn(seen)
	if p, ok := lessons.Profile(c.now); !ok || p.Events != events {
		t.Errorf("%d events were learnt from, of %d", p.Events, events)
	}
}

// BenchmarkLearn is what is learnt from an update of a tenth of a second.
func BenchmarkLearn(b *testing.B) {
	c := newCrowd(newClock().Now(), crowdLocks)
	var log state.Backlog
	lessons := state.NewLessons(lockclass.Rules{})
	for b.Loop() {
		b.StopTimer()
		u := c.update().Update
		b.StartTimer()
		log.Note(&u, c.now)
		lessons.Learn(log.Take())
	}
}

func TestGoldenHot(t *testing.T) {
	prepare := func(d *driver) {
		rush(d)
		d.hot()
		d.send(effects.DiagnosedMsg{Verdict: state.NewVerdict(d.m.Live.Snapshot, nil, d.clock.Now())}) // not one of just before
	}
	golden(t, "hot_80x24", 80, 24, prepare)
	golden(t, "hot_160x50", 160, 50, func(d *driver) { prepare(d); d.press("v", "v") })
	t.Run("replay", func(t *testing.T) {
		d := newReplay(t, nil)
		d.command("at 03:12")
		d.at("03:12:00")
		d.press("8")
		d.until("read", func() bool { return d.m.effects.Idle() && d.m.Recorded.Edition > 0 })
		checkGolden(t, "hot_80x24_replay", d.plain())
	})
}
