package screens

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/theme"
)

var testNow = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func rwLock(name string) inspect.LockID {
	return inspect.LockID{Layout: layout.RWLock, Name: name}
}

// newTestContext is a context in which no data yet.
func newTestContext() *nav.Context {
	style := theme.New(true, true)
	return &nav.Context{Data: &state.Data{Now: testNow}, Theme: &style}
}

// Lanes show what sessions did, also those that are gone, and how they ended.
func TestLanes(t *testing.T) {
	now := testNow
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	at := func(lease int64, r inspect.Request) inspect.Request { r.Lock, r.Lease = rwLock("/a"), lease; return r }
	spans := []state.Span{
		{Request: at(1, inspect.Request{}), Seen: ago(30 * time.Second), Granted: ago(20 * time.Second), Ended: ago(10 * time.Second), How: inspect.EventReleased},
		{Request: at(2, inspect.Request{}), Seen: ago(20 * time.Second), Ended: ago(10 * time.Second), How: inspect.EventExpired},
		{Request: at(3, inspect.Request{Holding: true}), Seen: ago(15 * time.Second), Granted: ago(10 * time.Second)},
		{Request: at(4, inspect.Request{Holding: true}), Seen: ago(5 * time.Minute), Granted: ago(4 * time.Minute), Ended: ago(2 * time.Minute)},
	}
	got := newTimeline(spans, ago(30*time.Second), now)
	style := theme.New(true, true)
	want := strings.Join([]string{
		"lease…000000003                ░░░░░▇▇▇▇▇▇▇▇▇▇",
		"lease…000000001 ░░░░░░░░░░▇▇▇▇▇▇▇▇▇▇▇         ",
		"lease…000000002           ░░░░░░░░░░✗         ",
		"                -30s           -15s        now",
	}, "\n")
	if diff := cmp.Diff(want, ansi.Strip(got.view(&style, 46, 10, now, "now"))); diff != "" {
		t.Error(diff)
	}
}

