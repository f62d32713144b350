package rwlock

import (
	"context"
	"time"
)

// leaseStream is a stream of renewals. It is guarded by the renewer.
type leaseStream struct {
	close   context.CancelFunc
	wake    chan struct{} // gets a value when there is something to send
	pending []pendingAsk  // in the order in which they are sent
	unsent  int           // number of the last ones, which are not sent yet
	quiet   time.Time     // since when something is pending and nothing is answered
}

// pendingAsk is an ask that was given to a stream, which has not answered it.
type pendingAsk struct {
	*ask
	sent time.Time
}

// isStalled reports whether nothing was answered for as long as patience although
// something is pending.
func (s *leaseStream) isStalled(patience time.Duration) bool {
	return len(s.pending) > 0 && time.Since(s.quiet) >= patience
}

// wait returns when s is stalled if it answers nothing until then. s may be nil.
func (s *leaseStream) wait(a *ask) time.Duration {
	if s == nil {
		return a.patience
	}
	return max(a.patience-time.Since(s.quiet), time.Millisecond)
}

// push sends a renewal on s.
func (s *leaseStream) push(a *ask) {
	a.sent = time.Now()
	if len(s.pending) == 0 {
		s.quiet = a.sent
	}
	a.pending++
	s.pending = append(s.pending, pendingAsk{ask: a, sent: a.sent})
	s.unsent++
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
