package flight

import (
	"context"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// waiters records a lock that so many requests wait for, and lets ten seconds pass.
func (r *recorderT) waiters(n int) {
	r.t.Helper()
	id := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
	l := inspect.Lock{ID: id}
	for i := range n + 1 {
		l.Queue = append(l.Queue, inspect.Request{Key: keyspace.Encode("/a", keyspace.Write, string(rune('a'+i))), Lock: id, Mode: keyspace.Write, Revision: int64(i + 1), Holding: i == 0, Modified: int64(i + 1)})
	}
	after := inspect.Snapshot{Revision: r.last.Revision + 1, Locks: []inspect.Lock{l}}
	events := inspect.Compare(r.last, after)
	for i := range events {
		events[i].Revision, events[i].Time = after.Revision, r.clock.wall
	}
	r.Update(inspect.Update{Snapshot: after, Events: events})
	r.Tick()
	r.clock.pass(10 * time.Second)
}

func surveyed(t *testing.T, s *Surveyor) Overview {
	t.Helper()
	if err := s.Begin(); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		var err error
		if more, err = s.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return s.Overview(10)
}

// An overview has the most that waited at a time, where nothing was recorded, and the
// problems that were not there before.
func TestOverview(t *testing.T) {
	r := newRecorder(t, Options{})
	stuck, deadlock := Finding{Kind: "long-wait", Severity: "warning"}, Finding{Kind: "deadlock", Severity: "critical"}
	r.waiters(1)
	r.waiters(5)
	r.Findings([]Finding{stuck})
	r.waiters(2)
	r.rotate(CauseSize, nil) // the problem is recorded again
	r.waiters(2)
	r.Findings([]Finding{stuck, deadlock})
	r.waiters(0)
	r.kill()
	r.clock.pass(30 * time.Second)
	r.start()
	r.waiters(3)
	r.Findings([]Finding{stuck}) // after a gap
	r.waiters(0)

	s := NewSurveyor(r.dir, layout.Builtin())
	o := surveyed(t, s)
	if !o.Begin.Equal(epoch) || !o.End.Equal(epoch.Add(90*time.Second)) || !o.Read.Equal(o.Begin) {
		t.Errorf("from %v to %v, read from %v", o.Begin, o.End, o.Read)
	}
	if want := []int{1, 5, 5, 2, 2, -1, -1, -1, 3, 3}; !slices.Equal(o.Waiters, want) {
		t.Errorf("waiters %v, want %v", o.Waiters, want)
	}
	var raised []time.Duration
	for _, f := range o.Raised {
		raised = append(raised, f.Time.Sub(epoch))
	}
	if want := []time.Duration{20 * time.Second, 40 * time.Second, 90 * time.Second}; !slices.Equal(raised, want) {
		t.Errorf("raised at %v, want %v", raised, want)
	}

	t.Run("Growing", func(t *testing.T) {
		r.waiters(9)
		o := surveyed(t, s)
		if got := slices.Max(o.Waiters); got != 9 || !o.Begin.Equal(epoch) {
			t.Errorf("at most %d wait: %+v", got, o)
		}
	})
	t.Run("Part", func(t *testing.T) {
		s := NewSurveyor(r.dir, layout.Builtin())
		if err := s.Begin(); err != nil {
			t.Fatal(err)
		}
		if o := s.Overview(10); !o.Read.Equal(o.End) || slices.Max(o.Waiters) != -1 {
			t.Errorf("nothing was read: %+v", o)
		}
		if _, err := s.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
		if o := s.Overview(10); !o.Read.Equal(epoch.Add(80*time.Second)) || o.Waiters[0] != -1 || len(o.Raised) != 1 {
			t.Errorf("the last segment was read: %+v", o)
		}
	})
}
