package rwlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/seconds"
)

// Session is a lease that is kept alive, on which locks are acquired.
//
// It differs from concurrency.Session in when it ends. A client that is cut off
// from etcd ends its Session, and so reports its locks as lost, before etcd can
// grant them to another client: a Session counts its time to live from when its
// last renewal was sent. A concurrency.Session counts from when the reply arrived
// and checks twice a second, so it can report its locks as held for a moment after
// another client was granted them.
//
// This holds as long as the process runs: a process that is stopped, or a machine
// that is suspended, detects the loss only when it continues. And it holds as long
// as etcd respects its leases. A leader of etcd that was stopped for longer than an
// election takes can, before it learns of its successor, revoke a lease that the
// successor has renewed, or answer a renewal that the successor does not know of.
// Such a loss is reported as any other, and tokens fence it; it can come before
// Deadline.
type Session struct {
	client *clientv3.Client
	lease  clientv3.LeaseID
	ctx    context.Context
	end    context.CancelCauseFunc
	done   chan struct{} // closes when keepAlive has returned
	stream *leaseStream  // of renewals, nil when there is none; used by keepAlive only

	mu       sync.Mutex
	ttl      time.Duration // as granted by etcd
	deadline time.Time     // the lease does not expire before
}

// errClosed is the cause of the end of a session that was closed.
var errClosed = errors.New("rwlock: session was closed")

// NewSession grants a lease of ttl, rounded up to whole seconds, and keeps it alive
// until Close. etcd raises a ttl below its minimum, which is 1.5 times its election
// timeout: TTL returns what it granted. ctx bounds the call only.
func NewSession(ctx context.Context, client *clientv3.Client, ttl time.Duration) (*Session, error) {
	return newSession(ctx, client, ttl, (*Session).renew)
}

// renewFunc sends a renewal and returns the TTL that etcd granted, in seconds.
type renewFunc func(*Session, context.Context) (ttl int64, err error)

// newSession is NewSession with the function that sends a renewal.
func newSession(ctx context.Context, client *clientv3.Client, ttl time.Duration, renew renewFunc) (*Session, error) {
	if ttl <= 0 {
		return nil, fmt.Errorf("rwlock: session TTL is %s, want more than 0", ttl)
	}
	sent := time.Now()
	granted, err := client.Grant(ctx, seconds.Up(ttl))
	if err != nil {
		return nil, fmt.Errorf("rwlock: new session: %w", err)
	}
	s := &Session{client: client, lease: granted.ID, done: make(chan struct{})}
	s.ctx, s.end = context.WithCancelCause(client.Ctx())
	s.noteRenewal(sent, granted.TTL)
	go s.keepAlive(renew)
	return s, nil
}

// Client returns the client that the session uses.
func (s *Session) Client() *clientv3.Client { return s.client }

// Lease returns the session's lease.
func (s *Session) Lease() clientv3.LeaseID { return s.lease }

// Ctx returns a context that ends with the session. Its cause is ErrSessionExpired
// unless the session or the client was closed.
func (s *Session) Ctx() context.Context { return s.ctx }

// Done returns a channel that closes when the session ends.
func (s *Session) Done() <-chan struct{} { return s.ctx.Done() }

// TTL returns the time to live that etcd granted last.
func (s *Session) TTL() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ttl
}

// Deadline returns when the session ends unless it is renewed before.
func (s *Session) Deadline() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deadline
}

// Close ends the session and revokes its lease, which releases its locks. When
// etcd does not answer within the TTL, it returns an error; the lease is not
// renewed any more and expires.
func (s *Session) Close() error {
	s.end(errClosed)
	<-s.done
	ctx, cancel := context.WithTimeout(s.client.Ctx(), s.TTL())
	defer cancel()
	_, err := retry(ctx, func() (*clientv3.LeaseRevokeResponse, error) { return s.client.Revoke(ctx, s.lease) })
	if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("rwlock: close session: %w", err)
	}
	return nil
}

// NewRWMutex returns a mutex for the lock called name, like the function
// NewRWMutex. Its requests live on this session.
func (s *Session) NewRWMutex(name string, opts ...Option) *RWMutex {
	return newRWMutex(s, name, opts)
}

// NewSet returns a set of locks, like the function NewSet. Its requests live on
// this session.
func (s *Session) NewSet(locks []LockRequest, opts ...Option) *Set { return newSet(s, locks, opts) }

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

// renewByDeadline tries to renew the lease until etcd has answered or the lease may
// have expired.
func (s *Session) renewByDeadline(renew renewFunc) error {
	ctx, cancel := context.WithDeadline(s.ctx, s.Deadline())
	defer cancel()
	for {
		sent := time.Now()
		ttl, err := renew(s, ctx)
		switch {
		case err == nil && ttl > 0:
			s.noteRenewal(sent, ttl)
			return nil
		case err == nil:
			return ErrSessionExpired
		case !backoff.Pause(ctx, s.TTL()/20):
			return err
		}
	}
}

// renew sends one renewal and returns the TTL that etcd granted, in seconds. It does
// not use the client's KeepAliveOnce, which opens a stream for each renewal, logs in
// for it if there is a password, and retries without a pause while there is no
// connection.
func (s *Session) renew(ctx context.Context) (ttl int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.TTL()/3)
	defer cancel()
	if s.stream == nil {
		s.stream = &leaseStream{}
		s.stream.ctx, s.stream.close = context.WithCancel(s.ctx)
	}
	defer context.AfterFunc(ctx, s.stream.close)()
	if ttl, err = s.stream.renew(s.client, s.lease); err != nil {
		s.stream.close()
		s.stream = nil
	}
	return ttl, err
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
