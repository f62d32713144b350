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
)

// Session is a lease that is kept alive, and the client of the locks on it.
//
// It differs from concurrency.Session in when it ends: a client that is cut off
// from etcd learns that its locks are lost before etcd can give them to another,
// because a Session counts its time to live from when its last renewal was sent.
// A concurrency.Session counts from when the answer came, looks twice a second,
// and so may believe in its locks for a moment after they are another's.
//
// That holds while the process runs: one that is stopped, or a machine that is
// suspended, learns of its loss only when it goes on. And it holds while etcd
// keeps to its leases. A leader of etcd that was stopped for longer than an
// election takes can, before it has heard of its successor, revoke a lease that
// the successor has renewed, or answer a renewal that the successor does not know
// of. Such a loss is told as any other, and tokens fence it; it can come before
// Deadline.
type Session struct {
	client *clientv3.Client
	lease  clientv3.LeaseID
	ctx    context.Context
	end    context.CancelCauseFunc
	kept   chan struct{} // closes when the lease is no longer kept alive
	stream *leaseStream  // of renewals, nil when there is none; only keepAlive's

	mu       sync.Mutex
	ttl      time.Duration // as etcd granted it
	deadline time.Time     // until when the lease lives for certain
}

// errClosed is the cause of the end of a session that was closed.
var errClosed = errors.New("rwlock: session was closed")

// NewSession grants a lease of at least ttl, in whole seconds, rounded up, and
// keeps it alive until Close. etcd raises a ttl below its minimum, which is 1.5
// times its election timeout: see TTL. ctx bounds the call only.
func NewSession(ctx context.Context, client *clientv3.Client, ttl time.Duration) (*Session, error) {
	if ttl <= 0 {
		return nil, fmt.Errorf("rwlock: session TTL is %s, want more than 0", ttl)
	}
	sent := time.Now()
	granted, err := client.Grant(ctx, int64((ttl+time.Second-1)/time.Second))
	if err != nil {
		return nil, fmt.Errorf("rwlock: new session: %w", err)
	}
	s := &Session{client: client, lease: granted.ID, kept: make(chan struct{})}
	s.ctx, s.end = context.WithCancelCause(client.Ctx())
	s.renewed(sent, granted.TTL)
	go s.keepAlive()
	return s, nil
}

// Client is the client that the session uses.
func (s *Session) Client() *clientv3.Client { return s.client }

// Lease is the session's lease.
func (s *Session) Lease() clientv3.LeaseID { return s.lease }

// Ctx ends with the session. Its cause is ErrSessionExpired if nobody closed the
// session or the client.
func (s *Session) Ctx() context.Context { return s.ctx }

// Done closes when the session ends.
func (s *Session) Done() <-chan struct{} { return s.ctx.Done() }

// TTL is the time to live that etcd granted last.
func (s *Session) TTL() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ttl
}

// Deadline is when the session ends unless it is renewed before.
func (s *Session) Deadline() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deadline
}

// Close ends the session and revokes its lease, which releases its locks. When
// etcd does not answer, it returns an error before the lease can outlive the
// call by more than its TTL.
func (s *Session) Close() error {
	s.end(errClosed)
	<-s.kept
	ctx, cancel := context.WithTimeout(s.client.Ctx(), s.TTL())
	defer cancel()
	_, err := retry(ctx, func() (*clientv3.LeaseRevokeResponse, error) { return s.client.Revoke(ctx, s.lease) })
	if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("rwlock: close session: %w", err)
	}
	return nil
}

// NewRWMutex is the function of that name with this session.
func (s *Session) NewRWMutex(name string, opts ...Option) *RWMutex {
	return newRWMutex(s, name, opts)
}

// NewSet is the function of that name with this session.
func (s *Session) NewSet(wants []LockRequest, opts ...Option) *Set { return newSet(s, wants, opts) }

// renewed notes that a renewal sent at that time was granted ttl seconds. etcd
// counts from when it got the renewal, which is later.
func (s *Session) renewed(sent time.Time, ttl int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ttl = time.Duration(ttl) * time.Second
	s.deadline = sent.Add(s.ttl)
}

// keepAlive renews the lease three times a TTL, and more often while that
// fails. It ends the session when the lease is gone or may be.
func (s *Session) keepAlive() {
	defer close(s.kept)
	for pause(s.ctx, max(min(s.TTL(), time.Until(s.Deadline()))*2/9, 1)) { // with its jitter, at most a third
		if err := s.renewByDeadline(); err != nil {
			s.end(ErrSessionExpired) // unless it was closed before
		}
	}
}

// renewByDeadline tries until etcd has answered or the lease may be gone.
func (s *Session) renewByDeadline() error {
	ctx, cancel := context.WithDeadline(s.ctx, s.Deadline())
	defer cancel()
	for {
		sent := time.Now()
		ttl, err := s.renew(ctx)
		switch {
		case err == nil && ttl > 0:
			s.renewed(sent, ttl)
			return nil
		case err == nil:
			return ErrSessionExpired
		case !pause(ctx, s.TTL()/20):
			return err
		}
	}
}

// renew asks once. It does not use the client's own KeepAliveOnce, which opens a
// stream, and where there is a password logs in, each time, and repeats without a
// pause while there is no connection.
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

// leaseStream is a stream of renewals, each answered before the next.
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
