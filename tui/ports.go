package tui

import (
	"context"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// Source is where the screens read locks from.
type Source interface {
	// Watch sends the locks below prefix as they are and then as they change,
	// until ctx ends; then it closes the channel.
	Watch(ctx context.Context, prefix string) <-chan inspect.Update
	// Leases looks leases up.
	Leases(ctx context.Context, ids []int64) (map[int64]inspect.Lease, error)
}

// Locker takes locks for the user of the screens.
type Locker interface {
	// Request prepares a request for a lock. It may have to open a session
	// first, so it blocks.
	Request(ctx context.Context, name string, mode keyspace.Mode) (Ticket, error)
}

// Ticket is one request of ours for a lock.
type Ticket interface {
	// Wait asks for the lock and blocks until it is held. When ctx ends first,
	// it takes the request back.
	Wait(ctx context.Context) error
	// Release gives a held lock back.
	Release() error
	// Key is the request's key in etcd, empty until it has asked. It does not
	// block.
	Key() string
	// Token is the revision at which the key of a held lock was put. It does not
	// block.
	Token() int64
}

// Scenario names a script of contention.
type Scenario struct {
	Name  string
	About string
}

// Scenarios runs scripts of contention against the cluster that is watched.
type Scenarios interface {
	List() []Scenario
	// Run blocks until the scenario is over, and calls log with each of its
	// lines from one goroutine at a time.
	Run(ctx context.Context, name string, log func(line string)) error
}

// Status is what etcd says of itself.
type Status struct {
	Revision int64  // its current one
	Leader   string // the leader's name, or its id; empty: there is none, or it is not known
	Members  int    // 0: not known
	At       time.Time
}

// Health tells how etcd is.
type Health interface {
	// Status asks one member.
	Status(ctx context.Context) (Status, error)
}

// Releaser ends the requests of other clients, by force.
type Releaser interface {
	// Request plans to remove one request, by its key.
	Request(ctx context.Context, key string) (Release, error)
	// Session plans to end a session, by its lease: all of its keys go.
	Session(ctx context.Context, lease int64) (Release, error)
}

// Release is one that is planned: all that it would do.
type Release struct {
	Lease    int64             // of the session that would end; 0: one request would go
	Revision int64             // of etcd when this was so
	Gone     []inspect.Request // that would go
	Others   []string          // keys of the session that are no requests and would go too
	Granted  []inspect.Request // waiters that would hold their lock then
	// Carry does it, if all of that is still so, and returns the revision at
	// which the requests went. With an error, that is 0 unless they are gone
	// nevertheless.
	Carry func(ctx context.Context) (revision int64, err error)
}

// Past tells how the locks were.
type Past interface {
	// At is the locks below prefix at a revision, and the oldest one that etcd
	// remembers.
	At(ctx context.Context, prefix string, revision int64) (s inspect.Snapshot, floor int64, err error)
	// Changes tells what became of them after the revision since, up to and with
	// until, as far as etcd has these. It makes etcd read all that was written
	// since then, so it is for when somebody wants to know.
	Changes(ctx context.Context, prefix string, since, until int64) (Changes, error)
	// Granted is the revision at which a request came to hold its lock, 0 when it
	// has not. It costs as much as Changes.
	Granted(ctx context.Context, r inspect.Request) (int64, error)
}

// Changes are what became of locks after one revision, up to and with another.
type Changes struct {
	Floor        int64           // the oldest revision that etcd remembers
	Since, Until int64           // as far as etcd has them
	Events       []inspect.Event // oldest first
}

// Preferences keeps what the user has chosen.
type Preferences interface {
	// Load returns what was kept. Its error may come with what could be read.
	Load() (Prefs, error)
	Save(p Prefs) error
}
