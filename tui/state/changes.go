package state

import (
	"strconv"

	"etcd-lock/tui/backend"
)

// ChangesWindow is how many revisions are read at a time to find out at which of
// them something changed.
const ChangesWindow = 1000

// FloorText says why there is nothing older.
func FloorText(c *backend.Changes) string {
	return "older revisions are compacted: history starts at " + strconv.FormatInt(c.Floor, 10)
}

// CoversStep reports whether a step from a revision can be answered from the
// changes.
func CoversStep(c *backend.Changes, at int64, by int) bool {
	if by < 0 {
		return c.Since < at && at <= c.Until
	}
	return c.Since <= at && at < c.Until
}

// StepFrom returns the revision of the change before the one that made the
// snapshot of a revision, or of the change after it. Where there is none, that is
// the end of the known changes.
func StepFrom(c *backend.Changes, at int64, by int) int64 {
	made, before, after := c.Since, c.Since, c.Until
	for _, e := range c.Events {
		switch {
		case e.Revision > at:
			after = min(after, e.Revision)
		case e.Revision > made:
			made, before = e.Revision, made
		}
	}
	if by < 0 {
		return before
	}
	return after
}
