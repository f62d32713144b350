package state

import (
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
		f.Log, f.journal = log, newPastJournal(c, f.Place)
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
	}
}
