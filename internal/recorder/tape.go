package recorder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/record"
	"etcd-lock/simulate/scenario"
)

// A scenario has limits: a recording that comes near them ends.
const (
	maxSeen     = 9000
	maxSessions = 800
)

// tape is what was seen of an etcd.
type tape struct {
	now   func() time.Time
	begin time.Time // when the first snapshot was seen
	last  inspect.Snapshot
	seen  []record.Observed
	until time.Duration // when the recording ended, since begin
	notes []string

	sessions map[string]bool
}

// watch records until d is over, unless that is 0, or ctx ends. The time starts
// with the first snapshot.
func (t *tape) watch(ctx context.Context, source *inspect.Source, prefixes []string, d time.Duration) error {
	ctx, stop := context.WithCancel(ctx)
	updates := source.WatchKinds(ctx, prefixes...)
	defer func() {
		stop()
		for range updates { // until the watch has ended
		}
	}()
	if err := t.start(ctx, updates); err != nil {
		return err
	}
	var over <-chan time.Time
	if d > 0 {
		over = time.After(d)
	}
	for t.goesOn(updates, over) {
		if t.isFull() {
			break
		}
	}
	t.until = t.now().Sub(t.begin)
	return nil
}

// isFull reports whether the tape has as much as a scenario can have, and notes it.
func (t *tape) isFull() bool {
	full := len(t.seen) >= maxSeen || len(t.sessions) >= maxSessions
	if full {
		t.notes = append(t.notes, "The recording ended at the size limit of scenarios.")
	}
	return full
}

// start waits for the first snapshot.
func (t *tape) start(ctx context.Context, updates <-chan inspect.Update) error {
	for u := range updates {
		if errors.Is(u.Err, rpctypes.ErrPermissionDenied) {
			return u.Err // retrying does not help
		}
		if t.take(u); !t.begin.IsZero() {
			return nil
		}
	}
	return ctx.Err()
}

// goesOn adds the next update, and reports false when there is none.
func (t *tape) goesOn(updates <-chan inspect.Update, over <-chan time.Time) bool {
	select {
	case <-over:
		return false
	case u, ok := <-updates:
		if ok {
			t.take(u)
		}
		return ok
	}
}

// take adds the events of an update. Where events are missing, it adds the net
// changes.
func (t *tape) take(u inspect.Update) {
	before := t.last
	t.last = u.Snapshot
	switch {
	case u.Snapshot.Revision == 0: // etcd has not answered yet
	case t.begin.IsZero():
		t.begin = t.now()
		t.add(inspect.Compare(before, u.Snapshot), t.begin)
	case u.Resynced.Happened(), u.Missed > 0:
		now := t.now()
		t.notes = append(t.notes, fmt.Sprintf("At %s, events are missing%s: their net changes are recorded as of then.", format.Duration(now.Sub(t.begin)), why(u)))
		t.add(inspect.Compare(before, u.Snapshot), now)
	default:
		t.add(u.Events, time.Time{})
	}
}

// why says why events are missing, if that is known.
func why(u inspect.Update) string {
	if !u.Resynced.Happened() {
		return ""
	}
	return " (" + u.Resynced.Text() + ")"
}

// add adds events. At is the time of net changes, which have none of their own.
func (t *tape) add(events []inspect.Event, at time.Time) {
	if t.sessions == nil {
		t.sessions = map[string]bool{}
	}
	if !at.IsZero() { // net changes are ordered by lock
		slices.SortStableFunc(events, func(a, b inspect.Event) int { return cmp.Compare(a.Request.Revision, b.Request.Revision) })
	}
	for _, e := range events {
		if e.Kind == inspect.EventDetached || e.Kind.OfOther() { // its key is still there, and still blocks; or it is no request
			continue
		}
		if !e.Request.Lock.Layout.Waiters { // who waited is not known, so it cannot be played again
			continue
		}
		if !at.IsZero() {
			e.Time = at
		}
		o := observed(e, max(e.Time.Sub(t.begin), 0))
		t.seen = append(t.seen, o)
		t.sessions[o.Session] = true
	}
}

func observed(e inspect.Event, at time.Duration) record.Observed {
	r, owner := e.Request, e.Request.Owner.Value()
	o := record.Observed{
		At:       at,
		Moment:   moment(e),
		Key:      r.Key,
		Revision: r.Revision,
		Session:  fmt.Sprint(r.Session()),
		Who:      cmp.Or(owner.Label, owner.Program),
		Lock:     r.Lock.Name,
		Mode:     rwlock.Mode(r.Mode),
		Mutex:    r.Lock.Layout != layout.RWLock,
	}
	if r.Mode == keyspace.Slot {
		o.Weight, o.Permits = owner.Weight, owner.Permits
	}
	return o
}

// moment returns what an event is called in a scenario.
func moment(e inspect.Event) scenario.Moment {
	if e.Kind == inspect.EventEnded && !e.Request.Holding {
		return scenario.Cancelled
	}
	switch e.Kind {
	case inspect.EventWaiting:
		return scenario.Waiting
	case inspect.EventGranted:
		return scenario.Granted
	case inspect.EventExpired:
		return scenario.Lost
	case inspect.EventRevoked:
		return scenario.Closed
	case inspect.EventLeft:
		return scenario.Cancelled
	default:
		return scenario.Released
	}
}
