package state

import (
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
)

var threeOClock = time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)

// place is a revision, at a minute past three if it is not 0.
func place(revision int64, minute int) backend.Place {
	p := backend.Place{Revision: revision}
	if minute > 0 {
		p.Time = threeOClock.Add(time.Duration(minute) * time.Minute)
	}
	return p
}

func change(p backend.Place) backend.Change {
	return backend.Change{Event: inspect.Event{Kind: inspect.EventGranted, Revision: p.Revision, Time: p.Time}, Place: p}
}

// One steps from change to change, over gaps, and from revisions of etcd into a recording
// by the revision, since etcd has no times.
func TestStepFrom(t *testing.T) {
	etcd := &backend.Changes{Since: place(10, 0), Until: place(40, 0), Events: []backend.Change{change(place(20, 0)), change(place(30, 0)), change(place(30, 0))}}
	recorded := &backend.Changes{
		Since: place(10, 1), Until: place(30, 9), Events: []backend.Change{change(place(20, 2)), change(place(20, 3)), change(place(30, 8))},
		Notes: []backend.Note{{Place: place(25, 5), Gap: true}, {Place: place(25, 6)}},
	}
	tests := []struct {
		changes  *backend.Changes
		at       backend.Place
		by       int
		covers   bool
		revision int64
		minute   int
	}{
		{etcd, place(40, 0), -1, true, 20, 0},
		{etcd, place(30, 0), -1, true, 20, 0},
		{etcd, place(20, 0), -1, true, 10, 0},
		{etcd, place(10, 0), -1, false, 10, 0},
		{etcd, place(10, 0), 1, true, 20, 0},
		{etcd, place(30, 0), 1, true, 40, 0},
		{etcd, place(40, 0), 1, false, 40, 0},
		{etcd, place(41, 0), -1, false, 20, 0},
		{recorded, place(30, 9), -1, true, 25, 5},
		{recorded, place(25, 5), -1, true, 20, 3},
		{recorded, place(20, 3), -1, true, 20, 2},
		{recorded, place(20, 2), 1, true, 20, 3},
		{recorded, place(20, 3), 1, true, 25, 5},
		{recorded, place(25, 7), 1, true, 30, 8},
		{recorded, place(30, 0), -1, true, 25, 5},
		{recorded, place(30, 9), 1, false, 30, 9},
	}
	for _, tt := range tests {
		if got := CoversStep(tt.changes, tt.at, tt.by); got != tt.covers {
			t.Errorf("%v by %d: covered %v", tt.at, tt.by, got)
		}
		if got := StepFrom(tt.changes, tt.at, tt.by); got != place(tt.revision, tt.minute) {
			t.Errorf("%v by %d: to %v", tt.at, tt.by, got)
		}
	}
}

// The log of a moment ends with it, and is not known where the changes are not.
func TestPastLog(t *testing.T) {
	c := &backend.Changes{
		Recorded: true, Since: place(10, 1), Until: place(30, 9), Events: []backend.Change{change(place(20, 2)), change(place(30, 8))},
		Notes: []backend.Note{{Place: place(20, 1), Text: "before"}, {Place: place(25, 6), Severity: "warning", Text: "a\nproblem"}, {Place: place(30, 9), Text: "after"}},
	}
	kinds := func(l *Log) (all []EntryKind) {
		for _, e := range l.Entries {
			all = append(all, e.Kind)
		}
		return all
	}
	granted := EntryKind(inspect.EventGranted)
	for at, want := range map[backend.Place][]EntryKind{
		place(20, 2): {EntryEtcd, granted}, place(30, 7): {EntryEtcd, granted, EntryProblem}, place(30, 9): {EntryEtcd, granted, EntryProblem, granted, EntryEtcd},
	} {
		log := NewPastLog(c, at)
		if got := kinds(log); !slices.Equal(got, want) {
			t.Errorf("%v: %v", at, got)
		}
	}
	if NewPastLog(c, place(30, 10)) != nil || NewPastLog(nil, place(30, 9)) != nil {
		t.Error("a log of what was not read")
	}
	if got := NewPastLog(c, place(30, 9)).Until(threeOClock.Add(6 * time.Minute)); len(got.Entries) != 3 || got.Entries[2].Text != `a\nproblem` {
		t.Errorf("until six past: %v", kinds(got))
	}
}

