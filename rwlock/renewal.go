package rwlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/seconds"
)

// noteRenewal records that a renewal sent at that time was granted ttl seconds.
// etcd counts from when it received the renewal, which is later.
func (s *Session) noteRenewal(sent time.Time, ttl int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ttl = seconds.Duration(ttl)
	s.deadline = sent.Add(s.ttl)
	s.failure = nil
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
	s.failure = errors.New(status.Convert(err).Message())
}

// RenewalErr returns why the last renewal failed. It is nil after one that succeeded,
// and while none has failed.
func (s *Session) RenewalErr() error {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	for backoff.Pause(s.ctx, renewalPause(s.TTL(), time.Until(s.Deadline()))) {
		if err := s.renewByDeadline(renew); err != nil {
			s.end(s.expired()) // unless it was closed before
		}
	}
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

// maxRenewals is how many renewals of a session are under way at a time, at most.
const maxRenewals = renewalsPerTTL

// renewal is the answer to a renewal.
type renewal struct {
	sent time.Time
	ttl  int64
	err  error
}

// renewByDeadline tries to renew the lease until etcd has answered or the lease may
// have expired. A renewal that is not answered is sent again on another stream, which is
// that of another member if the client has several, and the first one is left open:
// etcd's grpc-proxy answers at its own pace, of up to a third of the TTL, and would
// begin anew.
func (s *Session) renewByDeadline(renew renewFunc) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	ctx, cancel := context.WithDeadline(s.ctx, s.Deadline())
	defer cancel()
	answers := make(chan renewal, maxRenewals)
	open := 0
	send := func() {
		if open == maxRenewals {
			return
		}
		open++
		sending.Go(func() {
			r := renewal{sent: time.Now()}
			r.ttl, r.err = renew(s, ctx)
			answers <- r
		})
	}
	send()
	for {
		select {
		case r := <-answers:
			open--
			switch {
			case r.err == nil && r.ttl >= s.granted:
				s.noteRenewal(r.sent, r.ttl)
				return nil
			case r.err == nil && r.ttl <= 0:
				return ErrSessionExpired
			case r.err == nil:
				r.err = errNotRenewed
			}
			if ctx.Err() == nil {
				s.noteFailure(r.err)
			}
			if !backoff.Pause(ctx, s.TTL()/20) {
				return r.err
			}
		case <-time.After(s.TTL() / renewalsPerTTL):
			if s.RenewalErr() == nil {
				s.noteFailure(errUnanswered)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		send()
	}
}

// renew sends one renewal and returns the TTL that etcd granted, in seconds. It does
// not use the client's KeepAliveOnce, which opens a stream for each renewal, logs in
// for it if there is a password, and retries without a pause while there is no
// connection.
func (s *Session) renew(ctx context.Context) (ttl int64, err error) {
	stream := s.takeStream()
	keep := context.AfterFunc(ctx, stream.close)
	ttl, err = stream.renew(s.client, s.lease)
	if !keep() || err != nil || !s.keepStream(stream) {
		stream.close()
	}
	return ttl, err
}

// takeStream returns the stream of the renewal before, or a new one. A member that has
// no leader refuses the stream: it would keep back the renewal until it times out, and
// so would the next one in its turn.
func (s *Session) takeStream() *leaseStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream := s.stream
	if s.stream = nil; stream == nil {
		stream = &leaseStream{}
		stream.ctx, stream.close = context.WithCancel(clientv3.WithRequireLeader(s.ctx))
	}
	return stream
}

// keepStream keeps a stream for the next renewal, unless there is one.
func (s *Session) keepStream(stream *leaseStream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != nil {
		return false
	}
	s.stream = stream
	return true
}

// leaseStream is a stream of renewals, each answered before the next is sent.
type leaseStream struct {
	etcdserverpb.Lease_LeaseKeepAliveClient
	ctx   context.Context
	close context.CancelFunc
}

func (l *leaseStream) renew(client *clientv3.Client, lease clientv3.LeaseID) (ttl int64, err error) {
	if l.Lease_LeaseKeepAliveClient == nil {
		l.Lease_LeaseKeepAliveClient, err = etcdserverpb.NewLeaseClient(client.ActiveConnection()).LeaseKeepAlive(l.ctx)
	}
	if err == nil {
		err = l.Send(&etcdserverpb.LeaseKeepAliveRequest{ID: int64(lease)})
	}
	if err != nil {
		return 0, err
	}
	resp, err := l.Recv()
	if err != nil {
		return 0, err
	}
	return resp.TTL, nil
}
