package rwlock

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// WithKeep makes Unlock after RWLock keep the lock for the session once the session was
// granted it three times in a row without waiting, no more than idle after each Unlock: its key
// stays in etcd, and the next RWLock or TryRWLock of the session with this option returns
// without a request to etcd. The lock is given back as soon as another request waits for it,
// also one of the same session, and when it was not used for idle. So a lock that one process
// uses again and again costs it next to nothing, and a stranger waits for the give-back: as
// long as a hand-off and a request take.
//
// The key's owner says that the lock may be kept, so that inspectors tell it apart
// (etcd-lock calls such a lock cached), and so that Try calls of others wait half a second at
// most for it to be given back. Try calls of builds without this option, and locks of other
// kinds, do not know of it: they are refused, or wait until idle has passed.
//
// All holds of one key have one token. So a hold of which Token, Guard or Key was called is
// never kept, and the events of a hook have no token. A hold that can be downgraded is not kept
// either.
//
// The option has no effect on a concurrency.Session, which does not know when it ends, and for
// RLock and a Set. The user needs the permission to read all keys from <name>/read/ to the end
// of <name>/write/. Beside WithLocalQueue, the lock is kept when no goroutine waits in the
// queue.
func WithKeep(idle time.Duration) Option { return func(o *options) { o.keep = idle } }

const (
	// keptGrants is how many grants in a row without waiting it takes to keep a lock.
	keptGrants = 3
	// keepAgain is how many grants more it takes after a hold that could not be kept: the
	// next ones are likely to be used in the same way.
	keepAgain = 100
	// maxKeeps is how many locks a client remembers the grants of, or keeps.
	maxKeeps = 1000
	// giveBackTime is how long a try waits for a lock that is kept.
	giveBackTime = 500 * time.Millisecond
)

// keeps holds the locks that a client keeps, and what it remembers of those that it may.
type keeps struct {
	mu    sync.Mutex
	locks map[localName]*keep
}

// keep is a lock that is kept, or may be.
type keep struct {
	grants int       // in a row without waiting
	used   time.Time // when it was last unlocked
	place  *place    // whose key is kept, while nobody uses it; else nil
	limit  time.Duration
	idle   *time.Timer
}

func (h *hold) keeps() *keeps { return &stateOf(h.session.Client()).keeps }

// mayKeep reports whether the lock will be kept if req, which is about to be sent, is granted
// it without waiting.
func (h *hold) mayKeep(req *request) bool {
	if _, ok := h.session.(*Session); !ok || h.options.keep <= 0 || len(req.entries) > 1 {
		return false
	}
	ks := h.keeps()
	ks.mu.Lock()
	defer ks.mu.Unlock()
	k := ks.locks[h.localName()]
	return k != nil && k.grants >= keptGrants-1 && time.Since(k.used) <= h.options.keep
}

// noteGrant counts a grant by a new request. It begins to watch for other requests when the
// lock is to be kept.
func (h *hold) noteGrant(p *place) {
	if h.options.keep <= 0 {
		return
	}
	ks := h.keeps()
	ks.mu.Lock()
	defer ks.mu.Unlock()
	k := ks.at(h.localName())
	if p.req.waited || time.Since(k.used) > h.options.keep {
		k.grants = min(k.grants, 0)
	}
	if p.req.waited {
		return
	}
	k.grants++
	if p.req.owner.Keep {
		p.req.keeper = ks.watch(h.localName(), p)
	}
}

// at returns what is remembered of a lock, which is nothing if it is new. The caller holds
// ks.mu.
func (ks *keeps) at(name localName) *keep {
	if k := ks.locks[name]; k != nil {
		return k
	}
	if ks.locks == nil {
		ks.locks = map[localName]*keep{}
	}
	if len(ks.locks) >= maxKeeps {
		maps.DeleteFunc(ks.locks, func(_ localName, k *keep) bool { return k.place == nil })
	}
	k := &keep{}
	if len(ks.locks) < maxKeeps {
		ks.locks[name] = k
	}
	return k
}

