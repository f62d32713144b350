package backend

import (
	"context"
	"errors"
	"time"

	"etcd-lock/internal/keyspace"
)

// Locker makes clients for the user of the UI.
type Locker interface {
	// Client makes a client that shares nothing with the others, like a process of
	// its own, and does no I/O yet. The label is in the owner of its requests.
	Client(label string, ttl time.Duration) Client
}

// Client is a client with one session at a time. Its methods block, except State.
type Client interface {
	// Open opens a session, unless one is alive.
	Open(ctx context.Context) error
	// Request prepares a request for a lock. It opens a session as Open does.
	Request(ctx context.Context, name string, mode keyspace.Mode) (Ticket, error)
	// Pause suspends the client like a stopped process: it renews nothing and
	// receives nothing, until Resume.
	Pause()
	Resume()
	// Crash ends the session without telling etcd, where the lease expires by
	// itself.
	Crash()
	// Close ends the session and revokes its lease, even while it is paused.
	Close() error
	// State returns the state of the session.
	State() ClientState
}

// ClientState is the state of a client's session.
type ClientState struct {
	Lease int64 // 0: none was opened
	Life  Life
	TTL   time.Duration // as etcd granted it
	Until time.Time     // when the lease expires unless it is renewed
	Why   error         // why the session has Expired; nil: not known
}

// Life is the phase of a session.
type Life int

// A session that has Expired ended by itself: its lease expired or was revoked.
const (
	Unopened Life = iota
	Alive
	Paused
	Crashed
	Expired
	Closed
)

// ErrLost is returned by Ticket.Release when the lock had been lost before.
var ErrLost = errors.New("lost before it was released")

// Ticket is one request of a client for a lock.
type Ticket interface {
	// Wait enqueues the request and blocks until it is granted. If ctx ends first,
	// it removes the request.
	Wait(ctx context.Context) error
	// Release releases the lock. After ErrLost it was lost before; after any other
	// error it may still be held, and Release can be called again.
	Release() error
	// Lost returns a channel that is closed when the lock is lost. It does not
	// block.
	Lost() <-chan struct{}
	// Key returns the request's key in etcd, empty until it is enqueued. It does
	// not block.
	Key() string
	// Token returns the fencing token of the lock: the revision at which its key
	// was put. It does not block.
	Token() int64
}
