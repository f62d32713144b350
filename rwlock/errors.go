package rwlock

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrInvalidName is returned for an empty lock name and for a Set without
	// any, before any call to etcd.
	ErrInvalidName = errors.New("rwlock: lock name is empty")
	// ErrInvalidMode is returned by a Set for a LockRequest that is neither Read nor
	// Write, before any call to etcd.
	ErrInvalidMode = errors.New("rwlock: mode is neither read nor write")
	// ErrBusy is returned by an acquisition on an RWMutex that already holds its
	// lock or waits for it.
	ErrBusy = errors.New("rwlock: mutex already holds its lock or waits for it")
	// ErrLocked is returned by a try that would have had to wait.
	ErrLocked = errors.New("rwlock: lock is held by another")
	// ErrNoDowngrade is returned by Downgrade when RWLock was not asked for a
	// hold that can be downgraded.
	ErrNoDowngrade = errors.New("rwlock: lock was taken without WithDowngrade")
	// ErrNotHeld is returned by Unlock when nothing is held.
	ErrNotHeld = errors.New("rwlock: lock is not held")
	// ErrLost says that the request's key is gone although nobody unlocked it:
	// it was deleted in etcd, or its lease was revoked or ran out.
	ErrLost = errors.New("rwlock: lock was lost")
	// ErrSessionExpired says that the session ended, and the request with it.
	ErrSessionExpired = errors.New("rwlock: session expired")
)

// explain turns what ended an operation into what its caller is told: the end
// of the session before the end of the caller's context, and that before
// whatever error either of them led to.
func explain(ctx context.Context, s session, what string, err error) error {
	switch {
	case s.Ctx().Err() != nil, errors.Is(err, rpctypes.ErrLeaseNotFound):
		return ErrSessionExpired
	case errors.Is(err, ErrLost):
		return lostOrExpired(s)
	case errors.Is(err, ErrLocked), errors.Is(err, ErrNotHeld):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("rwlock: %s: %w", what, ctx.Err())
	default:
		return fmt.Errorf("rwlock: %s: %w", what, err)
	}
}

// lostOrExpired asks whether a key is gone because its lease is: the session
// itself learns that only with its next renewal. A lease in its last second has
// 0 seconds to live, and one that is gone has -1.
func lostOrExpired(s session) error {
	ctx, cancel := context.WithTimeout(s.Ctx(), patience)
	defer cancel()
	if lease, err := s.Client().TimeToLive(ctx, s.Lease()); err == nil && lease.TTL < 0 {
		return ErrSessionExpired
	}
	return ErrLost
}

// errKeyTaken says that a key that was to be a request's own was there already.
var errKeyTaken = errors.New("key is taken")

// transient reports whether err is one that goes away when etcd is healthy
// again: no leader, no connection, a request that timed out inside etcd or was
// dropped while the leader changed, which etcd calls an unknown error; or a reply
// that something between here and etcd has lost, while the caller still waits.
func transient(err error) bool {
	if errors.Is(err, errWatchEnded) || errors.Is(err, errKeyTaken) || errors.Is(err, rpctypes.ErrTooManyRequests) {
		return true
	}
	switch codeOf(err) {
	case codes.Unavailable, codes.Unknown, codes.Internal, codes.DeadlineExceeded, codes.Canceled:
		return true
	default:
		return false
	}
}

// refused reports whether err says for certain that nothing was done, which
// only etcd itself can say: a proxy's codes are about the reply.
func refused(err error) bool {
	var e rpctypes.EtcdError
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code()
	return code == codes.InvalidArgument || code == codes.NotFound || code == codes.PermissionDenied
}

// codeOf is the gRPC code of an answer, or OK for an error that is none.
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
