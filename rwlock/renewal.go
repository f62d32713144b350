package rwlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/status"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/seconds"
)

// noteRenewal records that a renewal sent at that time was granted ttl seconds, of which the
// last ones are the lock delay. etcd counts from when it received the renewal, which is later.
func (s *Session) noteRenewal(sent time.Time, ttl int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ttl = seconds.Duration(ttl) - s.delay
	if until := sent.Add(s.ttl); until.After(s.deadline) { // it is not, if a later one was noted first
		s.deadline = until
	}
	s.asked, s.failure = time.Time{}, nil
}

// noteLater records a renewal that another one has answered before. Often both were
// answered at the same time, and this one was sent later.
func (s *Session) noteLater(r renewal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ttl := seconds.Duration(r.ttl) - s.delay
	if until := r.sent.Add(ttl); r.ttl >= s.granted && until.After(s.deadline) && s.ctx.Err() == nil {
		s.ttl, s.deadline = ttl, until
	}
}

// noteAsk records that a renewal is sent now.
func (s *Session) noteAsk() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = time.Now()
}

// errNotRenewed is why a session ends whose renewals are answered with less than its
// TTL. etcd's grpc-proxy does that when it may not renew the lease: it does not log in
// for that as its clients do.
var errNotRenewed = errors.New("the answer to a renewal was what is left of the TTL, so the lease was not renewed; " +
	"etcd's grpc-proxy answers so when authentication is enabled: connect to etcd itself")

// errUnanswered is why a session ends whose renewals are not answered.
var errUnanswered = errors.New("the last renewal was not answered")

// noteFailure records why a renewal failed.
func (s *Session) noteFailure(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.failure = time.Time{}, errors.New(status.Convert(err).Message())
}

// RenewalErr returns why the last renewal failed. It is nil after one that succeeded,
// and while none has failed.
func (s *Session) RenewalErr() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil && !s.asked.IsZero() && time.Since(s.asked) >= s.ttl/renewalsPerTTL {
		return errUnanswered
	}
	return s.failure
}

// expired returns ErrSessionExpired with the reason, if there is one.
func (s *Session) expired() error {
	if failure := s.RenewalErr(); failure != nil {
		return fmt.Errorf("%w: %w", ErrSessionExpired, failure)
	}
	return ErrSessionExpired
}

// keepAlive renews the lease at least three times per TTL, and more often while
// renewals fail and if the TTL is short. It ends the session when the lease has expired or may have.
func (s *Session) keepAlive(renew renewFunc) {
	defer close(s.done)
	if s.delay == 0 { // else renew joins each time
		s.renewer.join()
		defer s.renewer.leave()
	}
	for backoff.Wait(s.ctx, s.renewalWait()) {
		if err := s.renewByDeadline(renew); err != nil && s.endUnrenewed(err) {
			return
		}
	}
}

// endUnrenewed ends the session after a renewal that failed, unless it was closed before, or a
// renewal that was sent later has been answered at the last moment. It reports whether the
// session has ended.
func (s *Session) endUnrenewed(err error) bool {
	cause := s.expired()
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, ErrSessionExpired) || !time.Now().Before(s.deadline) {
		s.end(cause)
	}
	return s.ctx.Err() != nil
}

// renewalWait returns how long to wait before the next renewal: a renewalPause with jitter,
// which keeps the clients apart, cut by up to a 32nd of the TTL so that sessions of one
// client are renewed together. Many renewals that are sent at once cost the client far less
// than each on its own.
func (s *Session) renewalWait() time.Duration {
	ttl := s.TTL()
	wait := backoff.Jitter(renewalPause(ttl, time.Until(s.Deadline())))
	if grid := ttl / 32; wait > grid && grid > 0 {
		wait -= (time.Since(s.renewer.began) + wait) % grid
	}
	return wait
}

// electionTime is how long etcd takes, by default, to elect another leader and to answer
// a renewal then.
const electionTime = 2500 * time.Millisecond

// renewalPause returns how long to pause before a renewal. With the jitter of
// backoff.Pause, that is at most a third of the TTL, and of what is left. It is as little
// as a sixth where an election would not fit in what is left then, before the last third
// of the TTL: that is when exec begins to end its command.
func renewalPause(ttl, left time.Duration) time.Duration {
	ttl = min(ttl, left)
	return min(ttl/3, max(ttl/6, ttl/3*2-electionTime)) / 5 * 4
}

// renewalsPerTTL is how many renewals would be sent in a TTL if none were answered. When
// etcd's leader stops, a member keeps back for 7 s a renewal that it has handed on to that
// one, but answers another one as soon as there is a new leader. And the renewal may go to
// the member that has stopped. So in the second after an election, a session of 5 s sends
// two.
const renewalsPerTTL = 12

// renewByDeadline tries to renew the lease until etcd has answered or the lease may
// have expired.
func (s *Session) renewByDeadline(renew renewFunc) error {
	ctx, cancel := context.WithDeadline(s.ctx, s.Deadline())
	defer cancel()
	for {
		s.noteAsk()
		r := renew(s, ctx)
		switch {
		case ctx.Err() != nil && r.err != nil:
			return r.err
		case r.err == nil && r.ttl >= s.granted:
			s.noteRenewal(r.sent, r.ttl)
			return nil
		case r.err == nil && r.ttl <= 0:
			return ErrSessionExpired
		case r.err == nil:
			r.err = errNotRenewed
		}
		s.noteFailure(r.err)
		if !backoff.Pause(ctx, s.TTL()/20) {
			return r.err
		}
	}
}

// renew renews the lease on the streams that the sessions of the client share.
//
// With a lock delay, the session has streams of its own, which are open only meanwhile: etcd's
// grpc-proxy renews a lease within half a second when a stream asks for it and no other one has,
// but as long as one of them is open each third of what it was granted for, and answers only
// then, which can be later than the session lasts. A proxy that has not yet noticed that they
// were closed is asked once more on other ones.
func (s *Session) renew(ctx context.Context) renewal {
	if s.delay == 0 {
		return s.renewer.renew(ctx, s.lease, s.TTL()/renewalsPerTTL, s.noteLater)
	}
	s.renewer.join()
	defer s.renewer.leave()
	left := time.Until(s.Deadline())
	if left > s.TTL()/2 {
		left /= 2
	}
	ctx, cancel := context.WithTimeoutCause(ctx, left, errUnanswered)
	defer cancel()
	r := s.renewer.renew(ctx, s.lease, s.TTL()/renewalsPerTTL, s.noteLater)
	if r.err != nil && ctx.Err() != nil {
		r.err = context.Cause(ctx)
	}
	return r
}

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
