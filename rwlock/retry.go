package rwlock

import (
	"context"
	"math/rand/v2"
	"time"
)

// retry calls f until it succeeds, fails for good or ctx ends. etcd without a
// leader is no reason to give up a place in the queue; the end of the session
// or of the caller's patience is.
func retry[T any](ctx context.Context, f func() (T, error)) (T, error) {
	const shortest, longest = 20 * time.Millisecond, time.Second
	for delay := shortest; ; delay = min(2*delay, longest) {
		result, err := f()
		if err == nil || !transient(err) || !pause(ctx, delay) {
			return result, err
		}
	}
}

// pause waits for about d and reports whether ctx still lives. The jitter
// keeps waiters that lost the same leader from coming back together.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
