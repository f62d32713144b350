package simulate

import (
	"context"
	"sync"
	"time"
)

// timed is a context whose time is up when a clock says so. It is no
// context.WithCancel, which could not end as a deadline does, and lends nobody
// the channel of one, by which package context would see through it.
type timed struct {
	context.Context // whose deadline it has: its own is no real time
	done            chan struct{}

	mu  sync.Mutex
	err error
}

// timeout is context.WithTimeout by the clock. However fast that goes, it takes
// least of the time that the run runs.
func (c *Clock) timeout(ctx context.Context, d, least time.Duration, what string) (context.Context, context.CancelFunc) {
	t := &timed{Context: ctx, done: make(chan struct{})}
	stop := c.after(d, least, what, func() { t.end(context.DeadlineExceeded) })
	leave := context.AfterFunc(ctx, func() { t.end(ctx.Err()) })
	return t, func() {
		stop()
		leave()
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
