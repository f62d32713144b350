package inspect

import (
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Source reads locks from etcd.
type Source struct {
	client *clientv3.Client
	tuning tuning
}

// tuning is what tests make small.
type tuning struct {
	page     int64            // keys that the first read asks for
	patience time.Duration    // with a single read, while watching
	probe    time.Duration    // pause between questions whether etcd is there, at least; at most twice that
	now      func() time.Time // tells when the watch saw something
}

// NewSource returns a source over client. The client should have keep-alives
// (DialKeepAliveTime): they are what moves a watch away from a member that
// hangs.
func NewSource(client *clientv3.Client) *Source {
	return &Source{client: client, tuning: tuning{
		page:     1000,
		patience: 2 * time.Second,
		probe:    time.Second,
		now:      time.Now,
	}}
}

// Update is what Watch sends.
type Update struct {
	Snapshot Snapshot // the locks now; while Err is set, the last ones known
	Events   []Event  // what led from the snapshot before to this one, oldest first
	Missed   int      // events before those that were dropped, because the receiver was slow
	Resynced bool     // the snapshot was read anew, so events in between are not known
	Err      error    // etcd does not answer, or refuses to: the watch goes on trying
}

// EventKind says what became of a request.
type EventKind string

// What can become of a request.
const (
	EventWaiting  EventKind = "waiting"  // it joined the queue behind others
	EventAcquired EventKind = "acquired" // it holds the lock
	EventReleased EventKind = "released" // it held the lock and is gone
	EventLeft     EventKind = "left"     // it waited and is gone
	EventExpired  EventKind = "expired"  // it is gone because its session ran out: only Ends tells
	EventRevoked  EventKind = "revoked"  // it is gone because its session was closed or revoked: only Ends tells
)

// Gone reports whether an event of this kind is a request's last.
func (k EventKind) Gone() bool { return k != EventWaiting && k != EventAcquired }

// Event is a change in one request's standing.
type Event struct {
	Kind     EventKind
	Request  Request    // of one that is gone, Holding says whether it held
	Revision int64      // of the change; 0 when it is not known
	Time     time.Time  // when this program saw it; zero when it did not
	Session  LeaseState // of a request that is gone: its session right after, as far as Ends found out
}
