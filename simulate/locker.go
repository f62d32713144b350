package simulate

import (
	"context"
	"time"

	"etcd-lock/rwlock"
)

// locker takes locks for one client: package rwlock, or what stands in for it.
type locker interface {
	// take returns when the locks are held. It tells of EventQueued, of
	// EventAcquired before it returns, and of EventLost.
	Take(ctx context.Context, a ask) (hold, error)
}

// ask is what a client asks for.
type ask struct {
	wants        []rwlock.Want
	together     bool
	try          bool
	downgradable bool
	label        string
	told         func(rwlock.Event)
}

// hold is what a client holds by one step.
type hold interface {
	Token() int64
	Unlock() error
}

// changeable is a hold of a single lock.
type changeable interface {
	hold
	TryUpgrade(ctx context.Context) error
	Downgrade(ctx context.Context) error
}

// rwlocks is a session that takes locks by package rwlock.
type rwlocks struct{ *rwlock.Session }

func newRWLocks(s *rwlock.Session) locker { return rwlocks{s} }

func (s rwlocks) Take(ctx context.Context, a ask) (hold, error) {
	opts := []rwlock.Option{rwlock.WithLabel(a.label), rwlock.WithHook(a.told)}
	if a.downgradable {
		opts = append(opts, rwlock.WithDowngrade())
	}
	if a.together {
		set := s.NewSet(a.wants, opts...)
		if a.try {
			return set, set.TryLock(ctx)
		}
		return set, set.Lock(ctx)
	}
	lock := s.NewRWMutex(a.wants[0].Name, opts...)
	switch read := a.wants[0].Mode == rwlock.Read; {
	case a.try && read:
		return lock, lock.TryRLock(ctx)
	case a.try:
		return lock, lock.TryRWLock(ctx)
	case read:
		return lock, lock.RLock(ctx)
	default:
		return lock, lock.RWLock(ctx)
	}
}

// replyTime is how long a grant waits for releases that may have made way for it.
const replyTime = time.Second
