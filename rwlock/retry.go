package rwlock

import (
	"context"
	"time"

	"etcd-lock/internal/backoff"
)

// retry calls f until it succeeds, returns an error that is not transient, or
// ctx ends. A waiter must not lose its place in the queue because etcd has no
// leader; it gives up when the session or its caller's context ends.
func retry[T any](ctx context.Context, f func() (T, error)) (T, error) {
	pauses := backoff.Exponential{First: 20 * time.Millisecond, Max: time.Second}
	for {
		result, err := f()
		if err == nil || !isTransient(err) || !pauses.Pause(ctx) {
			return result, err
		}
	}
}
