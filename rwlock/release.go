package rwlock

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

const (
	// patience is how long a caller whose context has ended still waits for its
	// key to be removed; after that the removal goes on without it.
	patience = 500 * time.Millisecond
	// attempt bounds one try to remove a key.
	attempt = 2 * time.Second
	// inFlight is how long a put whose reply was lost is reckoned with: etcd gives
	// a request up after 5 s and two election timeouts. Only a member that hung
	// with the request unread can take longer; then the key goes with the lease.
	inFlight = 10 * time.Second
)

// release removes the keys of claims. It returns nil when that has removed
// them, ErrLost when one was gone before, and the error of ctx soon after ctx
// ends; then the removal goes on in the background for as long as the session
// lives. So a key is never left to its lease while etcd can be reached.
func (r *request) release(ctx context.Context, claims ...*claim) error {
	over := r.session.Ctx().Err() != nil
	if ctx.Err() == nil && settled(claims) { // which is usual, and does without a goroutine
		removed, err := r.remove(ctx, claims)
		if err == nil {
			giveKeys(claims)
			return outcome(claims, removed, over)
		}
		markUnsure(claims)
	}
	done := make(chan error, 1)
	go r.removeUntilGone(claims, over, done)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return ctx.Err()
	}
}

// withdraw takes back a request that did not come to hold its lock.
func (r *request) withdraw() {
	if r.claims[0].asked.IsZero() {
		giveKeys(r.claims)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.release(ctx, r.claims...) // the caller is told why it did not get the lock, which matters more
}

// removeUntilGone tells done what came of the first delete that etcd has
// answered, and goes on until the keys cannot come back. The end of the session
// ends it too, after a last try: the lease of an orphaned session lives on.
func (r *request) removeUntilGone(claims []*claim, over bool, done chan<- error) {
	const shortest, longest = 20 * time.Millisecond, 2 * time.Second
	told := false
	tell := func(err error) {
		if !told {
			told = true
			done <- err
		}
	}
	for delay := shortest; ; delay = min(2*delay, longest) {
		last := r.session.Ctx().Err() != nil
		removed, err := r.tryRemove(claims)
		switch {
		case err == nil:
			tell(outcome(claims, removed, over))
		case last, errors.Is(err, rpctypes.ErrPermissionDenied):
			tell(err)
			fallthrough // to go on in case the right comes back
		default:
			markUnsure(claims)
		}
		if err == nil && settled(claims) {
			giveKeys(claims)
			return
		}
		if last {
			return
		}
		pause(r.session.Ctx(), delay)
	}
}

// outcome says what a delete that etcd has answered means. One that found less
// than all may follow one whose reply was lost; but if the session was over
// before that one, its end is the likelier reason, and the safer answer.
func outcome(claims []*claim, removed int64, over bool) error {
	unsure := slices.ContainsFunc(claims, func(c *claim) bool { return c.unsure })
	if removed == int64(len(claims)) || unsure && !over {
		return nil
	}
	return ErrLost
}

func markUnsure(claims []*claim) {
	for _, c := range claims {
		c.unsure = true
	}
}

// settled reports whether no put of the keys can come through any more.
func settled(claims []*claim) bool {
	return !slices.ContainsFunc(claims, func(c *claim) bool { return c.unsure && time.Since(c.asked) < inFlight })
}

// giveKeys lets later requests use the keys, unless something may yet happen
// to them.
func giveKeys(claims []*claim) {
	for _, c := range claims {
		if !c.unsure {
			giveKey(c.key)
		}
	}
}

func (r *request) tryRemove(claims []*claim) (int64, error) {
	ctx, cancel := context.WithTimeout(r.session.Client().Ctx(), attempt)
	defer cancel()
	return r.remove(ctx, claims)
}
