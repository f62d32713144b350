// Package flight records the locks of an etcd over time, and reads them as they were at
// any moment of the recording. docs/recording.md describes the format.
//
// A Recorder writes what a watch sends into a folder of segments. A Recording reads such
// a folder, or one segment.
package flight

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"etcd-lock/internal/format"
)

// Version is the version of the format. A reader refuses others.
const Version = 2

// Format names the format in the first line of a segment.
const Format = "etcd-lock recording"

// Kind says what a line of a segment is.
type Kind string

// The kinds of lines.
const (
	KindSegment  Kind = "segment"  // the first line
	KindPicture  Kind = "picture"  // the locks follow, a line each
	KindLock     Kind = "lock"     // a lock of the picture
	KindSteps    Kind = "steps"    // what many revisions did
	KindChange   Kind = "change"   // what has changed since the picture or change before
	KindLost     Kind = "lost"     // etcd does not answer
	KindBack     Kind = "back"     // etcd answers again
	KindLeases   Kind = "leases"   // what etcd said of leases
	KindFindings Kind = "findings" // problems that were raised or cleared
	KindClock    Kind = "clock"    // the clock of the recorder was set
	KindAlive    Kind = "alive"    // nothing else happened
	KindEnd      Kind = "end"      // the recorder ended in order
)

// Cause says why a segment begins.
type Cause string

// The causes. Before a segment that begins for one of the last three, something may be
// missing.
const (
	CauseStart   Cause = "start"   // the recording begins
	CauseSize    Cause = "size"    // the segment before is large
	CauseAge     Cause = "age"     // the segment before is old
	CauseClock   Cause = "clock"   // the clock was set back
	CauseHistory Cause = "history" // the recorder was started again, and read from etcd's history what it missed
	CauseRestart Cause = "restart" // the recorder was started again
	CauseFailed  Cause = "failed"  // the recording could not be written meanwhile
	CauseResync  Cause = "resync"  // the watch read the locks anew
	CauseMissed  Cause = "missed"  // the recorder was too slow for what happened
)

// Gap reports whether something may be missing before a segment that begins so.
func (c Cause) Gap() bool {
	return c == CauseRestart || c == CauseFailed || c == CauseResync || c == CauseMissed
}

// Line is a line of a segment. Which fields are set depends on its kind.
type Line struct {
	Kind     Kind  `json:"kind"`
	Time     Time  `json:"time,omitzero"`
	Revision int64 `json:"revision,omitempty"` // of the locks

	// Of a segment.
	Format   string  `json:"format,omitempty"`
	Version  int     `json:"version,omitempty"`
	Number   int64   `json:"number,omitempty"`
	Through  int64   `json:"through,omitempty"` // number of the last of the segments that were thinned into this one
	Cluster  string  `json:"cluster,omitempty"` // ID in hex; empty when it is not known
	Prefixes []Text  `json:"prefixes,omitempty"`
	Cause    Cause   `json:"cause,omitempty"`
	Previous *Mark   `json:"previous,omitempty"` // the last line before
	Resync   *Resync `json:"resync,omitempty"`

	// Of a picture, a lock or a change.
	Other   int          `json:"other,omitempty"` // keys that are not lock requests
	Count   int          `json:"count,omitempty"` // of the lines of locks that follow
	Lock    *LockChange  `json:"lock,omitempty"`
	Changes []LockChange `json:"changes,omitempty"`
	Steps   *Batch       `json:"steps,omitempty"`
	Events  rawEvents    `json:"events,omitempty"`
	Missed  int          `json:"missed,omitempty"` // events before Events that were dropped

	Error   string    `json:"error,omitempty"` // of lost
	Leases  []Lease   `json:"leases,omitempty"`
	Raised  []Finding `json:"raised,omitempty"`
	Cleared []Finding `json:"cleared,omitempty"`
	Jump    int64     `json:"jump_ms,omitempty"` // of clock: by how much it was set forward, in milliseconds
}

// Mark is where a segment ended.
type Mark struct {
	Time     Time  `json:"time"`
	Revision int64 `json:"revision"`
}

// Resync says why the watch read the locks anew, see inspect.Resync.
type Resync struct {
	Cause string `json:"cause"`
	From  int64  `json:"from"`
	To    int64  `json:"to"`
}

// LockChange is a lock, or what has changed of one.
type LockChange struct {
	Name   Text      `json:"name"`
	Layout string    `json:"layout"`
	Gone   []Text    `json:"gone,omitempty"` // keys of requests that left the queue
	Put    []Request `json:"put,omitempty"`  // requests that are new in the queue, or have changed
	Beside *Beside   `json:"beside,omitempty"`
}

// Beside is what a lock has beside its queue, as a whole.
type Beside struct {
	Others     []Request `json:"others,omitempty"`
	MoreOthers int       `json:"more_others,omitempty"`
	Candidates []Text    `json:"candidates,omitempty"`
}

