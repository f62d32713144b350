package rwlock

import (
	"context"
	"errors"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A queue that does not suit a mirror is not mirrored again for minUnsuitable, and for twice
// as long each time that it happens again, up to maxUnsuitable. The first time can be that
// the other clients were quicker to ask when all of them began.
const (
	minUnsuitable = 200 * time.Millisecond
	maxUnsuitable = time.Minute
)

// mostUnsuitable is how many such queues are remembered.
const mostUnsuitable = 1000

// unsuitable says that a queue is not mirrored until a time, after a pause.
type unsuitable struct {
	until time.Time
	pause time.Duration
}

// again is what follows on u when the queue turns out to be unsuitable once more.
func (u unsuitable) again(now time.Time) unsuitable {
	pause := minUnsuitable
	if u.pause > 0 && now.Sub(u.until) < maxUnsuitable {
		pause = min(2*u.pause, maxUnsuitable)
	}
	return unsuitable{now.Add(pause), pause}
}

// localWaits is what the waiters of a client share: the watches of queues and of keys.
type localWaits struct {
	client *clientv3.Client

	mu         sync.Mutex
	waiters    map[string]int // number of waiters by name of the lock
	mirrors    map[string]*mirror
	unsuitable map[string]unsuitable // queues, by name of the lock
	keys       map[string]*keyWatch
	idle       int // number of watches of keys that nobody uses
}

func newLocalWaits(client *clientv3.Client) *localWaits {
	return &localWaits{
		client:  client,
		waiters: map[string]int{}, mirrors: map[string]*mirror{}, unsuitable: map[string]unsuitable{}, keys: map[string]*keyWatch{},
	}
}

// enter counts a waiter in. The caller must call leave when it does not wait any more.
func (w *localWaits) enter(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiters[name]++
	w.count(name)
}

// count tells a mirror how many waiters of the client there are. The caller holds w.mu.
func (w *localWaits) count(name string) {
	if m := w.mirrors[name]; m != nil {
		m.local.Store(int64(w.waiters[name]))
	}
}

// leave counts a waiter out.
func (w *localWaits) leave(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiters[name]--; w.waiters[name] == 0 {
		delete(w.waiters, name)
	}
	w.count(name)
}

// isLong reports whether the queue of a lock is mirrored and so long that a request should
// not read it.
func (w *localWaits) isLong(name string) bool {
	w.mu.Lock()
	m := w.mirrors[name]
	w.mu.Unlock()
	return m != nil && m.isLong()
}

// mirror returns a mirror of the queue of e, given what is known of it, or nil if the waiter
// had better watch the last request ahead of it.
func (w *localWaits) mirror(e *entry, queue queueState, known *seed) *mirror {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := w.mirrors[e.name]; m != nil && m.isAlive() {
		return m
	}
	if queue.unread || queue.length > int64(maxShare*w.waiters[e.name]) || time.Now().Before(w.unsuitable[e.name].until) {
		return nil
	}
	var m *mirror
	m = newMirror(w.client, e.name, known, func(reason error) { w.unmirror(m, reason) })
	w.mirrors[e.name] = m
	w.count(e.name)
	return m
}

// unmirror forgets a mirror that was given up for a reason, which is nil or the end of a
// context if it may soon be started again.
func (w *localWaits) unmirror(m *mirror, reason error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mirrors[m.name] == m {
		delete(w.mirrors, m.name)
	}
	if reason == nil || errors.Is(reason, context.Canceled) {
		return
	}
	if len(w.unsuitable) >= mostUnsuitable {
		clear(w.unsuitable)
	}
	w.unsuitable[m.name] = w.unsuitable[m.name].again(time.Now())
}

// mirrored is a waiter of the client's.
type mirrored struct {
	key   string
	mode  Mode
	rev   int64 // create revision of the key
	loads int   // number of loads that had begun when it joined
	over  bool
	since int64 // a revision at which the lock was held

	queued chan struct{} // gets one when others are ahead
	done   chan error    // gets nil when the lock is held
}

// wait waits until nothing is ahead of e, the entry of a request that etcd has put. It
// returns what is ahead then. That is not known if the mirror was given up.
func (m *mirror) wait(ctx context.Context, r *request, e *entry) (queueState, error) {
	w := &mirrored{key: e.key, mode: e.mode, rev: e.rev, queued: make(chan struct{}, 1), done: make(chan error, 1)}
	m.join(w)
	m.start() // so that the first load knows the first waiter
	defer m.leave(w)
	for {
		select {
		case <-w.queued:
			r.notifyQueued(queueState{})
		case err := <-w.done:
			if errors.Is(err, errMirrorEnded) {
				r.doubted = r.doubted || m.wasInDoubt()
				return queueState{unread: true, rev: e.rev}, nil
			}
			return queueState{complete: true, rev: w.since}, err
		case <-ctx.Done():
			return queueState{}, ctx.Err()
		}
	}
}

// notifyQueued says that others are ahead.
func (w *mirrored) notifyQueued() {
	select {
	case w.queued <- struct{}{}:
	default:
	}
}
