package locks

import (
	"context"

	"etcd-lock/rwlock"
)

// rwlocks acquires locks of package rwlock.
type rwlocks struct{ *rwlock.Session }

func (s rwlocks) Acquire(ctx context.Context, r Request) (Hold, error) {
	opts := []rwlock.Option{rwlock.WithLabel(r.Label), rwlock.WithHook(r.Hook)}
	if r.Downgradable {
		opts = append(opts, rwlock.WithDowngrade())
	}
	if r.Together {
		set := s.NewSet(r.Wants, opts...)
		if r.Try {
			return set, set.TryLock(ctx)
		}
		return set, set.Lock(ctx)
	}
	lock := s.NewRWMutex(r.Wants[0].Name, opts...)
	switch read := r.Wants[0].Mode == rwlock.Read; {
	case r.Try && read:
		return lock, lock.TryRLock(ctx)
	case r.Try:
		return lock, lock.TryRWLock(ctx)
	case read:
		return lock, lock.RLock(ctx)
	default:
		return lock, lock.RWLock(ctx)
	}
}
