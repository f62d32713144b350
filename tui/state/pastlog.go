package state

import (
	"maps"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// NewPastLog returns the log of what was recorded up to a place, nil if that is not known.
func NewPastLog(c *backend.Changes, until backend.Place) *Log {
	if c == nil || !c.Recorded || !Covers(c, until) {
		return nil
	}
	log := &Log{Past: true}
	notes := c.Notes
	note := func(n backend.Note) {
		kind := EntryEtcd
		if n.Severity != "" {
			kind = EntryProblem
		}
		log.Add(kind, n.Place.Time, n.Text)
	}
	for _, e := range c.Events {
		if e.Place.Compare(until) > 0 {
			break
		}
		for len(notes) > 0 && notes[0].Place.Compare(e.Place) < 0 {
			note(notes[0])
			notes = notes[1:]
		}
		log.AddEvent(e.Event, e.Place.Time)
	}
	for _, n := range notes {
		if n.Place.Compare(until) <= 0 {
			note(n)
		}
	}
	return log
}

// newPastJournal returns what was recorded of requests up to a place.
func newPastJournal(c *backend.Changes, until backend.Place) *journal {
	j := &journal{Began: c.Since.Time}
	for _, e := range c.Events {
		if e.Place.Compare(until) <= 0 {
			j.Take(e.Event)
		}
	}
	return j
}

// Relate has a moment of a recording know what was before, as far as the changes say.
func (f *Frozen) Relate(c *backend.Changes) {
	if log := NewPastLog(c, f.Place); log != nil {
		f.Log, f.journal, f.queues = log, newPastJournal(c, f.Place), pastSamples(c, f)
	}
}

// Follow has a moment of a recording know what is known from another one, until that of its own is
// known.
func (f *Frozen) Follow(before *Frozen) {
	f.Log, f.journal = &Log{Past: true}, &journal{Began: f.At}
	if before != nil && before.Log != nil {
		f.Log = before.Log.Until(f.At)
	}
	if before != nil && before.journal != nil && !before.At.After(f.At) {
		f.journal = before.journal
		if f.At.Sub(before.At) < SampleCount*SampleEvery {
			f.queues = before.queues
		}
	}
}

// pastSamples returns the lengths of queues in the seconds before a moment of a recording, as
// far back as the changes say them.
func pastSamples(c *backend.Changes, f *Frozen) Samples {
	rings, waiters := map[inspect.LockID]*ring{}, map[inspect.LockID]int{}
	for _, l := range f.Locks {
		waiters[l.ID] = l.Count().Waiters
	}
	events := c.Events
	for len(events) > 0 && events[len(events)-1].Place.Compare(f.Place) > 0 {
		events = events[:len(events)-1]
	}
	since := knownSince(c, f.Place)
	for i := range SampleCount {
		at := f.At.Add(-time.Duration(i) * SampleEvery)
		if at.Before(since) {
			break
		}
		for n := len(events) - 1; n >= 0 && events[n].Place.Time.After(at); n-- {
			e := events[n]
			waiters[e.Lock()] -= joined(e.Event)
			events = events[:n]
		}
		for id, n := range waiters {
			if rings[id] == nil {
				rings[id] = &ring{}
			}
			rings[id].set(SampleCount-1-i, n)
		}
	}
	var s Samples
	for _, id := range slices.SortedFunc(maps.Keys(rings), inspect.LockID.Compare) {
		s.keep(sampled{lock: id, ring: *rings[id]})
	}
	return s
}

// knownSince returns since when the changes say all that happened up to a place.
func knownSince(c *backend.Changes, until backend.Place) time.Time {
	since := c.Since.Time
	for _, n := range c.Notes {
		if n.Gap && n.Place.Compare(until) <= 0 && n.Place.Time.After(since) {
			since = n.Place.Time
		}
	}
	return since
}

// joined returns by how much an event makes a queue of waiters longer.
func joined(e inspect.Event) int {
	switch {
	case e.Kind.OfOther():
		return 0
	case e.Kind == inspect.EventWaiting:
		return 1
	case e.Kind == inspect.EventGranted && e.Request.Revision != e.Revision, e.Kind.Gone() && !e.Request.Holding:
		return -1
	default:
		return 0
	}
}