// takeKept returns the place by which the lock is kept, for the caller to hold it, or nil if
// there is none that is known to be good: its session is renewed in time, and no other request
// waits.
func (h *hold) takeKept() *place {
	s, ok := h.session.(*Session)
	if !ok || h.options.keep <= 0 {
		return nil
	}
	ks := h.keeps()
	ks.mu.Lock()
	defer ks.mu.Unlock()
	k := ks.locks[h.localName()]
	if k == nil || k.place == nil || k.place.req.keeper.isOver() || s.ctx.Err() != nil || !time.Now().Before(s.Deadline()) {
		return nil // whoever ends the keeper releases it
	}
	p := k.place
	k.place = nil
	k.idle.Stop()
	return p
}

// keep keeps the lock that req has held, for the next hold of the session. It reports false
// when it must be released.
func (h *hold) keep(req *request) bool {
	if h.options.keep <= 0 {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	ks, name, p := h.keeps(), h.localName(), h.place
	ks.mu.Lock()
	defer ks.mu.Unlock()
	k := ks.locks[name]
	if k == nil {
		return false
	}
	k.used = time.Now()
	switch {
	case req.keeper == nil || p == nil || k.place != nil:
		return false
	case p.taken, req.keeper.hasFailed():
		k.grants = -keepAgain
		return false
	case req.keeper.isOver():
		return false
	}
	h.place, k.place, k.limit = nil, p, h.options.keep
	if k.idle == nil {
		k.idle = time.AfterFunc(k.limit, func() { ks.endIdle(name, k) })
	} else {
		k.idle.Reset(k.limit)
	}
	return true
}

// endIdle gives back a lock that nobody has used for a while.
func (ks *keeps) endIdle(name localName, k *keep) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if k.place != nil && time.Since(k.used) >= k.limit {
		ks.giveBack(name, k.place)
	}
}

// giveBack releases the key of a place if it is kept and not used. The caller holds ks.mu.
func (ks *keeps) giveBack(name localName, p *place) {
	k := ks.locks[name]
	if k == nil || k.place != p {
		return
	}
	delete(ks.locks, name)
	k.idle.Stop()
	p.req.endKeeper()
	if p.req.session.Ctx().Err() == nil { // else etcd deletes it with the lease
		p.req.abandon()
	}
}

// keeper watches for other requests while a lock is kept, or is held and may be.
type keeper struct {
	stop context.CancelFunc
	over chan struct{} // closes when it does not watch any more
	err  error         // why: ErrLost, or nil when another request waits
}

// watch starts the keeper of a place, whose lock is given back when the keeper ends.
func (ks *keeps) watch(name localName, p *place) *keeper {
	ctx, stop := context.WithCancel(p.req.session.Ctx())
	w := &keeper{stop: stop, over: make(chan struct{})}
	e := p.req.entries[0]
	r := &request{session: p.req.session, entries: []*entry{e}}
	go func() {
		defer stop()
		_, w.err = retry(ctx, func() (struct{}, error) { return struct{}{}, r.watchForOthers(ctx, e) })
		close(w.over)
		ks.mu.Lock()
		defer ks.mu.Unlock()
		ks.giveBack(name, p)
		if k := ks.locks[name]; k != nil {
			k.grants = min(k.grants, 0)
		}
	}()
	return w
}

// await returns when the keeper, if there is one, has ended or ctx has. It returns ErrLost when
// the keeper has seen that the key was deleted.
func (w *keeper) await(ctx context.Context) error {
	if w == nil {
		return nil
	}
	select {
	case <-w.over:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isOver reports whether the keeper does not watch any more.
func (w *keeper) isOver() bool { return isClosed(w.over) }

// hasFailed reports whether the keeper cannot tell whether another request waits.
func (w *keeper) hasFailed() bool { return w.isOver() && w.err != nil }

// sawKeyDeleted reports whether the keeper, if there is one, has seen that the key was deleted.
func (w *keeper) sawKeyDeleted() bool { return w != nil && w.isOver() && errors.Is(w.err, ErrLost) }

// endKeeper ends the request's keeper, if it has one, before the key is deleted.
func (r *request) endKeeper() {
	if r.keeper != nil {
		r.keeper.stop()
	}
}

// askBack requests locks that others keep, and waits a while for them to be given back.
func (r *request) askBack(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, giveBackTime)
	defer cancel()
	r.onQueued = nil
	err := r.acquire(soon)
	if err != nil && soon.Err() != nil && ctx.Err() == nil {
		return ErrLocked
	}
	return err
}
