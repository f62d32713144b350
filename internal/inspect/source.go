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
)

// Event is a change in one request's standing.
type Event struct {
	Kind     EventKind
	Request  Request
	Revision int64     // of the change
	Time     time.Time // when this program saw it
}
