package simulate

import (
	"context"
	"fmt"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"

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
	s := &seat{Session: session, locks: newRWLocks(session)}
	if impl == ImplRWLock {
		return s, nil
	}
	etcds, err := s.etcds(impl)
	if err != nil {
		_ = session.Close()
		return nil, err
	}
	s.locks = mutexes{etcds}
	if impl == ImplRecipe {
		s.locks = recipes{etcds, s}
	}
	return s, nil
}

// etcds is a session of etcd's client on the same lease, which ends with ours.
func (s *seat) etcds(impl Impl) (*concurrency.Session, error) {
	client := clientv3.NewCtxClient(s.Ctx())
	client.KV, client.Watcher, client.Lease = s.Client().KV, s.Client().Watcher, s.Client().Lease
	if impl == ImplRecipe {
		client.KV, client.Watcher = boundKV{client.KV, s.Ctx()}, boundWatcher{client.Watcher, s.Ctx()}
	}
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

// boundKV and boundWatcher end with ctx what the recipe, which gives no context,
// would go on with until etcd answers.
type boundKV struct {
	clientv3.KV
	ctx context.Context
}

type boundWatcher struct {
	clientv3.Watcher
	ctx context.Context
}

func (b boundKV) Get(_ context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return b.KV.Get(b.ctx, key, opts...)
}

func (b boundKV) Delete(_ context.Context, key string, opts ...clientv3.OpOption) (*clientv3.DeleteResponse, error) {
	return b.KV.Delete(b.ctx, key, opts...)
}

func (b boundKV) Txn(context.Context) clientv3.Txn { return b.KV.Txn(b.ctx) }

func (b boundWatcher) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	ctx, cancel := context.WithCancel(ctx) // which ends with the recipe's wait
	stop := context.AfterFunc(b.ctx, cancel)
	context.AfterFunc(ctx, func() { stop() })
	return b.Watcher.Watch(ctx, key, opts...)
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

// recipes takes the locks of etcd's recipe.
type recipes struct {
	*concurrency.Session
	seat *seat
}

type recipeHold struct{ unlock func() error }

func (r recipeHold) Token() int64  { return 0 }
func (r recipeHold) Unlock() error { return r.unlock() }

// take has no other way to give up a wait than to leave: the recipe takes no
// context. Its client opens another session for what it does next.
func (s recipes) take(ctx context.Context, a ask) (hold, error) {
	m := recipe.NewRWMutex(s.Session, a.wants[0].Name)
	lock, unlock := m.Lock, m.Unlock
	if a.wants[0].Mode == rwlock.Read {
		lock, unlock = m.RLock, m.RUnlock
	}
	taken := make(chan error, 1)
	go func() { taken <- lock() }()
	select {
	case err := <-taken:
		return recipeHold{unlock}, err
	case <-ctx.Done():
		err := s.seat.leave()
		<-taken
		if err != nil {
			return nil, fmt.Errorf("%w; the session was not ended: %w", ctx.Err(), err)
		}
		return nil, ctx.Err()
	}
}
