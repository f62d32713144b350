package backend

import (
	"context"
	"errors"
	"time"

	"etcd-lock/internal/keyspace"
)

// Locker makes clients for the user of the screens.
type Locker interface {
	// Client makes a client that is as apart from the others as a process of its
	// own, and does no I/O yet. The label is what its requests say of their owner.
	Client(label string, ttl time.Duration) Client
}

// Client is a client with a session of its own, or with one after the other. Its
// methods block, but for State.
type Client interface {
	// Open opens a session, unless there is one that lives.
	Open(ctx context.Context) error
	// Request prepares a request for a lock. It opens a session as Open does.
	Request(ctx context.Context, name string, mode keyspace.Mode) (Ticket, error)
	// Pause makes the client stand still as a stopped process does: it renews
	// nothing and hears of nothing, until Resume.
	Pause()
	Resume()
	// Crash ends the session without a word to etcd, where its lease runs out.
	Crash()
	// Close ends the session and revokes its lease, also while it is paused.
	Close() error
	// State is how the session stands.
	State() ClientState
}

// ClientState is how the session of a client stands.
type ClientState struct {
	Lease int64 // 0: none was opened
	Life  Life
	TTL   time.Duration // as etcd granted it
	Until time.Time     // when the lease runs out unless it is renewed
}

// Life is what a session has come to.
type Life int

// A session that has Expired ended by itself: its lease ran out, or somebody
// revoked it.
const (
	Unopened Life = iota
	Alive
	Paused
	Crashed
	Expired
	Closed
)

// ErrLost says that a lock was not ours any more when it was given back.
var ErrLost = errors.New("lost before it was released")

// Ticket is one request of ours for a lock.
type Ticket interface {
	// Wait asks for the lock and blocks until it is held. When ctx ends first,
	// it takes the request back.
	Wait(ctx context.Context) error
	// Release gives a held lock back. ErrLost says that it was lost before; after
	// any other error it may still be held, and can be released again.
	Release() error
	// Lost closes when a held lock is lost. It does not block.
	Lost() <-chan struct{}
	// Key is the request's key in etcd, empty until it has asked. It does not
	// block.
	Key() string
	// Token is the revision at which the key of a held lock was put. It does not
	// block.
	Token() int64
}
