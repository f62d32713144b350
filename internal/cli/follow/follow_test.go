package follow

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/lockclass"
	"etcd-lock/internal/profile"
)

// recorded records events of locks that are acquired and released, and returns the folder.
func recorded(tb testing.TB, events int) string {
	tb.Helper()
	dir := tb.TempDir()
	r, err := flight.NewRecorder(dir, flight.Options{Limits: flight.Limits{Keep: time.Hour, MaxSize: 1 << 40}})
	if err != nil {
		tb.Fatal(err)
	}
	r.Update(inspect.Update{Snapshot: inspect.Snapshot{Revision: 1}, Steps: []inspect.Step{{Revision: 1, Read: &inspect.Snapshot{Revision: 1}}}})
	locks := make([]inspect.Lock, 100)
	for n := 0; n < events; {
		var u inspect.Update
		locks = append([]inspect.Lock(nil), locks...)
		for range 250 {
			l := &locks[n*37%len(locks)]
			l.ID = inspect.LockID{Layout: layout.RWLock, Name: fmt.Sprintf("/orders/%06d", n*37%len(locks))}
			e := inspect.Event{Kind: inspect.EventReleased, Revision: int64(n + 2), Time: time.Now()}
			change := inspect.LockStep{After: inspect.Lock{ID: l.ID}}
			if len(l.Queue) > 0 {
				e.Request, l.Queue = l.Queue[0], nil
				change.Gone = []inspect.Placed{{Request: e.Request}}
			} else {
				client := n * 7 % 211
				e.Kind, e.Request = inspect.EventGranted, inspect.Request{
					Key: fmt.Sprintf("%s/write/%x", l.ID.Name, client), Lock: l.ID, Mode: keyspace.Write, Lease: int64(client + 1), Revision: int64(n + 2),
					Modified: int64(n + 2), Holding: true, Since: e.Time, Seen: e.Time, Saw: true, Owned: true, Owner: keyspace.Owner{Host: "worker", Program: "orders", PID: client}.Ref(),
				}
				l.Queue = []inspect.Request{e.Request}
				change.Put = []inspect.Placed{{Request: e.Request, Joined: true}}
			}
			u.Events = append(u.Events, e)
			u.Steps = append(u.Steps, inspect.Step{Revision: e.Revision, Time: e.Time, Locks: []inspect.LockStep{change}, Events: 1})
			n++
		}
		for _, l := range locks {
			if len(l.Queue) > 0 {
				u.Snapshot.Locks = append(u.Snapshot.Locks, l)
			}
		}
		u.Snapshot.Revision = int64(n + 1)
		r.Update(u)
	}
	if err := r.Close(); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func rules() (*layout.Set, error) { return layout.Builtin(), nil }

// BenchmarkRecorded reports how many events a second of a recording are read and profiled.
func BenchmarkRecorded(b *testing.B) {
	const events = 1_000_000
	dir := recorded(b, events)
	n := 0
	for b.Loop() {
		c := profile.New(profile.Options{Classes: lockclass.Rules{}})
		if err := (&Recorded{Path: dir, Rules: rules, Now: time.Now}).Follow(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		n += c.Profile(time.Time{}).Events
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

func TestRecorded(t *testing.T) {
	const events = 5000
	dir := recorded(t, events)
	c := profile.New(profile.Options{})
	if err := (&Recorded{Path: dir, Rules: rules, Now: time.Now}).Follow(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p := c.Profile(time.Time{})
	if p.Events < events-250 || len(p.Classes) != 1 || p.Classes[0].Name != "/orders/*" || p.Gaps != 0 {
		t.Errorf("%d events, %d gaps, %+v", p.Events, p.Gaps, p.Classes)
	}
	c = profile.New(profile.Options{})
	if err := (&Recorded{Path: dir, Rules: rules, Now: time.Now, Prefixes: []string{"/orders/000007"}}).Follow(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if p := c.Profile(time.Time{}); p.Events == 0 || p.Events > events/50 {
		t.Errorf("%d events of one lock", p.Events)
	}
}

// seen notes what a follower is told.
type seen struct{ calls []string }

func (s *seen) Begin(time.Time, inspect.Snapshot)        { s.calls = append(s.calls, "begin") }
func (s *seen) Apply(e []inspect.Event)                  { s.calls = append(s.calls, fmt.Sprint("apply ", len(e))) }
func (s *seen) Gap(time.Time, inspect.Snapshot)          { s.calls = append(s.calls, "gap") }
func (s *seen) Advance(time.Time)                        { s.calls = append(s.calls, "advance") }
func (s *seen) ClockSet(t time.Time, jump time.Duration) { s.calls = append(s.calls, "clock") }

// A watch is followed until the time is over or the user ends it. If nothing was seen by
// then, that is an error.
func TestLive(t *testing.T) {
	l := &Live{Now: time.Now, Warn: func(string) {}}
	updates := make(chan inspect.Update)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := l.follow(ctx, updates, &seen{}); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing was seen: %v", err)
	}
	ctx, stop = context.WithCancel(t.Context())
	go func() {
		updates <- inspect.Update{Err: errors.New("away")}
		updates <- inspect.Update{Snapshot: inspect.Snapshot{Revision: 1}}
		updates <- inspect.Update{Snapshot: inspect.Snapshot{Revision: 2}, Events: make([]inspect.Event, 2)}
		updates <- inspect.Update{Snapshot: inspect.Snapshot{Revision: 9}, Missed: 3}
		updates <- inspect.Update{Snapshot: inspect.Snapshot{Revision: 10}, Resynced: inspect.Resync{Cause: "compacted"}}
		stop()
	}()
	var s seen
	if err := l.follow(ctx, updates, &s); err != nil {
		t.Error(err)
	}
	if got, want := fmt.Sprint(s.calls), "[begin apply 2 advance gap gap advance]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	l.For = time.Nanosecond
	go func() { updates <- inspect.Update{Snapshot: inspect.Snapshot{Revision: 1}} }()
	if err := l.follow(t.Context(), updates, &seen{}); err != nil {
		t.Error(err)
	}
}
