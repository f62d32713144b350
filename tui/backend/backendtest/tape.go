package backendtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/profile"
	"etcd-lock/tui/backend"
)

// Tape is the Past and the Archive of what was recorded of a cluster.
type Tape struct {
	Marks []backend.Mark
	Notes []backend.Note
	Read  time.Time // from which on the overview has been read; zero: all of it

	mu      sync.Mutex
	moments []backend.Moment
	events  []backend.Change
	until   time.Time // what was recorded
	taken   int       // events of the cluster
}

// Take records the locks of a cluster as they are, with leases and doubts.
func (t *Tape) Take(c *Cluster, leases map[int64]inspect.Lease, doubts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	at := backend.Place{Revision: c.revision, Time: c.now()}
	m := backend.Moment{Snapshot: c.snapshot(), Place: at, Recorded: true, Leases: map[int64]backend.LeaseReply{}, Doubts: doubts}
	for id, l := range leases {
		m.Leases[id] = backend.LeaseReply{Lease: l, At: at.Time}
	}
	t.moments = append(t.moments, m)
	for _, e := range c.past[t.taken:] {
		t.events = append(t.events, backend.Change{Event: e, Place: at})
	}
	t.taken, t.until = len(c.past), at.Time
}

// Last returns the end of the recording.
func (t *Tape) Last() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until
}

// At implements backend.Past.
func (t *Tape) At(_ context.Context, _ []string, at backend.Place) (backend.Moment, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := len(t.moments) - 1
	for i >= 0 && !at.End && t.moments[i].Place.Compare(at) > 0 {
		i--
	}
	if i < 0 {
		return backend.Moment{}, errors.New("that was not recorded")
	}
	m := t.moments[i]
	m.Floor, m.Last = t.moments[0].Place, t.until
	switch {
	case at.Time.After(t.until):
		m.Place.Time, m.Doubts = t.until, append(slices.Clone(m.Doubts), "the recording ends before that: these are its last locks")
	case !at.Time.IsZero() && len(m.Doubts) == 0: // else it is the last moment before
		m.Place.Time = at.Time
	}
	return m, nil
}

// Cost implements backend.Past.
func (t *Tape) Cost(backend.Place, int) string { return "" }

// Changes implements backend.Past.
func (t *Tape) Changes(_ context.Context, _ []string, at backend.Place, by int) (backend.Changes, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := backend.Changes{Recorded: true, Floor: t.moments[0].Place, Since: t.moments[0].Place, Until: at, Notes: t.Notes}
	if by > 0 {
		c.Since, c.Until = at, backend.Place{Revision: t.moments[len(t.moments)-1].Place.Revision, Time: t.until}
	}
	for _, e := range t.events {
		if e.Place.Compare(c.Since) > 0 && e.Place.Compare(c.Until) <= 0 {
			c.Events = append(c.Events, e)
		}
	}
	return c, nil
}

// Granted implements backend.Past.
func (t *Tape) Granted(_ context.Context, r inspect.Request) (backend.Place, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.events {
		if e.Request.Key == r.Key && e.Kind == inspect.EventGranted {
			return e.Place, nil
		}
	}
	return backend.Place{}, nil
}

// Profile implements backend.Archive.
func (t *Tape) Profile(_ context.Context, _ []string, from, to time.Time) (profile.Profile, error) {
	begin, err := t.At(context.Background(), nil, backend.Place{Time: from})
	if err != nil {
		return profile.Profile{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := profile.New(profile.Options{Limits: profile.ModestLimits})
	c.Begin(from, begin.Snapshot)
	for _, e := range t.events {
		if e.Place.Time.After(from) && !e.Place.Time.After(to) {
			c.Advance(e.Place.Time)
			c.Apply([]inspect.Event{e.Event})
		}
	}
	return c.Profile(to), nil
}

// Overview implements backend.Archive.
func (t *Tape) Overview(ctx context.Context) <-chan backend.Overview {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := backend.Overview{Begin: t.moments[0].Place.Time, End: t.until, Read: t.Read, Marks: t.Marks, Waiters: slices.Repeat([]int{-1}, 100)}
	if o.Read.IsZero() {
		o.Read = o.Begin
	}
	for i := range o.Waiters {
		at := o.Begin.Add(o.End.Sub(o.Begin) * time.Duration(i) / time.Duration(len(o.Waiters)))
		for _, m := range t.moments {
			if m.Place.Time.After(at) || at.Before(o.Read) {
				continue
			}
			if o.Waiters[i] = 0; len(m.Doubts) > 0 {
				o.Waiters[i] = -1
			}
			for _, l := range m.Snapshot.Locks {
				o.Waiters[i] += l.Count().Waiters
			}
		}
	}
	out := make(chan backend.Overview, 1)
	out <- o
	go func() {
		<-ctx.Done()
		close(out)
	}()
	return out
}
