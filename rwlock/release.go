package rwlock

import (
	"context"
	"time"
)

const (
	// patience is how long a caller whose context has ended still waits for its
	// key to be removed; after that the removal goes on without it.
	patience = 500 * time.Millisecond
	// attempt bounds one try to remove a key.
	attempt = 2 * time.Second
	// inFlight is how long a put whose reply was lost may still come through:
	// etcd gives a request up after 5 s and two election timeouts.
	inFlight = 10 * time.Second
)

// release removes the keys of claims. It returns nil when that has removed it,
// ErrLost when one was gone before, and the error of ctx soon after ctx ends;
// then the removal goes on in the background for as long as the session lives.
// So a key is never left to its lease while etcd can be reached.
func (r *request) release(ctx context.Context, claims ...*claim) error {
	done := make(chan error, 1)
	go func() { done <- r.removeUntilGone(claims) }()
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
	if r.asked.IsZero() {
		r.giveKeys(r.claims)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.release(ctx, r.claims...) // the caller is told why it did not get the lock, which matters more
}

// removeUntilGone tries until the claims' keys are gone and cannot come back. The end of
// the session ends it too, after a last try: the lease of an orphaned session
// lives on.
func (r *request) removeUntilGone(claims []*claim) error {
	const shortest, longest = 20 * time.Millisecond, 2 * time.Second
	unsure := claims[0].rev == 0 // whether a delete that finds nothing may have been too early or too late
	for delay := shortest; ; delay = min(2*delay, longest) {
		last := r.session.Ctx().Err() != nil
		removed, err := r.tryRemove(claims)
		if err != nil {
			if last || !passing(err) {
				return err
			}
			unsure, r.unsure = true, true
		} else if over, err := r.outcome(removed == int64(len(claims)), unsure, last); over {
			r.giveKeys(claims)
			return err
		}
		pause(r.session.Ctx(), delay)
	}
}

// outcome says what a delete that etcd has answered means, and whether it is
// the last word: one that found nothing may have come before the put.
func (r *request) outcome(removed, unsure, last bool) (over bool, err error) {
	switch {
	case removed:
		return true, nil
	case !unsure:
		return true, ErrLost
	default:
		return last || r.settled(), nil
	}
}

// giveKeys lets later requests use the keys, unless something may yet happen
// to them.
func (r *request) giveKeys(claims []*claim) {
	if r.unsure {
		return
	}
	for _, c := range claims {
		giveKey(c.key)
	}
}

// settled reports whether the put can no longer come through.
func (r *request) settled() bool { return r.claims[0].rev != 0 || time.Since(r.asked) > inFlight }

func (r *request) tryRemove(claims []*claim) (int64, error) {
	ctx, cancel := context.WithTimeout(r.session.Client().Ctx(), attempt)
	defer cancel()
	return r.remove(ctx, claims)
}