// Request is an inspect.Request. Its lock's name and layout are left out in the queue of
// that lock.
type Request struct {
	Key          Text    `json:"key"`
	Name         Text    `json:"name,omitempty"`
	Layout       string  `json:"layout,omitempty"`
	Mode         string  `json:"mode,omitempty"`
	Lease        LeaseID `json:"lease,omitzero"`
	LeaseUnknown bool    `json:"lease_unknown,omitempty"`
	Revision     int64   `json:"revision,omitempty"`
	Modified     int64   `json:"modified,omitempty"`
	Holding      bool    `json:"holding,omitempty"`
	Since        Time    `json:"since,omitzero"`
	Seen         Time    `json:"seen,omitzero"`
	Saw          bool    `json:"saw,omitempty"`
	Owner        *Owner  `json:"owner,omitempty"`
	Term         *Term   `json:"term,omitempty"`
	Slots        *Slots  `json:"slots,omitempty"`
	Encrypted    bool    `json:"encrypted,omitempty"`
	Cut          bool    `json:"cut,omitempty"`
}

// Owner is a keyspace.Owner.
type Owner struct {
	Host    Text `json:"host,omitempty"`
	PID     int  `json:"pid,omitempty"`
	Program Text `json:"program,omitempty"`
	Label   Text `json:"label,omitempty"`
	Under   Text `json:"under,omitempty"`
	Keep    bool `json:"keep,omitempty"`
	Upgrade bool `json:"upgrade,omitempty"`
	Weight  int  `json:"weight,omitempty"`
	Permits int  `json:"permits,omitempty"`
	Time    Time `json:"time,omitzero"`
}

// Term is a layout.Term.
type Term struct {
	Holder   Text  `json:"holder,omitempty"`
	Acquired Time  `json:"acquired,omitzero"`
	Renewed  Time  `json:"renewed,omitzero"`
	Duration int64 `json:"duration_ns,omitempty"`
}

// Slots is a layout.Slots.
type Slots struct {
	Total   int    `json:"total,omitempty"`
	Holders []Text `json:"holders,omitempty"`
}

// rawEvents is a list of Event in JSON. Whoever looks for a moment does not need them.
type rawEvents = json.RawMessage

// Event is an inspect.Event. A request of which it has only the key is the one that the
// change puts or, if the event is its last one, that was there before.
type Event struct {
	Event    string  `json:"event"`
	Time     Time    `json:"time,omitzero"`
	Revision int64   `json:"revision,omitempty"`
	Session  string  `json:"session,omitempty"` // alive or gone
	Name     Text    `json:"name"`
	Layout   string  `json:"layout"`
	Request  Request `json:"request"`
}

// Lease is what etcd said of a lease.
type Lease struct {
	Lease     LeaseID `json:"lease"`
	State     string  `json:"state"`
	Granted   int64   `json:"granted_seconds,omitempty"`
	Remaining int64   `json:"remaining_seconds,omitempty"`
	Missed    bool    `json:"missed_renewals,omitempty"`
	Lacks     []Text  `json:"lacks,omitempty"` // keys with its ID that are not attached to it
}

// Finding is a problem of some locks.
type Finding struct {
	Kind     string `json:"finding"`
	Severity string `json:"severity"`
	Text     Text   `json:"text"`
	Locks    []Text `json:"locks,omitempty"`
	Sessions []Text `json:"sessions,omitempty"`
}

// Text is a text from etcd. In JSON it is a string or, if it is not valid UTF-8, an object
// with the field base64.
type Text string

type base64Text struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(base64Text{[]byte(t)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var raw base64Text
		err := json.Unmarshal(b, &raw)
		*t = Text(raw.Base64)
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

// LeaseID is the ID of a lease: 16 hex digits in JSON.
type LeaseID int64

// MarshalText implements encoding.TextMarshaler.
func (id LeaseID) MarshalText() ([]byte, error) { return []byte(format.Lease(int64(id))), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *LeaseID) UnmarshalText(b []byte) error {
	n, err := format.ParseLease(string(b))
	*id = LeaseID(n)
	return err
}

// Time is a time in UTC. In JSON it is as in RFC 3339 or, where that cannot say it, a
// number of seconds since 1970: a client can write any time into a key.
type Time struct{ time.Time }

// newTime returns a time to the microsecond, without its location and without the reading
// of the monotonic clock.
func newTime(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.Round(0).UTC().Truncate(time.Microsecond)}
}

// later returns the later one of two times, of which zero is unknown.
func later(a, b Time) Time {
	if b.After(a.Time) {
		return b
	}
	return a
}

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	if year := t.Year(); year < 0 || year > 9999 {
		return strconv.AppendInt(nil, t.Unix(), 10), nil
	}
	return t.Time.MarshalJSON()
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	if seconds, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		t.Time = time.Unix(seconds, 0).UTC()
		return nil
	}
	err := t.Time.UnmarshalJSON(b)
	t.Time = t.UTC()
	return err
}
