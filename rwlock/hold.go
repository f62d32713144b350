package rwlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// LockRequest is the name of a lock and the mode to acquire it in.
type LockRequest struct {
	Name string
	Mode Mode

	Weight  int // of mode Slot: how many of the permits; 0 is 1
	Permits int // of mode Slot: how many the semaphore has
}

// hold runs one request after another for an RWMutex, a Semaphore or a Set, from its
// acquisition to its release.
type hold struct {
	session session
	options options
	names   []string // of the locks

	mu    sync.Mutex
	req   *request // nil while the lock is neither held nor waited for
	held  bool
	loss  *loss  // while held
	place *place // by which the lock is requested or held, if it can be passed on or kept
	turn  bool   // it is this goroutine's, in a local queue
	hooks hooks  // of the request
}

// attach makes req the hold's request. It returns ErrBusy if there is one already.
func (h *hold) attach(req *request) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.req != nil {
		return named(ErrBusy, req.String())
	}
	h.req = req
	return nil
}

// acquire runs f, which acquires req's locks. The loss that it returns is of this
// acquisition and is valid until Unlock.
func (h *hold) acquire(ctx context.Context, req *request, f func(context.Context) error) (*loss, error) {
	if err := h.attach(req); err != nil {
		freeKeys(req.entries)
		return nil, err
	}
	began := time.Now()
	all := h.options.follow(ctx, req)
	if len(all) > 0 {
		req.onQueued = func(q queueState) {
			h.notify(all, req, Event{Kind: EventQueued, Position: q.position(), Ahead: q.ahead})
		}
	}
	err := h.run(ctx, f)
	req = h.requested()
	if err != nil {
		req.withdraw()
		h.endTurn()
		h.reset()
		err = explain(ctx, h.session, req.String(), err)
		h.notify(all, req, Event{Kind: EventFailed, Waited: time.Since(began), Err: err})
		return nil, err
	}
	loss := newLoss(req)
	h.mu.Lock()
	h.held, h.loss, h.hooks = true, loss, all
	h.mu.Unlock()
	h.notify(all, req, Event{Kind: EventGranted, Waited: time.Since(began)})
	h.notifyLoss(all, req, loss)
	return loss, nil
}

// requested returns the request that holds the locks or waits for them. It may have been
// passed on by another hold.
func (h *hold) requested() *request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.req
}

// run runs f with a context that also ends with the session.
func (h *hold) run(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.session.Ctx(), cancel)()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := h.session.Ctx().Err(); err != nil {
		return err
	}
	if err := f(ctx); err != nil {
		return err
	}
	return h.session.Ctx().Err()
}

// reset removes the request from the hold.
func (h *hold) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.req, h.held, h.loss, h.place, h.turn, h.hooks = nil, false, nil, nil, false, nil
}

// unlockTimeout bounds Unlock.
const unlockTimeout = 5 * time.Second

// unlockInTime is unlock bounded by unlockTimeout.
func (h *hold) unlockInTime(only *loss) error {
	ctx, cancel := context.WithTimeout(context.Background(), unlockTimeout)
	defer cancel()
	return h.unlock(ctx, only)
}

// unlock releases the acquisition that the loss only belongs to, or any if it is
// nil.
func (h *hold) unlock(ctx context.Context, only *loss) error {
	req, loss, err := h.detach(only)
	if err != nil {
		return err
	}
	defer h.reset()
	defer h.endTurn()
	if s, ok := h.session.(*Session); ok {
		s.endIfOver()
	}
	loss.stop() // from here on, nothing is noticed: what is known is known before etcd is asked
	switch {
	case loss.isKnown():
		req.abandon()
		err = ErrLost
	case !h.passOn(req) && !h.keep(req):
		req.endKeeper()
		err = req.release(ctx, req.entries...)
	}
	if errors.Is(err, ErrLost) {
		err = named(err, req.String())
	}
	h.notify(h.hooks, req, Event{Kind: EventReleased, Held: time.Since(loss.since), Err: err})
	if err == nil || errors.Is(err, ErrLost) {
		return err
	}
	return fmt.Errorf("rwlock: unlock %s: %w", req, err)
}

// detach ends the holding and returns the request to release. The hold stays busy
// until reset.
func (h *hold) detach(only *loss) (*request, *loss, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held || only != nil && h.loss != only {
		return nil, nil, h.notHeld()
	}
	h.held = false
	return h.req, h.loss, nil
}

// notHeld returns ErrNotHeld with the names of the locks.
func (h *hold) notHeld() error { return named(ErrNotHeld, "lock "+list(h.names, quote)) }

// current returns the request that holds the locks, or nil.
func (h *hold) current() (*request, *loss) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held {
		return nil, nil
	}
	return h.req, h.loss
}

// swap replaces the request held by next. It reports false when held is not held
// any more.
func (h *hold) swap(held, next *request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held || h.req != held {
		return false
	}
	h.req = next
	return true
}

// token returns the fencing token, or 0 when nothing is held.
func (h *hold) token() int64 {
	if req := h.expose(); req != nil {
		return req.token()
	}
	return 0
}

// lost returns the channel that closes on loss, or nil when nothing is held.
func (h *hold) lost() <-chan struct{} {
	if _, loss := h.current(); loss != nil {
		return loss.channel()
	}
	return nil
}

// joinLoss joins the errors of f and of Unlock. A loss that f has returned already, as the cause
// of its context, is not told twice.
func joinLoss(work, unlock error, held *loss) error {
	if known := held.reason(); errors.Is(known, ErrLost) && errors.Is(work, known) && errors.Is(unlock, ErrLost) {
		return work
	}
	return errors.Join(work, unlock)
}

// do acquires the locks, runs f, and unlocks. The context of f ends with ctx, or
// on loss, which is its cause then.
func (h *hold) do(ctx context.Context, acquire func(context.Context) (*loss, error), f func(context.Context) error) (err error) {
	held, err := acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { err = joinLoss(err, h.unlockInTime(held), held) }() // after a panic too
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil) // before the lock is released
	held.notify(cancel)
	return f(ctx)
}
