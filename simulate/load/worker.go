package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/verify"
)

// retryPause is how long a worker pauses after an error.
const retryPause = 500 * time.Millisecond

// worker is one client of a workload.
type worker struct {
	*workers
	Role
	name  string
	index int // among all workers
	zipf  zipf
	dice  plan.Dice
	due   time.Duration // when its current request arrived
	conn  *locks.Conn   // nil if it is not connected
}

// ensureSession connects the worker, unless it has a session that is alive.
func (w *worker) ensureSession(ctx context.Context) error {
	if w.conn != nil && w.conn.Ctx().Err() == nil {
		return nil
	}
	w.disconnect()
	client, err := w.Connect(ctx, w.name)
	if err != nil {
		return fmt.Errorf("client %s: %w", w.name, err)
	}
	if w.conn, err = locks.Connect(ctx, client, w.TTL, w.Impl); err != nil {
		_ = client.Close()
		return fmt.Errorf("client %s: %w", w.name, err)
	}
	return nil
}

// disconnect closes the worker's session and connection, if it has any.
func (w *worker) disconnect() {
	if w.conn == nil {
		return
	}
	if err := w.conn.Disconnect(); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.remain = append(w.remain, w.conn.Lease())
	}
	w.conn = nil
}

// run acquires locks until ctx ends.
func (w *worker) run(ctx context.Context) {
	for w.next(ctx) {
		if err := w.useLock(ctx, w.pick()); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			sleep(ctx, retryPause)
		}
	}
	// In an open loop, requests have arrived that the worker did not get to.
	for w.Rate > 0 && w.meter.unserved(w.pick().Mode, w.due) {
		w.due += w.gap()
	}
}

// next waits for the next request to arrive.
func (w *worker) next(ctx context.Context) bool {
	if w.Rate > 0 {
		w.due += w.gap()
		return sleep(ctx, w.due-w.meter.now())
	}
	ok := sleep(ctx, w.Think.draw(w.dice))
	w.due = w.meter.now()
	return ok
}

// gap draws the time until the next arrival in an open loop.
func (w *worker) gap() time.Duration {
	mean := float64(len(w.all)) / w.Rate * float64(time.Second)
	return max(w.Spread.draw(w.dice.Rand, toDuration(mean)), time.Nanosecond)
}

// pick draws which lock to acquire, and in which mode.
func (w *worker) pick() rwlock.LockRequest {
	want := rwlock.LockRequest{Name: w.Names[w.zipf.draw(w.dice.Rand)], Mode: rwlock.Read}
	if w.dice.Float64() < w.Writes {
		want.Mode = rwlock.Write
	}
	if w.Permits > 0 {
		want.Mode, want.Weight, want.Permits = rwlock.Slot, w.Weight, w.Permits
	}
	return want
}

// useLock acquires a lock, holds it and releases it.
func (w *worker) useLock(ctx context.Context, want rwlock.LockRequest) error {
	hold, err := w.acquire(ctx, want)
	if err != nil {
		return err
	}
	claim := &verify.Claim{
		Client: w.name, Lock: want.Name, Mode: want.Mode, Weight: want.Weight, Permits: want.Permits, Token: hold.Token(),
		Until: w.sessionEnd,
	}
	if w.Impl.Exclusive() {
		claim.Mode = rwlock.Write
	}
	w.meter.addVerdict(w.live.Begin(claim, w.meter.now()))
	sleep(ctx, w.Hold.draw(w.dice))
	w.live.End(claim)
	if err = w.withSessionError(ctx, hold.Unlock()); err != nil {
		w.meter.failed(want.Mode, err)
	}
	return err
}

// sessionEnd returns when the session ends if it is not renewed.
func (w *worker) sessionEnd() time.Duration { return w.meter.at(w.conn.Deadline()) }

// acquire acquires a lock, and measures how long that took or why it failed.
func (w *worker) acquire(ctx context.Context, want rwlock.LockRequest) (locks.Hold, error) {
	w.meter.addWaiting(1)
	defer w.meter.addWaiting(-1)
	hold, err := w.request(ctx, want)
	switch {
	case err == nil:
		w.meter.granted(w.index, want.Mode, w.due)
	case ctx.Err() != nil:
		w.meter.unserved(want.Mode, w.due)
	default:
		w.meter.failed(want.Mode, err)
	}
	return hold, err
}

func (w *worker) request(ctx context.Context, want rwlock.LockRequest) (locks.Hold, error) {
	if err := w.ensureSession(ctx); err != nil {
		return nil, err
	}
	if w.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.Within)
		defer cancel()
	}
	// The recipe would continue to wait when its session has ended.
	bound, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.conn.Ctx(), cancel)()
	hold, err := w.conn.Locks.Acquire(bound, locks.Request{Wants: []rwlock.LockRequest{want}, Label: w.name})
	return hold, w.withSessionError(ctx, err)
}

// withSessionError adds to an error that the session has ended, if that caused it: the
// locks of etcd's client only say that they were canceled.
func (w *worker) withSessionError(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || w.conn.Ctx().Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", rwlock.ErrSessionExpired, err)
}

// sleep waits for d or the end of ctx, and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
