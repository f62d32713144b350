package rwlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

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
	client  *clientv3.Client
	renewer *renewer // of the client
	lease   clientv3.LeaseID
	granted int64 // the TTL in seconds: less than that is no answer to a renewal
	ctx     context.Context
	end     context.CancelCauseFunc
	done    chan struct{} // closes when keepAlive has returned

	mu       sync.Mutex
	ttl      time.Duration // as granted by etcd
	deadline time.Time     // the lease does not expire before
	asked    time.Time     // when the renewal that is not answered was sent; zero when there is none
	failure  error         // why the last renewal failed; nil when it did not
}

// maxTTL is the longest TTL that etcd grants.
const maxTTL = 9_000_000_000 * time.Second

// errInvalidTTL is returned by NewSession before any call to etcd.
var errInvalidTTL = fmt.Errorf("rwlock: session TTL must be more than 0 and at most %s", maxTTL)

// closeTimeout bounds Close.
const closeTimeout = 5 * time.Second

// NewSession grants a lease of ttl, rounded up to whole seconds, and keeps it alive
// until Close. etcd raises a ttl below its minimum, which is 1.5 times its election
// timeout: TTL returns what it granted. ctx bounds the call only.
//
// The sessions of a client share a few streams to etcd, however many they are.
func NewSession(ctx context.Context, client *clientv3.Client, ttl time.Duration) (*Session, error) {
	return newSession(ctx, client, ttl, (*Session).renew)
}

// renewFunc renews the lease of a session, and returns at the end of the context.
type renewFunc func(*Session, context.Context) renewal

// newSession is NewSession with the function that sends a renewal.
func newSession(ctx context.Context, client *clientv3.Client, ttl time.Duration, renew renewFunc) (*Session, error) {
	if ttl <= 0 || ttl > maxTTL {
		return nil, fmt.Errorf("%w, and is %s", errInvalidTTL, ttl)
	}
	granted := grantLease(ctx, client, seconds.Up(ttl))
	if granted.err != nil {
		return nil, fmt.Errorf("rwlock: new session: %w", granted.err)
	}
	s := &Session{client: client, renewer: stateOf(client).renewer, lease: granted.ID, granted: granted.TTL, done: make(chan struct{})}
	s.ctx, s.end = context.WithCancelCause(client.Ctx())
	s.noteRenewal(granted.sent, granted.TTL)
	go s.keepAlive(renew)
	return s, nil
}

// Client returns the client that the session uses.
func (s *Session) Client() *clientv3.Client { return s.client }

// Lease returns the session's lease.
func (s *Session) Lease() clientv3.LeaseID { return s.lease }

// Ctx returns a context that ends with the session. Its cause is ErrSessionExpired,
// ErrSessionClosed after Close, and context.Canceled when the client was closed.
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

// Close ends the session and revokes its lease, which releases its locks. When etcd does
// not answer within five seconds, or within the TTL if that is less, it returns an error.
// The lease is not renewed any more and expires, if it is not revoked before: that goes on
// in the background until then.
func (s *Session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), min(s.TTL(), closeTimeout))
	defer cancel()
	return s.CloseContext(ctx)
}

// CloseContext is like Close, bounded by ctx instead of five seconds. If ctx has ended
// already, it still tries for half a second, and then in the background as Close does.
func (s *Session) CloseContext(ctx context.Context) error {
	s.end(ErrSessionClosed)
	<-s.done
	revoked := make(chan error, 1)
	go func() { revoked <- s.revoke() }()
	if err := outcomeOf(ctx, revoked); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("rwlock: close session: %w", err)
	}
	return nil
}

// revoke revokes the lease. It tries until the lease has expired.
func (s *Session) revoke() error {
	ctx, cancel := context.WithTimeout(s.client.Ctx(), s.TTL())
	defer cancel()
	_, err := retry(ctx, func() (*clientv3.LeaseRevokeResponse, error) { return s.client.Revoke(ctx, s.lease) })
	return err
}

// NewRWMutex returns a mutex for the lock called name, like the function
// NewRWMutex. Its requests live on this session.
func (s *Session) NewRWMutex(name string, opts ...Option) *RWMutex {
	return newRWMutex(s, name, opts)
}

// NewSet returns a set of locks, like the function NewSet. Its requests live on
// this session.
func (s *Session) NewSet(locks []LockRequest, opts ...Option) *Set { return newSet(s, locks, opts) }
