package state

import (
	"strconv"
	"time"

	"etcd-lock/tui/backend"
)

// PlaceText names a place of the past: by its time, if that is known.
func PlaceText(p backend.Place) string {
	if p.Time.IsZero() {
		return "revision " + strconv.FormatInt(p.Revision, 10)
	}
	return p.Time.Format(time.DateTime)
}

// FloorText says why there is nothing older.
func FloorText(c *backend.Changes) string {
	if c.Recorded {
		return "nothing older was recorded: the recording begins at " + PlaceText(c.Floor)
	}
	if c.Floor.Revision <= 1 {
		return "nothing is older: etcd's history starts at revision 1"
	}
	return "older revisions are compacted: history starts at " + strconv.FormatInt(c.Floor.Revision, 10)
}

// Covers reports whether a place is among the changes, or at their end.
func Covers(c *backend.Changes, at backend.Place) bool {
	return c != nil && at.Compare(c.Since) >= 0 && at.Compare(c.Until) <= 0
}

// CoversStep reports whether a step from a place can be answered from the changes.
func CoversStep(c *backend.Changes, at backend.Place, by int) bool {
	if by < 0 {
		return c.Since.Compare(at) < 0 && at.Compare(c.Until) <= 0
	}
	return c.Since.Compare(at) <= 0 && at.Compare(c.Until) < 0
}

// StepFrom returns the place of the change before the one that made the snapshot of a
// place, or of the change after it. Where there is none, that is the end of the known
// changes.
func StepFrom(c *backend.Changes, at backend.Place, by int) backend.Place {
	made, before, after := c.Since, c.Since, c.Until
	take := func(p backend.Place) {
		switch {
		case p.Compare(at) <= 0 && p.Compare(made) > 0:
			made, before = p, made
		case p.Compare(at) <= 0 && p.Compare(made) < 0 && p.Compare(before) > 0:
			before = p
		case p.Compare(at) > 0 && p.Compare(after) < 0:
			after = p
		}
	}
	for _, e := range c.Events {
		take(e.Place)
	}
	for _, n := range c.Notes {
		if n.Gap {
			take(n.Place)
		}
	}
	if by < 0 {
		return before
	}
	return after
}