// The time line has the most of what is in each cell, and does not take what was not read
// for empty.
func TestOverviewCells(t *testing.T) {
	o := &backend.Overview{
		Begin: threeOClock, End: threeOClock.Add(8 * time.Minute), Read: threeOClock.Add(4 * time.Minute),
		Waiters: []int{-1, -1, -1, -1, 3, 0, -1, 7},
	}
	if got, want := OverviewCells(o, o.Begin, o.End, 4), []int{NotRead, NotRead, 3, 7}; !slices.Equal(got, want) {
		t.Errorf("four cells: %v, want %v", got, want)
	}
	if got, want := OverviewCells(o, threeOClock.Add(5*time.Minute), threeOClock.Add(10*time.Minute), 5), []int{0, NotRecorded, 7, 7, NotRead}; !slices.Equal(got, want) {
		t.Errorf("the end: %v, want %v", got, want)
	}
	if got := OverviewCells(&backend.Overview{}, threeOClock, threeOClock, 2); !slices.Equal(got, []int{NotRead, NotRead}) {
		t.Errorf("nothing: %v", got)
	}
	o.Marks = []backend.Mark{{Time: threeOClock}, {Time: threeOClock.Add(time.Minute)}}
	if m, ok := NextMark(o, threeOClock, 1); !ok || !m.Time.Equal(o.Marks[1].Time) {
		t.Errorf("after the first: %v, %v", m, ok)
	}
	if _, ok := NextMark(o, threeOClock, -1); ok {
		t.Error("there is one before the first")
	}
}

// TestPastSamples: the queue lengths of the seconds before a moment of a recording follow from
// what happened, as far back as that is known.
func TestPastSamples(t *testing.T) {
	id := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
	at := func(seconds int) backend.Place {
		return backend.Place{Revision: int64(100 + seconds), Time: threeOClock.Add(time.Duration(seconds) * time.Second)}
	}
	event := func(seconds int, kind inspect.EventKind, made int64, holding bool) backend.Change {
		p := at(seconds)
		return backend.Change{Place: p, Event: inspect.Event{
			Kind: kind, Revision: p.Revision, Time: p.Time, Request: inspect.Request{Lock: id, Revision: made, Holding: holding},
		}}
	}
	f := &Frozen{Past: true, Recorded: true, At: at(60).Time, Place: at(60)}
	f.Locks = []inspect.Lock{{ID: id, Queue: []inspect.Request{{Lock: id, Holding: true}, {Lock: id}, {Lock: id}}}}
	c := &backend.Changes{Recorded: true, Since: at(0), Until: at(90), Events: []backend.Change{
		event(41, inspect.EventGranted, 141, true), // at once: nobody waited
		event(43, inspect.EventWaiting, 143, false),
		event(47, inspect.EventWaiting, 147, false),
		event(49, inspect.EventReleased, 141, true),
		event(49, inspect.EventGranted, 143, true),
		event(53, inspect.EventLeft, 147, false),
		event(55, inspect.EventWaiting, 155, false),
		event(59, inspect.EventWaiting, 159, false),
		event(61, inspect.EventWaiting, 161, false), // after the moment
	}}
	for _, tt := range []struct {
		gap  int
		want string
	}{
		{0, "  ▁▁▂▁▁ ▁▁▂"},
		{50, "     ▁▁ ▁▁▂"},
	} {
		c.Notes = []backend.Note{{Place: at(10)}}
		if tt.gap > 0 {
			c.Notes = append(c.Notes, backend.Note{Place: at(tt.gap), Gap: true})
		}
		f.Relate(c)
		d := &Data{Frozen: f}
		if got := d.ShownQueues().Spark(id, 11); got != tt.want {
			t.Errorf("gap at %d: %q, want %q", tt.gap, got, tt.want)
		}
	}
	next := &Frozen{Past: true, Recorded: true, At: at(63).Time, Place: at(63)}
	if next.Follow(f); (&Data{Frozen: next}).ShownQueues().Spark(id, 11) == "" {
		t.Error("none shortly after it")
	}
	far := &Frozen{Past: true, Recorded: true, At: at(85).Time, Place: at(85)}
	if far.Follow(f); (&Data{Frozen: far}).ShownQueues().Spark(id, 11) != "" {
		t.Error("those of long before are shown")
	}
}

// Nothing is said to be compacted where etcd has all revisions.
func TestFloorText(t *testing.T) {
	for floor, want := range map[int64]string{
		1:   "nothing is older: etcd's history starts at revision 1",
		100: "older revisions are compacted: history starts at 100",
	} {
		if got := FloorText(&backend.Changes{Floor: place(floor, 0)}); got != want {
			t.Errorf("%d: %q, want %q", floor, got, want)
		}
	}
}
