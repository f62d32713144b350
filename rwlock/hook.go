package rwlock

import "time"

// EventKind is what happened to a request.
type EventKind string

// The kinds of events.
const (
	EventWaiting  EventKind = "waiting"  // the request is about to be sent
	EventQueued   EventKind = "queued"   // the request waits for others; never for a Try call
	EventGranted  EventKind = "granted"  // the lock is held
	EventFailed   EventKind = "failed"   // the lock was not acquired
	EventReleased EventKind = "released" // Unlock has ended the hold
	EventLost     EventKind = "lost"     // the key was deleted other than by Unlock, or the session ended
)

// Event describes what happened to a request, for a hook.
type Event struct {
	Kind   EventKind
	Locks  []LockRequest // that were requested; one, unless by a Set
	Token  int64         // fencing token; 0 unless granted, released or lost, and with a local queue or WithKeep
	Waited time.Duration // since the request began; with granted and failed
	Held   time.Duration // since the lock was granted; with released and lost
	Err    error         // with failed and lost, and with released when Unlock returns an error
}

// WithHook calls f with each event of the requests, to build metrics and logs
// on. It is called from the goroutine that acquires or unlocks, which waits for
// it; with EventLost from another goroutine. To report losses, each hold opens a
// watch on its key.
func WithHook(f func(Event)) Option { return func(o *options) { o.hook = f } }

// notify calls the hook, if there is one, with an event of request r.
func (o options) notify(r *request, e Event) {
	if o.hook == nil {
		return
	}
	e.Locks = r.locks()
	if o.passes <= 1 && o.keep == 0 && (e.Kind == EventGranted || e.Kind == EventReleased || e.Kind == EventLost) {
		e.Token = r.token()
	}
	o.hook(e)
}
