package rwlock

import (
	"context"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

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
}

// keepAlive renews the lease at least three times per TTL, and more often while
// renewals fail. It ends the session when the lease has expired or may have.
func (s *Session) keepAlive(renew renewFunc) {
	defer close(s.done)
	for backoff.Pause(s.ctx, renewalPause(s.TTL(), time.Until(s.Deadline()))) {
		if err := s.renewByDeadline(renew); err != nil {
			s.end(ErrSessionExpired) // unless it was closed before
		}
	}
}

// renewalPause returns how long to pause before a renewal: with the jitter of
// backoff.Pause, at most a third of the TTL, and of what is left.
func renewalPause(ttl, left time.Duration) time.Duration { return min(ttl, left) / 15 * 4 }

// maxRenewals is how many renewals of a session are under way at a time, at most.
const maxRenewals = 3

// renewal is the answer to a renewal.
type renewal struct {
	sent time.Time
	ttl  int64
	err  error
}

// renewByDeadline tries to renew the lease until etcd has answered or the lease may
// have expired. A renewal that is not answered within a third of the TTL is sent
// again on another stream, perhaps to another member, and the first one is left open:
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
			case r.err == nil && r.ttl > 0:
				s.noteRenewal(r.sent, r.ttl)
				return nil
			case r.err == nil:
				return ErrSessionExpired
			case !backoff.Pause(ctx, s.TTL()/20):
				return r.err
			}
		case <-time.After(s.TTL() / 3):
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
