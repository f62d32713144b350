package rwlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// LockRequest is the name of a lock and the mode to take it in.
type LockRequest struct {
	Name string
	Mode Mode
}

// hold is the life of one request after another: what RWMutex and Set share.
type hold struct {
	session session
	options options

	mu   sync.Mutex
	req  *request // nil while neither held nor waited for
	held bool
	loss *loss // while held
}

// begin takes req up, unless there is one already.
func (h *hold) begin(req *request) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.req != nil {
		return ErrBusy
	}
	h.req = req
	return nil
}

// take runs acquire, one of req's methods, and says what came of it. The loss
// stands for the hold, until Unlock.
func (h *hold) take(ctx context.Context, req *request, acquire func(context.Context) error) (*loss, error) {
	if err := h.begin(req); err != nil {
		giveKeys(req.claims)
		return nil, err
	}
	began := time.Now()
	h.options.tell(req, Event{Kind: EventWaiting})
	if h.options.hook != nil {
		req.queued = func() { h.options.tell(req, Event{Kind: EventQueued}) }
	}
	err := h.run(ctx, acquire)
	if err != nil {
		req.withdraw()
		h.end()
		err = explain(ctx, h.session, req.String(), err)
		h.options.tell(req, Event{Kind: EventFailed, Waited: time.Since(began), Err: err})
		return nil, err
	}
	lost := newLoss(req)
	h.mu.Lock()
	h.held, h.loss = true, lost
	h.mu.Unlock()
	h.options.tell(req, Event{Kind: EventGranted, Waited: time.Since(began)})
	if h.options.hook != nil {
		lost.then(func(err error) { h.options.tell(req, Event{Kind: EventLost, Held: time.Since(lost.since), Err: err}) })
	}
	return lost, nil
}

// run bounds acquire by the session's life.
func (h *hold) run(ctx context.Context, acquire func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.session.Ctx(), cancel)()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := h.session.Ctx().Err(); err != nil {
		return err
	}
	if err := acquire(ctx); err != nil {
		return err
	}
	return h.session.Ctx().Err()
}

// end forgets the request.
func (h *hold) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.req, h.held, h.loss = nil, false, nil
}

// unlockPatience bounds Unlock.
const unlockPatience = 5 * time.Second

// Unlock gives back what is held. It returns ErrNotHeld when nothing is, and
// ErrLost when it was lost before: then somebody else may have held it since.
// It never touches another's request.
//
// When the reply to the removal is lost and etcd then says that the key is not
// there, Unlock takes that for its own doing, unless the session is over or the
// loss was noticed before. It cannot know of a lost reply where something else
// repeats the removal: the client, if the caller has replaced its KV by one with a
// namespace for example, or a proxy of etcd. Then it returns ErrLost.
//
// When etcd does not answer within five seconds, Unlock returns an error and
// the removal goes on in the background for as long as the session lives. In
// either case the mutex is free for another acquisition.
func (h *hold) Unlock() error { return h.unlockInTime(nil) }

// unlockInTime is unlock bounded by unlockPatience.
func (h *hold) unlockInTime(only *loss) error {
	ctx, cancel := context.WithTimeout(context.Background(), unlockPatience)
	defer cancel()
	return h.unlock(ctx, only)
}

// UnlockContext is Unlock bounded by ctx. A context that has ended does not
// leave the lock to its lease: UnlockContext still tries for half a second,
// and then in the background as Unlock does.
func (h *hold) UnlockContext(ctx context.Context) error {
	return h.unlock(ctx, nil)
}

// unlock gives back the hold that only stands for, or any if that is nil.
func (h *hold) unlock(ctx context.Context, only *loss) error {
	req, loss, err := h.giveUp(only)
	if err != nil {
		return err
	}
	defer h.end()
	loss.stop()
	err = req.release(ctx, req.claims...)
	if err == nil && loss.keyWasGone() { // which the removal cannot know when its reply was lost
		err = ErrLost
	}
	h.options.tell(req, Event{Kind: EventReleased, Held: time.Since(loss.since), Err: err})
	if err == nil || errors.Is(err, ErrLost) {
		return err
	}
	return fmt.Errorf("rwlock: unlock %s: %w", req, err)
}

// giveUp takes the hold away from the mutex, which stays busy until end.
func (h *hold) giveUp(only *loss) (*request, *loss, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held || only != nil && h.loss != only {
		return nil, nil, ErrNotHeld
	}
	h.held = false
	return h.req, h.loss, nil
}

// current returns what is held, or nil.
func (h *hold) current() (*request, *loss) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held {
		return nil, nil
	}
	return h.req, h.loss
}

// swap makes next what is held, unless held is no longer.
func (h *hold) swap(held, next *request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held || h.req != held {
		return false
	}
	h.req = next
	return true
}

// Token is the fencing token of what is held: the create revision of its keys.
// Of two grants that exclude each other, the later has the larger token, so a
// store that refuses a token smaller than one it has seen refuses a client that
// lost its lock without knowing. It is 0 when nothing is held.
func (h *hold) Token() int64 {
	if req, _ := h.current(); req != nil {
		return req.token()
	}
	return 0
}

// Lost returns a channel that closes when what is held is lost: when its key is
// deleted by anybody but Unlock, or the session ends. It is the same channel
// until Unlock, which does not close it; it is nil, and so never closes, when
// nothing is held. The first call opens a watch; a loss before it is seen too.
//
// How early a loss is known depends on the session: see NewSession.
func (h *hold) Lost() <-chan struct{} {
	if _, loss := h.current(); loss != nil {
		return loss.channel()
	}
	return nil
}

// do takes the lock by take, runs f, and unlocks. What ends f's context is its
// parent, or a loss as the cause.
func (h *hold) do(ctx context.Context, take func(context.Context) (*loss, error), f func(context.Context) error) (err error) {
	held, err := take(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.unlockInTime(held)) }() // after a panic too
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil) // before the lock is given back
	held.then(cancel)
	return f(ctx)
}
