package backend

import (
	"cmp"
	"context"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/profile"
)

// Place is a place in the past: a revision, a time, or both. Revisions of etcd have no
// times; what was recorded has both.
type Place struct {
	Revision int64     // 0: not given
	Time     time.Time // zero: not known, or not given
	End      bool      // the end of the recording, in place of these
}

// Compare returns whether p is before q (-1), after it (1), or neither: by time, if both
// have one.
func (p Place) Compare(q Place) int {
	if !p.Time.IsZero() && !q.Time.IsZero() {
		return p.Time.Compare(q.Time)
	}
	return cmp.Compare(p.Revision, q.Revision)
}

// Past reads locks as they were.
type Past interface {
	// At returns the locks below prefixes at a place.
	At(ctx context.Context, prefixes []string, at Place) (Moment, error)
	// Changes returns what changed up to a place and including it (by -1), or after it
	// (by 1), as far as is read at a time.
	Changes(ctx context.Context, prefixes []string, at Place, by int) (Changes, error)
	// Cost says what it costs to read these changes, which is only done for a user who
	// asks; it is empty if that is not worth saying. It does not block.
	Cost(at Place, by int) string
	// Granted returns the place at which a request was granted, the zero Place if it was
	// not. It costs as much as Changes.
	Granted(ctx context.Context, r inspect.Request) (Place, error)
}

// Moment is the locks at a place of the past.
type Moment struct {
	Snapshot inspect.Snapshot
	Place    Place // with all that is known of it
	Floor    Place // the oldest one that can be read

	// What only a recording has.
	Recorded bool
	Last     time.Time            // the end of the recording
	Leases   map[int64]LeaseReply // that were looked up shortly before
	Doubts   []string             // why the locks may have been different, a sentence each
}

// LeaseReply is what etcd said of a lease at a time.
type LeaseReply struct {
	inspect.Lease
	At time.Time
}

// Changes are what changed after one place, up to and including another.
type Changes struct {
	Floor        Place // the oldest one that can be read
	Since, Until Place // as far as they can be read
	Events       []Change
	Notes        []Note
	Recorded     bool
	Unproven     bool // etcd does not say whether it has sent all events
}

// Change is an event and the place that shows it. The oldest one is first.
type Change struct {
	inspect.Event
	Place Place
}

// Note is something else that was recorded. The oldest one is first.
type Note struct {
	Place    Place
	Severity string // of a problem that was raised; empty: it is something else
	Text     string
	Gap      bool // the locks may have changed without an event
}

// Archive is a whole recording.
type Archive interface {
	// Overview reads the recording in the background, the end first, and then follows it.
	// It sends what is known so far until ctx ends; then it closes the channel.
	Overview(ctx context.Context) <-chan Overview
	// Profile adds up what waiting for the locks below prefixes has cost between two
	// times. If ctx ends, it returns what it has added up so far.
	Profile(ctx context.Context, prefixes []string, from, to time.Time) (profile.Profile, error)
}

// Overview is how many requests waited over the time of a recording, and which problems were
// found when.
type Overview struct {
	Begin, End time.Time
	Read       time.Time // what is before is still to be read
	Waiters    []int     // the most at a time, in equal parts of the time; -1: nothing was recorded
	Marks      []Mark    // in their order
}

// Mark is when a problem was found that was not there before.
type Mark struct {
	Time     time.Time
	Severity string // critical, warning or notice
	Text     string
}
