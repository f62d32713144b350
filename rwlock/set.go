package rwlock

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// Set acquires several locks at once, each for reading or for writing, or permits of a
// semaphore: all of them or none. All requests are made in one transaction and so take their places in
// all queues at the same instant; overlapping sets never deadlock among each other,
// in whatever order they name their locks. (A client that holds a lock and then
// waits for a Set can still be part of a deadlock.)
//
// The number of locks is bounded by etcd's --max-txn-ops, 128 by default: a
// write takes three operations, a read two, and permits take four. A Set is safe for concurrent use.
type Set struct {
	hold  hold
	locks []LockRequest
}

// NewSet returns a set of locks. A name that is listed twice is acquired once, for
// writing if either mode is Write, and a semaphore with the larger weight. It makes no call to etcd; Lock returns
// ErrInvalidName for an empty name and for an empty set.
func NewSet(s *concurrency.Session, locks []LockRequest, opts ...Option) *Set {
	return newSet(s, locks, opts)
}

func newSet(s session, locks []LockRequest, opts []Option) *Set {
	set := &Set{hold: hold{session: s, options: newOptions(opts)}, locks: merge(locks)}
	for _, l := range set.locks {
		set.hold.names = append(set.hold.names, l.Name)
	}
	return set
}

// Lock acquires all locks of the set. It waits and fails as RWMutex.RWLock does.
func (s *Set) Lock(ctx context.Context) error {
	_, err := s.lock(ctx)
	return err
}

func (s *Set) lock(ctx context.Context) (*loss, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	req := s.request()
	return s.hold.acquire(ctx, req, req.acquire)
}

// TryLock acquires all locks of the set if it need not wait for any of them, and
// returns ErrLocked otherwise.
func (s *Set) TryLock(ctx context.Context) error {
	_, err := s.tryLock(ctx)
	return err
}

func (s *Set) tryLock(ctx context.Context) (*loss, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	req := s.request()
	return s.hold.acquire(ctx, req, req.tryAcquire)
}

// TryDo is Do with TryLock: it returns ErrLocked without calling f when it would have to wait
// for any of the locks.
func (s *Set) TryDo(ctx context.Context, f func(context.Context) error) error {
	return s.hold.do(ctx, s.tryLock, f)
}

// Do calls f while holding all locks of the set, as RWMutex.RWDo does.
func (s *Set) Do(ctx context.Context, f func(context.Context) error) error {
	return s.hold.do(ctx, s.lock, f)
}

// Unlock releases all locks of the set, as RWMutex.Unlock does. It returns ErrLost
// when any of them was lost before.
func (s *Set) Unlock() error { return s.hold.unlockInTime(nil) }

// UnlockContext is like Unlock, bounded by ctx as RWMutex.UnlockContext is.
func (s *Set) UnlockContext(ctx context.Context) error { return s.hold.unlock(ctx, nil) }

// Token returns the fencing token of the locks held, which is the same for all of
// them, or 0 when they are not held. See RWMutex.Token.
func (s *Set) Token() int64 { return s.hold.token() }

// Lost returns a channel that closes when any of the locks is lost. See
// RWMutex.Lost.
func (s *Set) Lost() <-chan struct{} { return s.hold.lost() }

// Guard returns conditions for a transaction of the caller, which are true while
// all locks of the set are held. When they are not held, the conditions are never
// true.
func (s *Set) Guard() []clientv3.Cmp {
	req, _ := s.hold.current()
	if req == nil {
		return []clientv3.Cmp{never("set")}
	}
	conds := make([]clientv3.Cmp, 0, len(req.entries))
	for _, e := range req.entries {
		conds = append(conds, e.guard())
	}
	return conds
}

// Keys returns the etcd keys of the requests that hold the locks: one for each
// name, in the order in which the names were first listed. It returns nil when
// nothing is held.
func (s *Set) Keys() []string {
	req, _ := s.hold.current()
	if req == nil {
		return nil
	}
	keys := make([]string, 0, len(req.entries))
	for _, e := range req.entries {
		keys = append(keys, e.key)
	}
	return keys
}

func (s *Set) request() *request {
	return newRequest(s.hold.session, s.locks, newOwner(s.hold.options.label))
}

func (s *Set) check() error {
	if len(s.locks) == 0 {
		return ErrInvalidName
	}
	names := map[string]bool{}
	for _, l := range s.locks {
		if err := l.check(); err != nil {
			return err
		}
		if names[l.Name] {
			return named(ErrOtherKind, l.text())
		}
		names[l.Name] = true
	}
	return nil
}

// merge makes one request of those for one name that are of the same kind.
func merge(locks []LockRequest) []LockRequest {
	var merged []LockRequest
	at := map[queueID]int{}
	for _, l := range locks {
		i, twice := at[queueID{l.Name, l.Mode == Slot}]
		if !twice {
			at[queueID{l.Name, l.Mode == Slot}] = len(merged)
			merged = append(merged, l)
			continue
		}
		merged[i].Mode = max(merged[i].Mode, l.Mode)
		merged[i].Weight = max(merged[i].Weight, l.Weight)
		merged[i].Permits = min(merged[i].Permits, l.Permits)
	}
	return merged
}
