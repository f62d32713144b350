package simulate

import (
	"context"
	"sync"
	"time"
)

// timed is a context that ends with DeadlineExceeded when a Clock says so.
//
// A context.WithCancel cannot end that way. And timed needs its own channel:
// package context recognizes the channel of a context that it made, and would take
// the error from there.
type timed struct {
	context.Context // its Deadline is also that of timed, which ends at no real time
	done            chan struct{}

	mu  sync.Mutex
	err error
}

// timeout is context.WithTimeout by the clock. However fast the clock is, the timeout
// is at least the given time of the run.
func (c *Clock) timeout(ctx context.Context, d, least time.Duration, what string) (context.Context, context.CancelFunc) {
	t := &timed{Context: ctx, done: make(chan struct{})}
	stop := c.after(d, least, what, func() { t.end(context.DeadlineExceeded) })
	unlink := context.AfterFunc(ctx, func() { t.end(ctx.Err()) })
	return t, func() {
		stop()
		unlink()
		t.end(context.Canceled)
	}
}

func (t *timed) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
		close(t.done)
	}
}

// Done implements context.Context.
func (t *timed) Done() <-chan struct{} { return t.done }

// Err implements context.Context.
func (t *timed) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
