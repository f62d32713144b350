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
	if want := r.Wants[0]; want.Mode == rwlock.Slot {
		pool := permits{s.NewSemaphore(want.Name, want.Permits, opts...)}
		if r.Try {
			return pool, pool.TryAcquire(ctx, want.Weight)
		}
		return pool, pool.Acquire(ctx, want.Weight)
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

// permits is a hold of permits of a semaphore.
type permits struct{ *rwlock.Semaphore }

// Unlock releases the permits.
func (p permits) Unlock() error { return p.Release() }
