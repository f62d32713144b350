package rwlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/backoff"
)

var (
	// ErrInvalidName is returned for an empty lock name and for a Set without
	// locks, before any call to etcd.
	ErrInvalidName = errors.New("rwlock: lock name is empty")
	// ErrInvalidMode is returned by a Set for a LockRequest whose mode is none of
	// Read, Write and Slot, before any call to etcd.
	ErrInvalidMode = errors.New("rwlock: mode is none of read, write and slot")
	// ErrInvalidPermits is returned for a semaphore without permits, and for a request of
	// fewer than one of them or of more than there are, before any call to etcd.
	ErrInvalidPermits = errors.New("rwlock: a request takes at least one of a semaphore's permits, and at most all")
	// ErrOtherKind is returned when a semaphore is requested, and its name is in use as
	// that of a read/write lock; and by a Set that has a name as both.
	ErrOtherKind = errors.New("rwlock: name is in use as a read/write lock")
	// ErrBusy is returned by an acquisition on an RWMutex or Set that already holds
	// its lock or waits for it.
	ErrBusy = errors.New("rwlock: mutex already holds its lock or waits for it")
	// ErrLocked is returned by the Try calls when they would have to wait.
	ErrLocked = errors.New("rwlock: lock is held by another")
	// ErrNoDowngrade is returned by Downgrade when the lock was acquired by RWLock
	// without the option WithDowngrade.
	ErrNoDowngrade = errors.New("rwlock: lock was taken without WithDowngrade")
	// ErrNotHeld is returned by Unlock, TryUpgrade and Downgrade when the lock is
	// not held.
	ErrNotHeld = errors.New("rwlock: lock is not held")
	// ErrLost is returned when the key of a request was deleted other than by
	// Unlock: in etcd, or because its lease was revoked or expired.
	ErrLost = errors.New("rwlock: lock was lost")
	// ErrSessionExpired is returned when the session has ended, which ends its
	// requests: its lease has expired, may have, or was revoked.
	ErrSessionExpired = errors.New("rwlock: session expired")
	// ErrSessionClosed is returned when the session was closed, or its client was,
	// which ends its requests. Of a concurrency.Session that is not known: it is
	// ErrSessionExpired then.
	ErrSessionClosed = errors.New("rwlock: session was closed")
)

// named returns err with what it is about.
func named(err error, what string) error { return fmt.Errorf("%w (%s)", err, what) }

// explain returns the error for the caller of an operation that failed with err:
// the end of the session before the end of the caller's context, and that before
// any error that is a consequence of either.
func explain(ctx context.Context, s session, what string, err error) error {
	switch {
	case s.Ctx().Err() != nil:
		return named(sessionEnd(s), what)
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return named(ErrSessionExpired, what)
	case errors.Is(err, ErrLost):
		return named(lostOrExpired(s), what)
	case errors.Is(err, ErrLocked), errors.Is(err, ErrNotHeld), errors.Is(err, ErrOtherKind):
		return named(err, what)
	case ctx.Err() != nil:
		return fmt.Errorf("rwlock: %s: %w", what, ctx.Err())
	default:
		return fmt.Errorf("rwlock: %s: %w", what, err)
	}
}

// sessionEnd returns ErrSessionExpired or ErrSessionClosed for a session that has ended,
// with the reason if the session knows one.
func sessionEnd(s session) error {
	cause := context.Cause(s.Ctx())
	if errors.Is(cause, ErrSessionExpired) || errors.Is(cause, ErrSessionClosed) {
		return cause
	}
	if _, known := s.(*Session); known { // its context has ended with that of its client
		return ErrSessionClosed
	}
	return ErrSessionExpired
}

// lostOrExpired asks etcd whether a key is gone because its lease is: the session
// itself notices that only with its next renewal. A lease in its last second has
// 0 seconds to live, and one that is gone has -1.
func lostOrExpired(s session) error {
	ctx, cancel := context.WithTimeout(s.Ctx(), cleanupWait)
	defer cancel()
	if lease, err := s.Client().TimeToLive(ctx, s.Lease()); err == nil && lease.TTL < 0 {
		return ErrSessionExpired
	}
	if s.Ctx().Err() != nil { // meanwhile
		return sessionEnd(s)
	}
	return ErrLost
}

// errKeyTaken is returned by an attempt to enqueue a request when its key already
// exists and is not the request's own.
var errKeyTaken = errors.New("key is taken")

// isTransient reports whether err goes away when etcd is healthy again: no
// leader, no connection, a member that is not ready yet, a request that timed out inside
// etcd or was dropped while the leader changed, which etcd reports as an unknown error; or
// a reply that was lost between here and etcd while the caller still waits.
func isTransient(err error) bool {
	if errors.Is(err, errWatchEnded) || errors.Is(err, errKeyTaken) || errors.Is(err, rpctypes.ErrTooManyRequests) || isUnready(err) {
		return true
	}
	switch codeOf(err) {
	case codes.Unavailable, codes.Unknown, codes.Internal, codes.DeadlineExceeded, codes.Canceled:
		return true
	default:
		return false
	}
}

// isRefused reports whether err says for certain that nothing was done, which
// only etcd itself can say: the code of a proxy is about the reply.
func isRefused(err error) bool {
	var e rpctypes.EtcdError
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code()
	return code == codes.InvalidArgument || code == codes.NotFound || code == codes.PermissionDenied
}

// errLearner is the error of a member that is a learner.
var errLearner = rpctypes.Error(rpctypes.ErrGRPCNotSupportedForLearner)

// isUnready reports whether a member that has just been added refused a request: it is a
// learner, or does not know yet what its cluster can do. Another one carries it out, or this
// one does later. etcd's client tries others only if the member is of its own version.
func isUnready(err error) bool {
	return errors.Is(err, errLearner) || errors.Is(err, rpctypes.ErrNotCapable)
}

// codeOf returns the gRPC code of err, or OK for an error without one.
func codeOf(err error) codes.Code {
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		return e.Code()
	}
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return codes.OK
}

// retry calls f until it succeeds, returns an error that is not transient, or
// ctx ends. A waiter must not lose its place in the queue because etcd has no
// leader; it gives up when the session or its caller's context ends.
func retry[T any](ctx context.Context, f func() (T, error)) (T, error) {
	pauses := backoff.Exponential{First: 20 * time.Millisecond, Max: time.Second}
	for {
		result, err := f()
		if err == nil || !isTransient(err) || !pauses.Pause(ctx) {
			return result, err
		}
	}
}
