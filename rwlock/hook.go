package rwlock

import "time"

// EventKind says what happened to a request.
type EventKind string

// What can happen to a request.
const (
	EventWaiting  EventKind = "waiting"  // it is about to be asked for
	EventQueued   EventKind = "queued"   // it has been asked for, and others are ahead of it; never told of a try
	EventGranted  EventKind = "granted"  // it holds its lock
	EventFailed   EventKind = "failed"   // it did not come to hold it
	EventReleased EventKind = "released" // Unlock gave it back
	EventLost     EventKind = "lost"     // its key is gone, and nobody here unlocked it
)

// Event tells a hook what happened to a request.
type Event struct {
	Kind   EventKind
	Locks  []LockRequest // the locks asked for, one unless by a Set
	Token  int64         // the fencing token, 0 before the lock is held
	Waited time.Duration // since the request began; with acquired and failed
	Held   time.Duration // since it was acquired; with released and lost
	Err    error         // with failed and lost, and with a released that did not go well
}

// WithHook has f called with each event of the requests, from the goroutine
// that acquires or unlocks, which waits for it; with EventLost from another.
// To tell of losses, each hold opens a watch on its key. It is what metrics and
// logs are built on.
func WithHook(f func(Event)) Option { return func(o *options) { o.hook = f } }

func (o options) tell(r *request, e Event) {
	if o.hook == nil {
		return
	}
	e.Locks = r.wants()
	if e.Kind == EventGranted || e.Kind == EventReleased || e.Kind == EventLost {
		e.Token = r.token()
	}
	o.hook(e)
}
