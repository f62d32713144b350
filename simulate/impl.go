package simulate

import (
	"context"
	"fmt"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/rwlock"
)

// Impl is an implementation of locks on etcd.
type Impl string

// The implementations that a load can be run on.
const (
	ImplRWLock Impl = "rwlock" // package rwlock
	ImplRecipe Impl = "recipe" // RWMutex of etcd's client/v3/experimental/recipes
	ImplMutex  Impl = "mutex"  // Mutex of etcd's client/v3/concurrency
)

// Impls are all of them.
func Impls() []Impl { return []Impl{ImplRWLock, ImplRecipe, ImplMutex} }

// ParseImpl finds an implementation by its word.
func ParseImpl(s string) (Impl, error) {
	if !slices.Contains(Impls(), Impl(s)) {
		return "", fmt.Errorf("unknown implementation %q: want %s", s, list(Impls(), "or"))
	}
	return Impl(s), nil
}

// Exclusive reports whether the implementation knows no readers: who wants to
// read excludes everybody, as a writer does.
func (i Impl) Exclusive() bool { return i == ImplMutex }

// seat is what a client of a load has of etcd: a connection, a session on it,
// and a way to take locks.
type seat struct {
	*rwlock.Session
	locks locker
	left  bool // and nothing of it remains
}

func newSeat(ctx context.Context, client *clientv3.Client, ttl time.Duration, impl Impl) (*seat, error) {
	session, err := rwlock.NewSession(ctx, client, ttl)
	if err != nil {
		return nil, err
	}
	locks, err := newLocks(session, impl)
	if err != nil {
		_ = session.Close()
		return nil, err
	}
	return &seat{Session: session, locks: locks}, nil
}

// newLocks is the way to take locks of an implementation.
func newLocks(s *rwlock.Session, impl Impl) (locker, error) {
	switch impl {
	case ImplRecipe:
		return newRecipes(s)
	case ImplMutex:
		etcds, err := etcdsSession(s, s.Client().KV, s.Client().Watcher)
		return mutexes{etcds}, err
	default:
		return newRWLocks(s), nil
	}
}

// etcdsSession is a session of etcd's client on the same lease, which ends with
// ours.
func etcdsSession(s *rwlock.Session, kv clientv3.KV, watcher clientv3.Watcher) (*concurrency.Session, error) {
	client := clientv3.NewCtxClient(s.Ctx())
	client.KV, client.Watcher, client.Lease = kv, watcher, s.Client().Lease
	return concurrency.NewSession(client, concurrency.WithLease(s.Lease()))
}

// leave ends the session and the connection. When it returns nil, nothing of
// them is left in etcd.
func (s *seat) leave() error {
	if s.left {
		return nil
	}
	err := s.Close()
	s.left = err == nil
	_ = s.Client().Close()
	return err
}

// mutexes takes etcd's mutexes, whatever a lock is wanted for.
type mutexes struct{ *concurrency.Session }

type mutex struct {
	*concurrency.Mutex
	session *concurrency.Session
}

func (s mutexes) take(ctx context.Context, a ask) (hold, error) {
	m := concurrency.NewMutex(s.Session, a.wants[0].Name)
	if err := m.Lock(ctx); err != nil {
		return nil, err
	}
	return mutex{m, s.Session}, nil
}

// Token is none: the mutex does not tell its key's revision.
func (mutex) Token() int64 { return 0 }

// Unlock deletes the key. With a context that has ended it would stay.
func (m mutex) Unlock() error { return m.Mutex.Unlock(m.session.Ctx()) }
