package rwlock

import (
	"context"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// WithLocalQueue makes the RWMutexes of one session and name share one place in etcd's queue
// for RWLock, if they have this option. Their goroutines queue in the process, and an Unlock
// passes the hold on to the next of them, without a request to etcd, until it was held
// passes times or for maxTime in all: then the lock is released, and the next goroutine
// requests it at the end of etcd's queue. So a waiter elsewhere is overtaken by at most
// passes-1 holds of each session that is ahead of it. With WithKeep too, it can be more that
// begin before the session's client has learnt of the waiter.
//
// Holds that are passed on have one key and one create revision, so one token would be that
// of all of them. A hold of which Token, Guard or Key was called is never passed on, and the
// events of a hook have no token. The option changes nothing for RLock, for Try calls and
// for a Set, and a hold that was downgraded is released.
func WithLocalQueue(passes int, maxTime time.Duration) Option {
	return func(o *options) { o.passes, o.passTime = passes, maxTime }
}

// localName is a lock, as requested on a session.
type localName struct {
	lease clientv3.LeaseID
	name  string
}

// localQueues holds the queues of a client's goroutines. A queue exists while one of them has
// the turn: to request the lock, to hold it, and to release it.
type localQueues struct {
	mu      sync.Mutex
	waiting map[localName][]chan *place
}

// place is a place in etcd's queue that is granted the lock.
type place struct {
	req   *request
	since time.Time // when it was granted the lock
	holds int       // how many there were, with the present one
	taken bool      // its token is known outside: it must not be passed on
}

// enter returns when it is the caller's turn, with the place that is passed on to it, or nil
// if it has to request the lock. It calls queued if others are ahead. Unless it returns an error, the caller must call passOn
// or leave.
func (q *localQueues) enter(ctx context.Context, name localName, queued func()) (*place, error) {
	q.mu.Lock()
	others, busy := q.waiting[name]
	if !busy {
		if q.waiting == nil {
			q.waiting = map[localName][]chan *place{}
		}
		q.waiting[name] = nil
		q.mu.Unlock()
		return nil, nil
	}
	turn := make(chan *place, 1)
	q.waiting[name] = append(others, turn)
	q.mu.Unlock()
	queued()
	select {
	case p := <-turn:
		return p, nil
	case <-ctx.Done():
		q.giveUp(name, turn)
		return nil, ctx.Err()
	}
}

// giveUp ends the wait for a turn, or hands on the turn that has come meanwhile.
func (q *localQueues) giveUp(name localName, turn chan *place) {
	q.mu.Lock()
	i := slices.Index(q.waiting[name], turn)
	if i >= 0 {
		q.waiting[name] = slices.Delete(q.waiting[name], i, i+1)
	}
	q.mu.Unlock()
	if i >= 0 {
		return
	}
	if p := <-turn; p != nil {
		if q.passOn(name, p) {
			return
		}
		p.req.withdraw()
	}
	q.leave(name)
}

// passOn gives the turn to the next goroutine, with a place. It reports false when there is
// none.
func (q *localQueues) passOn(name localName, p *place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next(name, p)
}

// leave gives the turn to the next goroutine, if there is one.
func (q *localQueues) leave(name localName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.next(name, nil) {
		delete(q.waiting, name)
	}
}

// next is passOn for a caller that holds q.mu.
func (q *localQueues) next(name localName, p *place) bool {
	waiting := q.waiting[name]
	if len(waiting) == 0 {
		return false
	}
	q.waiting[name] = waiting[1:]
	waiting[0] <- p
	return true
}

// lockShared acquires the lock for writing, by a place in etcd's queue that the goroutines of
// the session share: in turn, if they have a local queue, or one after the other, if the lock
// is kept.
func (m *RWMutex) lockShared(ctx context.Context) (*loss, error) {
	req, h := m.request(Write), &m.hold
	req.local = h.options.passes > 1
	return h.acquire(ctx, req, func(ctx context.Context) error {
		p, err := h.awaitTurn(ctx, req)
		if err != nil {
			return err
		}
		if p == nil {
			p = h.takeKept()
		}
		if p != nil {
			h.takeOver(p, req)
			return nil
		}
		p = &place{req: req, holds: 1}
		h.adopt(p)
		req.owner.Keep = h.mayKeep(req)
		if err := req.acquire(ctx); err != nil {
			return err
		}
		p.since = time.Now()
		h.noteGrant(p)
		return nil
	})
}

// awaitTurn waits for the turn in the local queue, if there is one. It returns the place that
// is passed on, or nil.
func (h *hold) awaitTurn(ctx context.Context, req *request) (*place, error) {
	if !req.local {
		return nil, nil
	}
	p, err := h.localQueues().enter(ctx, h.localName(), func() { req.notifyQueued(queueState{}) })
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turn = true
	return p, nil
}

func (h *hold) localQueues() *localQueues { return &stateOf(h.session.Client()).queues }

func (h *hold) localName() localName { return localName{h.session.Lease(), h.names[0]} }

// waitsLocally reports whether the lock is not requested from etcd yet. The caller holds h.mu.
func (h *hold) waitsLocally() bool { return h.req.local && h.place == nil && !h.held }

// adopt makes p the place by which the lock is requested or held.
func (h *hold) adopt(p *place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.req, h.place = p.req, p
}

// takeOver makes the place the hold's, in place of a request that was not sent.
func (h *hold) takeOver(p *place, req *request) {
	p.holds++
	h.adopt(p)
	freeKeys(req.entries)
}

// passOn passes the hold of a request on to the next goroutine in the process. It reports
// false when it must be released.
func (h *hold) passOn(req *request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.place
	if !h.turn || p == nil || p.req != req || p.taken || p.holds >= h.options.passes || time.Since(p.since) >= h.options.passTime {
		return false
	}
	if !h.localQueues().passOn(h.localName(), p) {
		return false
	}
	h.place, h.turn = nil, false
	return true
}

// endTurn lets the next goroutine in the process request the lock.
func (h *hold) endTurn() {
	h.mu.Lock()
	hadTurn := h.turn
	h.place, h.turn = nil, false
	h.mu.Unlock()
	if hadTurn {
		h.localQueues().leave(h.localName())
	}
}

// expose returns the request that holds the locks, or nil, for a caller that gets to know
// its token.
func (h *hold) expose() *request {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held {
		return nil
	}
	if h.place != nil {
		h.place.taken = true
	}
	return h.req
}
