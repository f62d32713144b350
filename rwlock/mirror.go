package rwlock

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
)

const (
	// maxShare bounds the events of a queue: a client mirrors it if it has at least one in
	// maxShare of its requests, so that at most maxShare clients do.
	maxShare = 16
	// leaveShare is when a client gives up a mirror. It is well beyond maxShare, so that
	// mirrors do not come and go.
	leaveShare = 2 * maxShare
	// maxIrrelevantEvents is how many events about keys that are no requests for the lock a
	// mirror accepts beyond those that are about requests.
	maxIrrelevantEvents = 64
	// linger is how long a watch that nobody uses is kept for the next waiter.
	linger = time.Second
)

var (
	// errMirrorEnded is returned to a waiter whose mirror is given up.
	errMirrorEnded = errors.New("mirror ended")
	// errUnsuitable ends a mirror that costs more than it is worth: too few of the requests
	// are the client's, or too few of the keys are requests.
	errUnsuitable = errors.New("queue does not suit a mirror")
)

// mirror is a client's copy of the queue of one lock, which one watch of the whole queue
// keeps up to date. It grants the lock to the client's waiters without a read.
type mirror struct {
	queueID
	client *clientv3.Client
	ended  func(error)     // is called once, when the mirror is given up
	ctx    context.Context // ends when the mirror is given up
	stop   context.CancelFunc
	start  func() // begins to run

	local atomic.Int64 // number of waiters of the client's, those too that do not use the mirror yet

	mu      sync.Mutex
	over    bool
	loads   int             // number of loads begun
	doubt   <-chan struct{} // of the watch
	doubted bool            // a watch was in doubt
	queue   *lineup         // nil while it is not loaded
	rev     int64           // queue is as it was at this revision
	loaded  int64           // the revision of the last load
	seed    *seed           // or nil
	noise   int             // grows with irrelevant keys and events, and shrinks with others
	waiters map[string]*mirrored
	next    [Slot + 1]ordered[*mirrored] // whom to grant the lock next, by mode
	idle    *time.Timer                  // ends the mirror
}

// seed is a whole queue that is known from a request's own transaction.
type seed struct {
	keys []keyRev
	rev  int64
}

// newMirror returns a mirror of a lock's queue, which starts with its first waiter. It is
// given up when it has had no waiters for a while.
func newMirror(client *clientv3.Client, id queueID, known *seed, ended func(error)) *mirror {
	m := &mirror{client: client, queueID: id, ended: ended, waiters: map[string]*mirrored{}}
	m.ctx, m.stop = context.WithCancel(client.Ctx())
	for mode := range m.next {
		m.next[mode].isOver = func(w *mirrored) bool { return w.over }
	}
	m.idle = time.AfterFunc(linger, func() { m.end(nil) })
	watch := m.watchAnew() // what happens to the connection from now on counts
	m.seed = known
	m.start = sync.OnceFunc(func() { go m.run(watch) })
	return m
}

// isAlive reports whether the mirror is not given up.
func (m *mirror) isAlive() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.over
}

// isLong reports whether the queue is known to be so long that a request should not read
// it.
func (m *mirror) isLong() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.over && m.queue != nil && len(m.queue.revs) > maxPredecessors
}

// join adds a waiter whose key etcd has put.
func (m *mirror) join(w *mirrored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		m.finish(w, errMirrorEnded)
		return
	}
	m.idle.Stop()
	m.waiters[w.key] = w
	w.loads = m.loads
	if m.queue == nil || isClosed(m.doubt) { // the next load will tell
		return
	}
	switch {
	case m.queue.revs[w.key] == w.rev:
		m.place(w)
		m.grant()
	case m.rev >= w.rev: // created, and deleted since
		m.finish(w, ErrLost)
	}
}

// leave removes a waiter.
func (m *mirror) leave(w *mirrored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.finish(w, context.Canceled)
}

// finish ends the wait of w. The caller holds m.mu.
func (m *mirror) finish(w *mirrored, err error) {
	if w.over {
		return
	}
	w.over, w.since = true, m.rev
	w.done <- err
	if m.waiters[w.key] == w {
		delete(m.waiters, w.key)
	}
	if len(m.waiters) == 0 && !m.over {
		m.idle.Reset(linger)
	}
}

// end gives up the mirror for a reason. Without one, it does so only if there are no waiters.
func (m *mirror) end(reason error) {
	m.mu.Lock()
	if m.over || reason == nil && len(m.waiters) > 0 {
		m.mu.Unlock()
		return
	}
	m.over = true
	m.idle.Stop()
	for _, w := range m.waiters {
		m.finish(w, errMirrorEnded)
	}
	m.mu.Unlock()
	m.stop()
	m.ended(reason)
}

