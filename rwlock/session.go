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
	renewer *renewer // of the client, or with a lock delay of its own
	lease   clientv3.LeaseID
	granted int64         // the TTL in seconds: less than that is no answer to a renewal
	delay   time.Duration // by how much the lease outlives the session; see WithLockDelay
	ctx     context.Context
	end     context.CancelCauseFunc
	done    chan struct{} // closes when keepAlive has returned

	mu       sync.Mutex
	ttl      time.Duration // as granted by etcd, without the delay
	deadline time.Time     // the lease does not expire before, and not before the delay has passed since
	asked    time.Time     // when the renewal that is not answered was sent; zero when there is none
	failure  error         // why the last renewal failed; nil when it did not
}

// maxTTL is the longest TTL that etcd grants.
const maxTTL = 9_000_000_000 * time.Second

// errInvalidTTL is returned by NewSession before any call to etcd.
var errInvalidTTL = fmt.Errorf("rwlock: session TTL must be more than 0 and at most %s", maxTTL)

// closeTimeout bounds Close.
const closeTimeout = 5 * time.Second

// SessionOption configures a Session.
type SessionOption func(*Session)

// WithLockDelay makes etcd keep the locks of a session for at least d after Deadline when the
// session ends in an unclean way: its process died, or it could not renew its lease. So what its
// client has sent before it knew, such as a write to a store that checks no fencing tokens, has d
// to arrive before another client is granted a lock. Unlock and Close of a session that has not
// ended release its locks at once, as without the option.
//
// The lease is granted for ttl and d together, but the session ends, and reports its locks as
// lost, ttl after its last renewal was sent: so etcd, which counts from when it received the
// renewal, keeps the lease d longer at least. Its locks are left to the lease then: Unlock and
// Close delete nothing. A leader election makes that longer. It is shorter by as much as etcd's clock
// runs faster than the client's, and where etcd does not keep to its leases: see Session. A lease
// that others revoke, and a key that they delete, is gone at once: a release by force has no
// delay.
func WithLockDelay(d time.Duration) SessionOption { return func(s *Session) { s.delay = d } }

// NewSession grants a lease of ttl, rounded up to whole seconds, and keeps it alive
// until Close. etcd raises a ttl below its minimum, which is 1.5 times its election
// timeout: TTL returns what it granted. ctx bounds the call only.
//
// The sessions of a client share a few streams to etcd, however many they are.
func NewSession(ctx context.Context, client *clientv3.Client, ttl time.Duration, opts ...SessionOption) (*Session, error) {
	return newSession(ctx, client, ttl, (*Session).renew, opts...)
}

// renewFunc renews the lease of a session, and returns at the end of the context.
type renewFunc func(*Session, context.Context) renewal

// newSession is NewSession with the function that sends a renewal.
func newSession(ctx context.Context, client *clientv3.Client, ttl time.Duration, renew renewFunc, opts ...SessionOption) (*Session, error) {
	s := &Session{client: client, done: make(chan struct{})}
	for _, opt := range opts {
		opt(s)
	}
	switch {
	case ttl <= 0 || ttl > maxTTL:
		return nil, fmt.Errorf("%w, and is %s", errInvalidTTL, ttl)
	case s.delay < 0 || s.delay > maxTTL-ttl:
		return nil, fmt.Errorf("%w, with a lock delay of at least 0, and is %s with one of %s", errInvalidTTL, ttl, s.delay)
	case client.Ctx().Err() != nil: // which etcd's client tries for seconds before it says so
		return nil, fmt.Errorf("rwlock: new session: its client was closed: %w", client.Ctx().Err())
	}
	granted := grantLease(ctx, client, seconds.Up(ttl+s.delay))
	if granted.err != nil {
		return nil, fmt.Errorf("rwlock: new session: %w", granted.err)
	}
	s.renewer, s.lease, s.granted = stateOf(client).renewer, granted.ID, granted.TTL
	if s.delay > 0 {
		s.renewer = s.renewer.apart()
	}
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

// TTL returns the time to live that etcd granted last, without the delay of WithLockDelay.
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
// The lease is not renewed any more; revoking it is tried in the background until it has
// expired.
//
// Close sessions before their client: a closed client cannot revoke leases.
//
// A session that has expired and has a lock delay is not revoked: Close returns
// ErrSessionExpired, and its locks are released when the lease expires.
func (s *Session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), min(s.TTL(), closeTimeout))
	defer cancel()
	return s.CloseContext(ctx)
}

// CloseContext is like Close, bounded by ctx instead of five seconds. If ctx has ended
// already, it still tries for half a second, and then in the background as Close does.
func (s *Session) CloseContext(ctx context.Context) error {
	s.endIfOver()
	s.end(ErrSessionClosed)
	<-s.done
	if s.leavesLocks() {
		return fmt.Errorf("rwlock: close session: %w: its locks are left to its lease, for a lock delay of %s", ErrSessionExpired, s.delay)
	}
	revoked := make(chan error, 1)
	go func() { revoked <- s.revoke() }()
	err := outcomeOf(ctx, revoked)
	switch {
	case err == nil, errors.Is(err, rpctypes.ErrLeaseNotFound):
		return nil
	case s.client.Ctx().Err() != nil:
		return fmt.Errorf("rwlock: close session: its client was closed before, so its locks are held until its lease expires: %w", err)
	default:
		return fmt.Errorf("rwlock: close session: %w", err)
	}
}

// endIfOver ends a session with a lock delay whose deadline has passed, if the process was
// stopped meanwhile and has not noticed.
func (s *Session) endIfOver() {
	if s.delay > 0 && !time.Now().Before(s.Deadline()) {
		s.end(s.expired())
	}
}

// leavesLocks reports whether the session has ended in an unclean way, and its locks are left to
// the lease, which etcd keeps for the lock delay.
func (s *Session) leavesLocks() bool {
	return s.delay > 0 && errors.Is(context.Cause(s.ctx), ErrSessionExpired)
}

// revoke revokes the lease. It tries until the lease has expired.
func (s *Session) revoke() error {
	ctx, cancel := context.WithTimeout(s.client.Ctx(), s.TTL()+s.delay)
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

// grantPatience is how long a grant is waited for before it is sent again. Each wait is
// twice as long as the one before, so that an etcd that is slow is not asked for much
// more.
const grantPatience = time.Second

// grant is the answer to the grant of a lease.
type grant struct {
	*clientv3.LeaseGrantResponse
	sent time.Time
	err  error
}

// grantLease grants a lease of ttl seconds. A member hands a grant on to etcd's leader,
// and if that one has just stopped, does not answer for 7 s although the others have
// elected another leader meanwhile. So a grant that is not answered is sent again, and
// the first that is answered counts. Of another one that was carried out, a lease is
// left without keys, which expires.
func grantLease(ctx context.Context, client *clientv3.Client, ttl int64) grant {
	var sending sync.WaitGroup
	defer sending.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan grant)
	open, patience := 0, grantPatience
	send := time.NewTimer(0)
	defer send.Stop()
	for {
		select {
		case <-send.C:
			open++
			sending.Go(func() {
				g := grant{sent: time.Now()}
				g.LeaseGrantResponse, g.err = client.Grant(ctx, ttl)
				select {
				case answers <- g:
				case <-ctx.Done():
				}
			})
			send.Reset(patience)
			patience *= 2
		case g := <-answers:
			if open--; g.err == nil || open == 0 {
				return g
			}
		case <-ctx.Done():
			return grant{err: ctx.Err()}
		}
	}
}