// A holder that is older than the watch may have waited until the watch began.
func TestLaneOfAHolderOlderThanTheWatch(t *testing.T) {
	r := inspect.Request{Lock: rwLock("/b"), Lease: 1, Holding: true, Since: testNow.Add(-time.Hour), Seen: testNow.Add(-10 * time.Second)}
	style := theme.New(true, true)
	got := ansi.Strip(newTimeline([]state.Span{{Request: r}}, testNow.Add(-10*time.Second), testNow).view(&style, 46, 10, testNow, "now"))
	if want := "lease…000000001                     ▇▇▇▇▇▇▇▇▇▇"; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Of a wait that is older than the watch, and noted no time, nothing is known from before.
func TestLaneOfAWaitOlderThanTheWatch(t *testing.T) {
	style := theme.New(true, true)
	seen := testNow.Add(-10 * time.Second)
	for name, c := range map[string]struct {
		noted time.Time
		want  string
	}{
		"no time": {want: "lease…000000001                     ░░░░░░░░░░"},
		"a time":  {noted: testNow.Add(-15 * time.Second), want: "lease…000000001                ░░░░░░░░░░░░░░░"},
	} {
		r := inspect.Request{Lock: rwLock("/b"), Lease: 1, Since: c.noted, Seen: seen}
		got := ansi.Strip(newTimeline([]state.Span{{Request: r}}, seen, testNow).view(&style, 46, 10, testNow, "now"))
		if !strings.HasPrefix(got, c.want+"\n") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What hangs below what in a queue is who must go last before it.
func TestTree(t *testing.T) {
	r := func(rev int64, mode keyspace.Mode, holding bool) inspect.Request {
		return inspect.Request{Lock: rwLock("/b"), Revision: rev, Mode: mode, Holding: holding}
	}
	const read, write = keyspace.Read, keyspace.Write
	queue := []inspect.Request{
		r(1, read, true), r(2, read, true), r(3, write, false), r(4, read, false), r(4, read, false), r(5, write, false),
	}
	if diff := cmp.Diff([]int{-1, -1, 1, 2, 2, 4}, parents(queue)); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, row := range newTree(queue) {
		got = append(got, row.branch+row.request.Mode.String())
	}
	if diff := cmp.Diff([]string{"read", "read", "└ write", "  ├ read", "  └ read", "    └ write"}, got); diff != "" {
		t.Error(diff)
	}
	for i, row := range newQueueRows(queue) {
		lock := inspect.Lock{Queue: queue}
		if n := len(lock.Blockers(i)); !queue[i].Holding && row.blockers != n {
			t.Errorf("#%d: %d blockers, want %d", i+1, row.blockers, n)
		}
	}
}

// Each step of a cycle is a sentence, whatever leads to the next session.
func TestProblemsCycle(t *testing.T) {
	s := newProblemsScreen(newTestContext())
	for kind, want := range map[diagnose.EdgeKind]string{
		diagnose.EdgeHard:   "waits for write /a, which lease 000000000000000b holds",
		diagnose.EdgeSoft:   "waits for write /a, which lease 000000000000000b requested earlier",
		diagnose.EdgeInside: "holds write /a, and runs lease 000000000000000b under it",
	} {
		e := diagnose.Edge{Kind: kind, To: &inspect.Session{ID: inspect.SessionID{Lease: 0xb}}, Waiter: inspect.Request{Lock: rwLock("/a"), Mode: keyspace.Write}, Blocker: inspect.Request{Lock: rwLock("/a")}}
		if got := ansi.Strip(s.arrow(e)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Columns fill the width exactly as long as the narrowest fit into it.
func TestFitColumns(t *testing.T) {
	s := newLocksScreen(newTestContext())
	for w := 60; w < 200; w++ {
		s.table.Resize(w, 10)
		total := -1
		for _, n := range s.table.Widths() {
			if n > 0 {
				total += n + 1
			}
		}
		if total != w {
			t.Errorf("%d columns wide on %d", total, w)
		}
	}
}

// A long time is shown whole, and the bar has the rest.
func TestTTLBar(t *testing.T) {
	c := newTestContext()
	c.Conn.Begun = true
	for left, want := range map[time.Duration]string{
		9 * time.Second:                 "   9s ██████████",
		49*time.Minute + 59*time.Second: "49m59s █████████",
	} {
		c.Leases = state.LeaseCache{}
		ids, gen := c.Leases.Request([]int64{1}, c.Now)
		if len(ids) != 1 {
			t.Fatal("not asked for")
		}
		_, _ = c.Leases.Take(state.LeaseAnswer{Gen: gen, At: c.Now, Leases: map[int64]inspect.Lease{1: {State: inspect.LeaseAlive, Granted: left, Remaining: left}}})
		if got := ttlBar(c, inspect.Request{Lease: 1}, 16).Text; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A lock without a lease is a problem only if its layout has one: a record ends by the
// clocks of its holder and of this machine.
func TestWithoutLease(t *testing.T) {
	c := newTestContext()
	c.Conn.Begun = true
	of := func(name string, term *layout.Term) inspect.Request {
		return inspect.Request{Lock: inspect.LockID{Layout: layout.Builtin().Rule(name)}, Term: term, Holding: true}
	}
	_, gen := c.Leases.Request([]int64{1, 2}, c.Now)
	_, _ = c.Leases.Take(state.LeaseAnswer{Gen: gen, At: c.Now, Leases: map[int64]inspect.Lease{
		1: {State: inspect.LeaseUnattached}, 2: {State: inspect.LeaseAlive, Granted: 10 * time.Second, Remaining: 9 * time.Second, Lacks: []string{"a"}},
	}})
	onLease := func(id int64, key string) inspect.Request { return inspect.Request{Lease: id, Key: key} }
	record := func(age time.Duration) *layout.Term {
		return &layout.Term{Holder: "a", Renewed: testNow.Add(-age), Duration: 15 * time.Second}
	}
	for _, tt := range []struct {
		request       inspect.Request
		ttl, renewals string
	}{
		{of("rwlock", nil), "never", "! none"},
		{of("shedlock", nil), "never", "! none"},
		{of("kubernetes-lease", record(3*time.Second)), "~12s", "by its clock"},
		{of("kubernetes-lease", record(time.Minute)), "lapsed", "by its clock"},
		{of("ha-tracker", &layout.Term{Holder: "a", Renewed: testNow}), "-", "by its clock"},
		{of("airlock", nil), "never", "· no lease"},
		{of("taskflow-no-expiry", nil), "never", "· no lease"},
		{onLease(1, "a"), "never", "✗ not attached"},
		{onLease(2, "a"), "never", "✗ not attached"},
		{onLease(2, "b"), "   9s █████████░", "· not due"},
	} {
		if ttl, renewals := ttlBar(c, tt.request, 16).Text, renewalsCell(c, tt.request, 20).Text; ttl != tt.ttl || renewals != tt.renewals {
			t.Errorf("%s: %q and %q, want %q and %q", tt.request.Lock.Layout, ttl, renewals, tt.ttl, tt.renewals)
		}
	}
}

// A bar fits into its width, whatever is left of however long a lease.
func TestDrain(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	some := func() time.Duration { return time.Duration(rng.Uint64() >> rng.IntN(64)) }
	check := func(left, whole time.Duration, w int) {
		bar, ok := drain(left, whole, w)
		if !ok && w >= 4 && whole > 0 || ok && ansi.StringWidth(bar) != w {
			t.Errorf("%v of %v in %d cells: %q, %t", left, whole, w, bar, ok)
		}
		if full := strings.Count(bar, "█"); ok && left >= whole && full != w || left <= 0 && full != 0 {
			t.Errorf("%v of %v: %d of %d cells are full", left, whole, full, w)
		}
	}
	check(math.MaxInt64, math.MaxInt64, 30)
	check(2147483647*time.Second, 2147483647*time.Second, 10)
	check(12*365*24*time.Hour, 12*365*24*time.Hour, 30)
	for range 100_000 {
		check(some(), some(), rng.IntN(40))
	}
	if bar, _ := drain(7*time.Second, 10*time.Second, 10); bar != "███████░░░" {
		t.Errorf("7 of 10: %s", bar)
	}
}

// A finding and its row say the same age, also when the diagnosis is some seconds old.
func TestFindingAsOldAsItsRow(t *testing.T) {
	c := newTestContext()
	id := rwLock("/a")
	r := func(rev int64) inspect.Request {
		return inspect.Request{Key: keyspace.Encode("/a", keyspace.Write, string(rune('0'+rev))), Lock: id, Mode: keyspace.Write, Lease: rev, Revision: rev, Since: testNow.Add(-31 * time.Second)}
	}
	c.Live.Snapshot = inspect.Snapshot{Revision: 3, Locks: []inspect.Lock{inspect.NewLock(id, []inspect.Request{r(2), r(3)})}}
	c.Live.Verdict = state.NewVerdict(c.Live.Snapshot, nil, testNow)
	c.Now = testNow.Add(4 * time.Second)
	screen := newLockScreen(c, id)
	screen.Refresh()
	screen.Fit(160, 40)
	view := ansi.Strip(screen.View(160, 40))
	if !strings.Contains(view, "has waited 35s for /a") || !strings.Contains(view, " 35s ") || strings.Contains(view, "31s") {
		t.Errorf("not the same ages:\n%s", view)
	}
}

// An owner that has no room in full is named by what tells clients apart best, in whole
// words.
func TestOwnerIn(t *testing.T) {
	o := keyspace.Owner{Label: "restock-1", Program: "shop", PID: 32661, Host: "vm"}
	const full = "restock-1 shop[32661]@vm"
	for w, want := range map[int]string{24: full, 23: "restock-1@vm", 12: "restock-1@vm", 11: "restock-1", 8: "re…ock-1"} {
		if got := ownerIn(o, full, w); got != want {
			t.Errorf("in %d cells: %q, want %q", w, got, want)
		}
	}
	o.Label = ""
	if got := ownerIn(o, "shop[32661]@vm", 7); got != "shop@vm" {
		t.Errorf("without a label: %q", got)
	}
	if got := ownerIn(keyspace.Owner{Host: "vm"}, "pid[1]@vm", 9); got != "pid[1]@vm" {
		t.Errorf("without a name: %q", got)
	}
}

// Sessions come with the first verdict: before, nothing is said of them.
func TestSessionsBeforeAVerdict(t *testing.T) {
	c := newTestContext()
	c.Live.Snapshot = inspect.Snapshot{Revision: 7, Locks: []inspect.Lock{inspect.NewLock(rwLock("/a"), []inspect.Request{{Lock: rwLock("/a"), Lease: 1}})}}
	s := New(c, nav.Ref{Kind: nav.KindSessions})
	for known, want := range map[bool]string{false: "no data yet", true: "no lock is held or waited for"} {
		c.Live.Verdict.Known = known
		s.Refresh()
		s.Fit(80, 20)
		if got := ansi.Strip(s.View(80, 20)); !strings.Contains(got, want) {
			t.Errorf("verdict %v, want %q:\n%s", known, want, got)
		}
	}
}
