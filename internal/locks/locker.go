package locks

import (
	"context"
	"time"

	"etcd-lock/rwlock"
)

// Locker takes locks for one client: package rwlock, or what stands in for it.
type Locker interface {
	// take returns when the locks are held. It tells of EventQueued, of
	// EventAcquired before it returns, and of EventLost.
	Take(ctx context.Context, a Request) (Hold, error)
}

// Request is what a client asks for.
type Request struct {
	Wants        []rwlock.LockRequest
	Together     bool
	Try          bool
	Downgradable bool
	Label        string
	Told         func(rwlock.Event)
}

// Hold is what a client holds by one step.
type Hold interface {
	Token() int64
	Unlock() error
}

// Changeable is a hold of a single lock.
type Changeable interface {
	Hold
	TryUpgrade(ctx context.Context) error
	Downgrade(ctx context.Context) error
}

// rwlocks is a session that takes locks by package rwlock.
type rwlocks struct{ *rwlock.Session }

// RWLocks takes locks of package rwlock.
func RWLocks(s *rwlock.Session) Locker { return rwlocks{s} }

func (s rwlocks) Take(ctx context.Context, a Request) (Hold, error) {
	opts := []rwlock.Option{rwlock.WithLabel(a.Label), rwlock.WithHook(a.Told)}
	if a.Downgradable {
		opts = append(opts, rwlock.WithDowngrade())
	}
	if a.Together {
		set := s.NewSet(a.Wants, opts...)
		if a.Try {
			return set, set.TryLock(ctx)
		}
		return set, set.Lock(ctx)
	}
	lock := s.NewRWMutex(a.Wants[0].Name, opts...)
	switch read := a.Wants[0].Mode == rwlock.Read; {
	case a.Try && read:
		return lock, lock.TryRLock(ctx)
	case a.Try:
		return lock, lock.TryRWLock(ctx)
	case read:
		return lock, lock.RLock(ctx)
	default:
		return lock, lock.RWLock(ctx)
	}
}

// ReplyTime is how long a grant waits for releases that may have made way for it.
const ReplyTime = time.Second
