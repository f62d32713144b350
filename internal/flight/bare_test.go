package flight

import (
	"reflect"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
)

// bare returns an update without its locks.
func bare(u inspect.Update) inspect.Update {
	u.Snapshot.Locks, u.Bare = nil, true
	return u
}

// TestBareUpdates: a segment that is due begins with the next locks, and until then what
// happens goes into the one before.
func TestBareUpdates(t *testing.T) {
	tests := []struct {
		name string
		due  func(*recorderT)
		want Cause
	}{
		{"it is old", func(r *recorderT) { r.clock.pass(maxSegmentAge) }, CauseAge},
		{"it is large", func(r *recorderT) { r.changes, r.first = maxChanges, 0 }, CauseSize},
		{"the clock was set back", func(r *recorderT) { r.clock.wall = r.clock.wall.Add(-time.Hour) }, CauseClock},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, b := newRecorder(t, Options{}), newBusy(20, 5, true)
			r.Update(b.begin())
			var events []inspect.Event
			update := func(change func(inspect.Update) inspect.Update) {
				r.clock.pass(time.Second)
				u := change(b.update(r.clock.wall))
				events = append(events, u.Events...)
				r.Update(u)
				r.Tick()
			}
			update(bare)
			tt.due(r)
			update(bare)
			update(bare)
			if n := len(r.open().segments); n != 1 {
				t.Fatalf("%d segments before the locks were known", n)
			}
			update(func(u inspect.Update) inspect.Update { return u })
			update(bare)
			all := r.open()
			if len(all.segments) != 2 || all.segments[1].head.Cause != tt.want {
				t.Fatalf("%d segments, the last one because of %q", len(all.segments), all.segments[len(all.segments)-1].head.Cause)
			}
			var replayed []inspect.Event
			if err := all.Replay(func(s Step) error {
				replayed = append(replayed, s.Events...)
				return nil
			}); err != nil || len(replayed) != len(events) || !slices.EqualFunc(events, replayed, sameChange) {
				t.Errorf("%d events were replayed as %d others: %v", len(events), len(replayed), err)
			}
			m, err := all.End()
			if want := b.snapshot(); err != nil || !reflect.DeepEqual(keysOf(m.Snapshot), keysOf(want)) {
				t.Errorf("%v\n%s", err, gocmp.Diff(keysOf(want), keysOf(m.Snapshot)))
			}
		})
	}
}

// sameChange is sameEvent, whatever the times.
func sameChange(made, replayed inspect.Event) bool {
	return made.Kind == replayed.Kind && made.Revision == replayed.Revision && made.Request.Key == replayed.Request.Key
}

func keysOf(s inspect.Snapshot) (keys []string) {
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

// TestDroppedSteps: what was dropped for a slow recorder is a gap, if the locks before it are
// known by their steps only.
func TestDroppedSteps(t *testing.T) {
	r, b := newRecorder(t, Options{}), newBusy(20, 5, true)
	r.Update(b.begin())
	r.Update(bare(b.update(r.clock.wall)))
	before := b.revision
	b.update(r.clock.wall)
	r.Update(inspect.Update{Snapshot: b.snapshot(), Missed: 250})
	r.Tick()
	all := r.open()
	m, err := all.Rev(before)
	if err != nil || m.Snapshot.Revision != before {
		t.Errorf("revision %d, %v; want %d", m.Snapshot.Revision, err, before)
	}
	m, err = all.End()
	if want := b.snapshot(); err != nil || !reflect.DeepEqual(keysOf(m.Snapshot), keysOf(want)) {
		t.Errorf("%v\n%s", err, gocmp.Diff(keysOf(want), keysOf(m.Snapshot)))
	}
	var gaps []string
	if err := all.Replay(func(s Step) error {
		if s.Gap != "" {
			gaps = append(gaps, s.Gap)
		}
		return nil
	}); err != nil || !reflect.DeepEqual(gaps, []string{causeWords[CauseMissed]}) {
		t.Errorf("gaps = %q, %v", gaps, err)
	}
}
