// Package backoff pauses between tries of something that is repeated until it
// succeeds.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pause waits for about d, a quarter more or less, and reports whether ctx is
// still alive. The jitter keeps many clients that were stopped by the same event
// from coming back at the same time.
func Pause(ctx context.Context, d time.Duration) bool { return Wait(ctx, Jitter(d)) }

// Random returns a random number below n. Simulations replace it, so that a seed replays.
var Random = rand.Int64N

// Jitter returns about d, a quarter more or less.
func Jitter(d time.Duration) time.Duration {
	return d - d/4 + time.Duration(Random(int64(max(d/2, 1))))
}

// Wait waits for d, and reports whether ctx is still alive.
func Wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Exponential is a series of pauses, each twice as long as the one before.
type Exponential struct {
	First time.Duration // the first pause
	Max   time.Duration // no pause is longer

	next time.Duration // 0 before the first
}

// Pause waits for the next pause of the series as the function Pause does.
func (e *Exponential) Pause(ctx context.Context) bool {
	d := max(e.next, e.First)
	e.next = min(2*d, e.Max)
	return Pause(ctx, d)
}
