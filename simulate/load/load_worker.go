package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"

	"etcd-lock/internal/locks"
	"etcd-lock/simulate"
	"etcd-lock/simulate/internal/plan"
)

const (
	// loadRetry is how long a client rests after something went wrong.
	loadRetry = 500 * time.Millisecond
	// entering is how many clients connect at once.
	entering = 32
)

// crew is the clients of a workload in one round.
type crew struct {
	simulate.Etcd
	Workload
	meter   *meter
	seed    uint64
	round   int
	workers []*worker
	live    *verify.Live

	mu     sync.Mutex
	remain []clientv3.LeaseID // of sessions whose end was not confirmed
}

// worker is a client at work.
type worker struct {
	*crew
	Role
	name  string
	index int // among the crew
	zipf  zipf
	dice  plan.Dice
	due   time.Duration // since when there is something to do
	seat  *locks.Conn   // nil while there is none
}

// enter opens a session for each client.
func (c *crew) enter(ctx context.Context) error {
	c.live = verify.NewLive()
	names := c.names()
	for _, role := range c.Roles {
		z := newZipf(len(role.Names), role.Zipf)
		for range role.Count {
			i := len(c.workers)
			c.workers = append(c.workers, &worker{
				crew: c, Role: role, name: names[i], index: i, zipf: z,
				dice: plan.NewDice(c.seed, fmt.Sprintf("%s %d", names[i], c.round)),
			})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(entering)
	for _, w := range c.workers {
		group.Go(func() error { return w.connect(ctx) })
	}
	return group.Wait()
}

// connect has the worker connected, with a session that lives.
func (w *worker) connect(ctx context.Context) error {
	if w.seat != nil && w.seat.Ctx().Err() == nil {
		return nil
	}
	w.disconnect()
	client, err := w.Connect(ctx, w.name)
	if err != nil {
		return fmt.Errorf("client %s: %w", w.name, err)
	}
	if w.seat, err = locks.Connect(ctx, client, w.TTL, w.Impl); err != nil {
		_ = client.Close()
		return fmt.Errorf("client %s: %w", w.name, err)
	}
	return nil
}

// disconnect gives up the worker's seat, if it has one.
func (w *worker) disconnect() {
	if w.seat == nil {
		return
	}
	if err := w.seat.Disconnect(); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.remain = append(w.remain, w.seat.Lease())
	}
	w.seat = nil
}

// leave closes all sessions at once, and has client end those that could not.
func (c *crew) leave(client *clientv3.Client) error {
	var wg sync.WaitGroup
	for _, w := range c.workers {
		wg.Go(w.disconnect)
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), locks.LeaseSlack)
	defer cancel()
	for _, lease := range c.remain {
		if _, err := client.Revoke(ctx, lease); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return errLeft
		}
	}
	return nil
}

// work takes locks until ctx ends.
func (w *worker) work(ctx context.Context) {
	for w.next(ctx) {
		if err := w.round(ctx, w.pick()); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			sleep(ctx, loadRetry) // no reason to hurry
		}
	}
	// What has arrived in an open loop by now was not come to.
	for w.Rate > 0 && w.meter.unserved(w.pick().Mode, w.due) {
		w.due += w.gap()
	}
}

// next waits until there is something to do.
func (w *worker) next(ctx context.Context) bool {
	if w.Rate > 0 {
		w.due += w.gap()
		return sleep(ctx, w.due-w.meter.now())
	}
	ok := sleep(ctx, w.Think.lasts(w.dice))
	w.due = w.meter.now()
	return ok
}

// gap is the time until the next arrival in an open loop.
func (w *worker) gap() time.Duration {
	mean := float64(len(w.workers)) / w.Rate * float64(time.Second)
	return max(w.Spread.draw(w.dice.Rand, atLeastZero(mean)), time.Nanosecond)
}

// pick draws what to take.
func (w *worker) pick() rwlock.LockRequest {
	want := rwlock.LockRequest{Name: w.Names[w.zipf.draw(w.dice.Rand)], Mode: rwlock.Read}
	if w.dice.Float64() < w.Writes {
		want.Mode = rwlock.Write
	}
	return want
}

// round takes a lock, holds it and gives it back.
func (w *worker) round(ctx context.Context, want rwlock.LockRequest) error {
	held, err := w.acquire(ctx, want)
	if err != nil {
		return err
	}
	claim := &verify.Claim{
		Client: w.name, Lock: want.Name, Mode: want.Mode, Token: held.Token(),
		Until: w.until,
	}
	if w.Impl.Exclusive() {
		claim.Mode = rwlock.Write
	}
	w.meter.judged(w.live.Begin(claim, w.meter.now()))
	sleep(ctx, w.Hold.lasts(w.dice))
	w.live.End(claim)
	if err = w.explained(ctx, held.Unlock()); err != nil {
		w.meter.failed(want.Mode, err)
	}
	return err
}

// until is when the session ends unless it is renewed before.
func (w *worker) until() time.Duration { return w.meter.at(w.seat.Deadline()) }

// acquire takes a lock, and notes how long that took or what went wrong.
func (w *worker) acquire(ctx context.Context, want rwlock.LockRequest) (locks.Hold, error) {
	w.meter.waits(1)
	defer w.meter.waits(-1)
	held, err := w.take(ctx, want)
	switch {
	case err == nil:
		w.meter.granted(w.index, want.Mode, w.due)
	case ctx.Err() != nil:
		w.meter.unserved(want.Mode, w.due)
	default:
		w.meter.failed(want.Mode, err)
	}
	return held, err
}

func (w *worker) take(ctx context.Context, want rwlock.LockRequest) (locks.Hold, error) {
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	if w.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.Within)
		defer cancel()
	}
	// The recipe would wait on when its session has ended.
	bound, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.seat.Ctx(), cancel)()
	held, err := w.seat.Locks.Take(bound, locks.Request{Wants: []rwlock.LockRequest{want}, Label: w.name})
	return held, w.explained(ctx, err)
}

// explained says that the session has ended, where nothing else did: etcd's own
// locks only tell that they were cancelled.
func (w *worker) explained(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || w.seat.Ctx().Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", rwlock.ErrSessionExpired, err)
}

// sleep waits for d or the end of ctx, and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
