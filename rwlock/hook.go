package rwlock

import (
	"context"
	"sync"
	"time"

	"etcd-lock/internal/keyspace"
)

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

	// Position is how many requests were ahead when the request was queued, and Ahead the last
	// of them in the order of the queue: up to eight readers and eight writers. They are set
	// with EventQueued only, and not even then while the request waits in a local queue, or in
	// a long one that the client did not read. Of a Set, they are of the first lock that has to
	// be waited for. Beyond eight, Position counts keys, those of locks nested below the name
	// too.
	Position int
	Ahead    []Ahead
}

// WithHook calls f with each event of the requests, to build metrics and logs on. It may be
// given several times. f is called from the goroutine that acquires or unlocks, which waits
// for it; with EventLost from another goroutine. A loss is reported two seconds after the
// grant at the earliest, unless the session has ended: from then on the hold watches its key.
// A loss that Unlock finds may be reported after EventReleased, whose Err is ErrLost then.
//
// A nil f is no hook. The packages slogrwlock, promrwlock and otelrwlock below this one have hooks for logs,
// metrics and traces.
func WithHook(f func(Event)) Option {
	if f == nil {
		return WithTracer(nil)
	}
	return WithTracer(func(_ context.Context, e Event) (string, func(Event)) {
		f(e)
		return "", f
	})
}

// Tracer begins to follow a request. It is called with EventWaiting and the context of the
// acquisition, and returns the hook for the later events of this request, or nil, and the
// request's traceparent, as W3C Trace Context writes it, or "".
type Tracer func(ctx context.Context, waiting Event) (traceparent string, hook func(Event))

// WithTracer calls t for each request. Of the first Tracer that returns a valid traceparent,
// it is stored with the owner, for those who wait for the lock and those who inspect it. The
// hook that t returns is called as that of WithHook.
func WithTracer(t Tracer) Option {
	return func(o *options) {
		if t != nil {
			o.tracers = append(o.tracers, t)
		}
	}
}

// hooks are called with the events of one request.
type hooks []func(Event)

// follow begins to follow a request that is about to be sent.
func (o options) follow(ctx context.Context, r *request) (all hooks) {
	for _, t := range o.tracers {
		traceparent, hook := t(ctx, Event{Kind: EventWaiting, Locks: r.locks()})
		if r.owner.Trace == "" && keyspace.IsTraceparent(traceparent) {
			r.owner.Trace = traceparent
		}
		if hook != nil {
			all = append(all, hook)
		}
	}
	return all
}

// notify calls the hooks, if there are any, with an event of a hold's request r.
func (h *hold) notify(all hooks, r *request, e Event) {
	if len(all) == 0 {
		return
	}
	e.Locks = r.locks()
	if h.options.passes <= 1 && h.options.keep == 0 && (e.Kind == EventGranted || e.Kind == EventReleased || e.Kind == EventLost) {
		e.Token = r.token()
	}
	for _, hook := range all {
		hook(e)
	}
}

// notifyLoss calls the hooks, if there are any, when the locks are lost. It watches the keys
// only after a while: most holds are shorter.
func (h *hold) notifyLoss(all hooks, r *request, l *loss) {
	if len(all) == 0 {
		return
	}
	begin := sync.OnceFunc(func() {
		l.notify(func(err error) {
			h.notify(all, r, Event{Kind: EventLost, Held: time.Since(l.since), Err: err})
		})
	})
	late := time.AfterFunc(ownKeyDelay, begin)
	over := context.AfterFunc(h.session.Ctx(), begin)
	context.AfterFunc(l.ctx, func() {
		late.Stop()
		over()
	})
}
