package inspect

import (
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/layout"
)

// Source reads locks from one etcd.
type Source struct {
	client *clientv3.Client
	rules  *layout.Set
	tuning tuning

	attached attachments
}

// tuning is what tests change.
type tuning struct {
	page     int64            // keys of the first read
	patience time.Duration    // timeout of a single read, while watching
	probe    time.Duration    // the least pause between probes of etcd; the longest is twice that
	trust    time.Duration    // for how long a watch that says nothing is believed
	now      func() time.Time // the clock of what the watch sees
}

// NewSource returns a source that reads through client, with the built-in layouts. The
// client should have keep-alives (DialKeepAliveTime): they move a watch away from a member
// that hangs.
func NewSource(client *clientv3.Client) *Source {
	return NewSourceOf(client, layout.Builtin())
}

// NewSourceOf returns a source of locks of these layouts.
func NewSourceOf(client *clientv3.Client, rules *layout.Set) *Source {
	return &Source{client: client, rules: rules, tuning: tuning{
		page:     8000,
		patience: 2 * time.Second,
		probe:    time.Second,
		trust:    15 * time.Second,
		now:      time.Now,
	}}
}

// Layouts returns the layouts of the locks that the source reads.
func (s *Source) Layouts() *layout.Set { return s.rules }

// Update is what Watch sends.
type Update struct {
	Snapshot Snapshot // the locks now; while Err is set, the last ones known
	Bare     bool     // only from WatchSteps: the snapshot is without its locks
	Events   []Event  // what led from the snapshot before to this one, oldest first
	Missed   int      // earlier events, dropped because the receiver was slow
	Steps    []Step   // only from WatchSteps: what led here, revision by revision; if some were dropped, one with the locks as they are
	Resynced Resync   // whether and why the snapshot was read anew, so that the events in between are not known
	Err      error    // etcd does not answer, or refuses to: the watch retries
}

// EventKind says what became of a request, or of another key that is in the way of some.
type EventKind string

// The kinds of events.
const (
	EventWaiting  EventKind = "waiting"  // it joined the queue behind others
	EventGranted  EventKind = "granted"  // it holds the lock
	EventReleased EventKind = "released" // it held the lock and was deleted
	EventLeft     EventKind = "left"     // it waited and was deleted
	EventDetached EventKind = "detached" // its key was written again with another lease or none: it is no request any more, and still blocks
	EventBlocks   EventKind = "blocks"   // another key is in the way of requests of a lock now, see Lock.Others
	EventCleared  EventKind = "cleared"  // it is not any more: it was deleted, or none of them waits for it
	EventExpired  EventKind = "expired"  // it was deleted because its session expired; only from WatchCauses and WatchKinds
	EventRevoked  EventKind = "revoked"  // it was deleted because its session was closed or revoked; only from WatchCauses and WatchKinds
	EventEnded    EventKind = "ended"    // it was deleted, its session is gone too, and it is not known which of these happened; only from WatchCauses and WatchKinds
)

// Gone reports whether an event of this kind is the last one of a request.
func (k EventKind) Gone() bool { return k != EventWaiting && k != EventGranted && !k.OfOther() }

// OfOther reports whether an event of this kind is about another key that is in the way
// of requests.
func (k EventKind) OfOther() bool { return k == EventBlocks || k == EventCleared }

// Event is a change of one request, or of a key that is in the way of some.
type Event struct {
	Kind     EventKind
	Request  Request    // for a deleted one, Holding says whether it held; if Kind.OfOther, the key
	Blocked  LockID     // if Kind.OfOther: the lock that it is in the way of
	Revision int64      // of the change; 0 when it is not known
	Time     time.Time  // when this program saw it; zero when it did not
	Session  LeaseState // for a deleted request: its session right after; only from WatchCauses
}

// Lock returns the lock that the event is about.
func (e Event) Lock() LockID {
	if e.Kind.OfOther() {
		return e.Blocked
	}
	return e.Request.Lock
}
