package tui

import (
	"context"
	"errors"
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
var ErrLost = errors.New("lost before it was given back")

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

// Scenario is a script of contention.
type Scenario struct {
	Name  string // or the path of its file
	About string
	Locks []string // that its clients ask for
	Alone bool     // it makes faults, and so runs in a cluster of its own that is started for it
}

// Scenarios runs scripts of contention against the cluster that is watched, but for
// those that make faults.
type Scenarios interface {
	// List are those that come along. It does not block.
	List() []Scenario
	// Read reads one from a file.
	Read(path string) (Scenario, error)
	// Paths are the files and folders that begin with path.
	Paths(path string) []string
	// Play is a run of one that is to come. It does not block. Speed is how much
	// faster its durations pass at first.
	Play(name string, speed float64) Play
}

// Play is a run of a scenario. None of its methods blocks but Run, and all can be
// called before it.
type Play interface {
	// Run blocks until the scenario is over, and tells of each of its steps from
	// one goroutine at a time. It returns what was not as it had to be; its error
	// is for runs that could not be.
	Run(ctx context.Context, tell func(ScenarioStep)) (failures []string, err error)
	// Pause has the scenario's time stand still: nobody begins anything or gives
	// up. Resume has it go on, and Step too, until one thing has happened.
	Pause()
	Resume()
	Step()
	// SetSpeed is how much faster durations pass from now on.
	SetSpeed(speed float64)
	State() PlayState
}

// PlayState is how a run stands.
type PlayState struct {
	Elapsed  time.Duration // for how long it has run, but for pauses
	Paused   bool
	Stepping bool           // it pauses as soon as one thing has happened
	Next     string         // what happens next; empty: nothing is a matter of time
	In       time.Duration  // until then, in the scenario's time
	Lanes    []ScenarioLane // what the clients have done until now
}

// ScenarioStep is something that happened in a run.
type ScenarioStep struct {
	At   time.Duration // for how long the run had run
	Text string
	Bad  bool // a lock was refused or lost, or something failed
}

// ScenarioLane is what a client did. Its spans follow each other without a gap.
type ScenarioLane struct {
	Client string
	Spans  []ScenarioSpan
	Marks  []time.Duration // when it was refused, lost or did not get what it wanted
}

// ScenarioSpan is a time in which a client's state stayed the same. It can hold
// one lock and wait for another.
type ScenarioSpan struct {
	From, To     time.Duration
	Waits        bool
	Holds        keyspace.Mode // the most that it believes to hold; 0 for nothing
	Paused, Gone bool
}

// Recorder makes scenarios of what happens.
type Recorder interface {
	// Record records what is watched until ctx ends, then writes it to a new file
	// and says what it wrote.
	Record(ctx context.Context, path string) (summary string, err error)
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

// Rights tells what etcd lets its user do.
type Rights interface {
	// Refused reports whether an error says that etcd answers, with no. It does
	// not block.
	Refused(err error) bool
	// Explain says why the locks below prefix may not be read, when that error
	// was the answer.
	Explain(ctx context.Context, prefix string, refusal error) Refusal
}

// Refusal is why etcd shows nothing to its user, and what helps.
type Refusal struct{ Why, Helps string }

func (r Refusal) String() string { return r.Why + "; " + r.Helps }

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
