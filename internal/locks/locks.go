// Package locks puts the implementations of locks on etcd behind one interface:
// package rwlock, and the recipe and the mutex of etcd's client.
package locks

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// LeaseSlack is by how much a lease can outlive its TTL: a new leader of etcd grants
// every lease its whole TTL again, and revokes expired ones one by one.
const LeaseSlack = 10 * time.Second

// Locker acquires locks for one client.
type Locker interface {
	// Acquire returns when the locks are held. It calls the request's hook with
	// EventQueued, with EventAcquired before it returns, and with EventLost.
	Acquire(ctx context.Context, r Request) (Hold, error)
}

// Maker makes the Locker of an implementation on a session.
type Maker func(s *rwlock.Session, impl scenario.Impl) (Locker, error)

// Request is what a client requests. The recipe and the mutex of etcd's client
// support only the first of Wants, Label and Hook.
type Request struct {
	Wants        []rwlock.LockRequest
	Together     bool   // all of Wants, or none; otherwise there is one
	Try          bool   // fail instead of waiting
	Downgradable bool   // the hold can be downgraded
	Label        string // of the owner
	Hook         func(rwlock.Event)
}

// Hold is what a client holds after one request.
type Hold interface {
	Token() int64 // the fencing token; 0 if the implementation has none
	Unlock() error
}

// Changeable is a hold of a single lock whose mode can be changed.
type Changeable interface {
	Hold
	TryUpgrade(ctx context.Context) error
	Downgrade(ctx context.Context) error
}

// New returns the Locker of an implementation. "" is package rwlock.
func New(s *rwlock.Session, impl scenario.Impl) (Locker, error) {
	switch impl {
	case scenario.ImplRecipe:
		return newRecipes(s)
	case scenario.ImplMutex:
		return newMutexes(s)
	default:
		return rwlocks{s}, nil
	}
}

// Conn is a client's connection to etcd, with a session and a Locker on it.
type Conn struct {
	*rwlock.Session
	Locks  Locker
	closed bool
}

// Connect opens a session on client, and the Locker of an implementation on it. When
// it fails, it closes the session.
func Connect(ctx context.Context, client *clientv3.Client, ttl time.Duration, impl scenario.Impl) (*Conn, error) {
	session, err := rwlock.NewSession(ctx, client, ttl)
	if err != nil {
		return nil, err
	}
	locks, err := New(session, impl)
	if err != nil {
		_ = session.Close()
		return nil, err
	}
	return &Conn{Session: session, Locks: locks}, nil
}

// Disconnect closes the session and the connection. When it returns nil, nothing of
// them is left in etcd. It can be called again.
func (c *Conn) Disconnect() error {
	if c.closed {
		return nil
	}
	err := c.Close()
	c.closed = err == nil
	_ = c.Client().Close()
	return err
}
