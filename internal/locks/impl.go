// Package locks has the implementations of locks on etcd behind one interface:
// package rwlock, and the recipe and the mutex of etcd's client.
package locks

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/scenario"
)

// Conn is what a client has of etcd: a connection, a session on it, and a way to
// take locks.
type Conn struct {
	*rwlock.Session
	Locks Locker
	left  bool // and nothing of it remains
}

// Connect opens a session on client, and the way to take locks of an
// implementation on it. It closes the session when it fails.
func Connect(ctx context.Context, client *clientv3.Client, ttl time.Duration, impl scenario.Impl) (*Conn, error) {
	session, err := rwlock.NewSession(ctx, client, ttl)
	if err != nil {
		return nil, err
	}
	locks, err := newLocks(session, impl)
	if err != nil {
		_ = session.Close()
		return nil, err
	}
	return &Conn{Session: session, Locks: locks}, nil
}

// newLocks is the way to take locks of an implementation.
func newLocks(s *rwlock.Session, impl scenario.Impl) (Locker, error) {
	switch impl {
	case scenario.ImplRecipe:
		return Recipes(s)
	case scenario.ImplMutex:
		etcds, err := etcdsSession(s, s.Client().KV, s.Client().Watcher)
		return mutexes{etcds}, err
	default:
		return RWLocks(s), nil
	}
}

// etcdsSession is a session of etcd's client on the same lease, which ends with
// ours.
func etcdsSession(s *rwlock.Session, kv clientv3.KV, watcher clientv3.Watcher) (*concurrency.Session, error) {
	client := clientv3.NewCtxClient(s.Ctx())
	client.KV, client.Watcher, client.Lease = kv, watcher, s.Client().Lease
	return concurrency.NewSession(client, concurrency.WithLease(s.Lease()))
}

// Disconnect ends the session and the connection. When it returns nil, nothing of
// them is left in etcd.
func (s *Conn) Disconnect() error {
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

func (s mutexes) Take(ctx context.Context, a Request) (Hold, error) {
	m := concurrency.NewMutex(s.Session, a.Wants[0].Name)
	if err := m.Lock(ctx); err != nil {
		return nil, err
	}
	return mutex{m, s.Session}, nil
}

// Token is none: the mutex does not tell its key's revision.
func (mutex) Token() int64 { return 0 }

// Unlock deletes the key. With a context that has ended it would stay.
func (m mutex) Unlock() error { return m.Mutex.Unlock(m.session.Ctx()) }

// LeaseSlack is how much later than after its TTL a lease may be gone: a new
// leader grants every lease a whole TTL again, and revokes them one by one.
const LeaseSlack = 10 * time.Second