// run keeps the mirror up to date until it is given up.
func (m *mirror) run(w *trustedWatch) {
	pauses := backoff.Exponential{First: 20 * time.Millisecond, Max: time.Second}
	for {
		err := m.follow(w)
		switch {
		case m.ctx.Err() != nil:
			m.end(m.ctx.Err())
			return
		case errors.Is(err, errInDoubt):
			m.setInDoubt()
		case errors.Is(err, errWatchEnded): // the next stream may lead to other data
			m.setInDoubt()
			pauses.Pause(m.ctx)
		case isTransient(err), errors.Is(err, rpctypes.ErrCompacted):
			pauses.Pause(m.ctx)
		default:
			m.end(err)
			return
		}
		w = m.watchAnew()
	}
}

// follow watches the queue, loads it, and applies the changes to it, until that fails.
func (m *mirror) follow(w *trustedWatch) error {
	defer w.end()
	dirs := m.dirs()
	w.open(dirs[0], clientv3.WithRange(clientv3.GetPrefixRangeEnd(dirs[len(dirs)-1])))
	for {
		resp, err := w.next()
		switch {
		case err == nil && resp.Created:
			err = m.load(w.ctx, resp.Header.Revision)
		case err == nil:
			err = m.apply(resp.Events)
		}
		if err != nil {
			return err
		}
	}
}

func (m *mirror) setInDoubt() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubted = true
}

func (m *mirror) wasInDoubt() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.doubted
}

// watchAnew returns the mirror's next watch, which is to be opened. The queue is not known
// until it is loaded.
func (m *mirror) watchAnew() *trustedWatch {
	w := newTrustedWatch(m.ctx, m.client)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubt, m.queue, m.seed = w.doubt, nil, nil
	return w
}

// load reads the queue when a watch has started at revision created, so that no change is
// missed. The leader answers: a member that lags behind may not know the waiters.
func (m *mirror) load(ctx context.Context, created int64) error {
	known := m.beginLoad()
	if known != nil && 0 < created && created <= known.rev {
		q := newLineup()
		for _, k := range known.keys {
			q.addKey(m.name, k.key, k.rev)
		}
		return m.endLoad(q, known.rev, 0, 0)
	}
	loads := m.loads // only this goroutine changes it
	q, rev, noise, err := readLineup(ctx, m.client, m.queueID)
	if err != nil {
		return err
	}
	return m.endLoad(q, rev, noise, loads)
}

// beginLoad returns what is known of the queue before anything was read.
func (m *mirror) beginLoad() *seed {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.seed
	m.seed = nil
	m.loads++
	return known
}

// endLoad replaces the queue by q, which is as it was at revision rev. A waiter that joined
// before load number begun was sent, which is 0 if nothing was read, is in the queue, or its
// key was deleted.
func (m *mirror) endLoad(q *lineup, rev int64, noise, begun int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue, m.rev, m.loaded, m.noise = q, rev, rev, noise-len(q.revs)
	for mode := range m.next {
		m.next[mode].elements = nil
	}
	for _, w := range m.waiters {
		switch {
		case q.revs[w.key] == w.rev:
			m.place(w)
		case w.loads < begun || w.rev <= rev:
			m.finish(w, ErrLost)
		}
	}
	return m.settle()
}

// apply applies changes to the queue, in their order. etcd delivers all changes of a
// revision at once.
func (m *mirror) apply(events []*clientv3.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ev := range events {
		if ev.Kv.ModRevision <= m.loaded {
			continue
		}
		m.rev = ev.Kv.ModRevision
		if m.change(ev) {
			m.noise = max(m.noise-1, 0)
		} else {
			m.noise++
		}
	}
	return m.settle()
}

// change applies one change. It reports false when that is not about a request for the lock.
func (m *mirror) change(ev *clientv3.Event) bool {
	key := string(ev.Kv.Key)
	w := m.waiters[key]
	if ev.Type == clientv3.EventTypeDelete {
		_, isRequest := m.queue.revs[key]
		m.queue.remove(key)
		if w != nil && w.rev < m.rev {
			m.finish(w, ErrLost)
		}
		return isRequest
	}
	isRequest := m.queue.addKV(m.queueID, ev.Kv)
	if isRequest && w != nil && w.rev == ev.Kv.CreateRevision {
		m.place(w)
	}
	return isRequest
}

// place records that w is in the queue.
func (m *mirror) place(w *mirrored) {
	m.next[w.mode].add(w, w.rev)
	if m.queue.blocks(w.mode, w.rev) {
		w.notifyQueued()
	}
}

// settle grants the lock, and returns errUnsuitable when the queue should not be mirrored
// any more. The caller holds m.mu.
func (m *mirror) settle() error {
	m.grant()
	tooLong := int64(len(m.queue.revs)) > leaveShare*max(1, m.local.Load())
	if m.noise > maxIrrelevantEvents || tooLong && !m.slots {
		return errUnsuitable
	}
	return nil
}

// grant grants the lock to those who wait for nobody. The caller holds m.mu.
func (m *mirror) grant() {
	for _, mode := range []Mode{Read, Write, Slot} {
		for w, rev, ok := m.next[mode].first(); ok && !m.queue.blocks(mode, rev); w, rev, ok = m.next[mode].first() {
			m.finish(w, nil)
		}
	}
}
