package state

import (
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/lockclass"
	"etcd-lock/internal/order"
	"etcd-lock/internal/profile"
)

// Costs is what waiting has cost.
type Costs struct {
	profile.Profile
	Edition int    // grows with each profile; 0: there is none yet
	Failure string // why there is none, printable; empty: it is not known yet

	AskedFrom, AskedTo time.Time // of a recording
}

// ShownCosts returns what waiting has cost up to now, or in the part of the recording that
// is shown; nil of a past without times.
func (d *Data) ShownCosts() *Costs {
	switch {
	case d.InRecording():
		return &d.Recorded
	case d.InPast():
		return nil
	default:
		return &d.Costs
	}
}

// Seen is what the watch has said at a time.
type Seen struct {
	At     time.Time
	Events []inspect.Event
	Locks  *inspect.Snapshot // where the events do not say all: at first, and after a gap
}

// Backlog is what the watch has said and was not learnt from yet. It is bounded: of what is
// too much, it keeps that there is a gap.
type Backlog struct {
	seen   []Seen
	events int
	begun  bool
}

// What a backlog keeps.
const (
	maxBacklog = 600
	maxEvents  = 50_000
)

// Note adds an update.
func (b *Backlog) Note(u *inspect.Update, now time.Time) {
	if u.Snapshot.Revision == 0 || u.Err != nil && len(u.Events) == 0 {
		return
	}
	full := len(b.seen) == maxBacklog || b.events+len(u.Events) > maxEvents
	if full {
		b.seen, b.events = nil, 0
	}
	s := Seen{At: now, Events: u.Events}
	if full || !b.begun || u.Resynced.Happened() || u.Missed > 0 {
		s = Seen{At: now, Locks: &u.Snapshot}
	}
	b.begun = true
	b.events += len(s.Events)
	b.seen = append(b.seen, s)
}

// Empty reports whether all was learnt from.
func (b *Backlog) Empty() bool { return len(b.seen) == 0 }

// Take returns all of it, and forgets it.
func (b *Backlog) Take() []Seen {
	all := b.seen
	b.seen, b.events = nil, 0
	return all
}

// Lessons is what is learnt from the live watch since the UI began. It takes a bounded
// memory, beside what it needs for each request that exists. It is not part of Data: one
// command at a time works on it, beside Update.
type Lessons struct {
	classes  lockclass.Rules
	costs    *profile.Collector // nil: they are not counted yet, see ManyRequests
	orders   *order.Follower
	searched int // stories of orders that Potential knew
	begun    bool
	last     time.Time
}

// ManyRequests is from how many requests on costs are counted only once they are looked at:
// that takes some 250 bytes for each request.
const ManyRequests = 200_000

// NewLessons returns lessons of nothing, of locks of these classes.
func NewLessons(classes lockclass.Rules) *Lessons {
	return &Lessons{
		classes: classes,
		orders:  order.NewFollower(classes, order.ModestLimits),
	}
}

// Learn takes in what the watch has said, in its order.
func (l *Lessons) Learn(all []Seen) {
	for _, s := range all {
		l.last = s.At
		switch {
		case s.Locks != nil && l.begun:
			if l.costs != nil {
				l.costs.Gap(s.At, *s.Locks)
			}
			l.orders.Gap(s.At, *s.Locks)
		case s.Locks != nil:
			l.begun = true
			if s.Locks.Requests() < ManyRequests {
				l.Count(s.At, *s.Locks)
			}
			l.orders.Begin(s.At, *s.Locks)
		default:
			if l.costs != nil {
				l.costs.Apply(s.Events)
				l.costs.Advance(s.At)
			}
			l.orders.Apply(s.Events)
		}
	}
}

// Count begins to count costs, unless they are counted or nothing was learnt yet: the locks
// are those at the end of what was learnt.
func (l *Lessons) Count(t time.Time, locks inspect.Snapshot) {
	if l.costs == nil && l.begun {
		l.costs = profile.New(profile.Options{Limits: profile.ModestLimits, Classes: l.classes})
		l.costs.Begin(t, locks)
	}
}

// Profile returns what waiting has cost up to a time; false if that was not counted. The zero
// time is when the watch last said something.
func (l *Lessons) Profile(until time.Time) (profile.Profile, bool) {
	if l.costs == nil {
		return profile.Profile{}, false
	}
	if until.Before(l.last) {
		until = l.last
	}
	return l.costs.Profile(until), true
}

// Potential is the deadlocks that could happen by the orders in which clients have acquired
// locks since the UI began.
type Potential struct {
	Deadlocks []order.Potential
	Edition   int  // grows whenever there may be others
	More      bool // there were more orders than are kept
}

// Potential looks for deadlocks that could happen; false if there are no others than the
// last time.
func (l *Lessons) Potential() (Potential, bool) {
	if l.orders.Kept() == l.searched {
		return Potential{}, false
	}
	l.searched = l.orders.Kept()
	return Potential{Deadlocks: l.orders.Potentials(), Edition: l.searched, More: l.orders.Full()}, true
}
