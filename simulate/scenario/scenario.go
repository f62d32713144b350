// Package scenario is the file format of scenarios: scripts of what clients do with
// locks, of the faults that happen meanwhile, and of what is expected. It has the
// built-in scenarios, too.
package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/rwlock"
)

// Scenario is a script of contention.
type Scenario struct {
	File    string // that it was read from, for messages
	Name    string
	About   string
	TTL     time.Duration // default of its clients, in whole seconds
	Seed    uint64        // that its random values are drawn from
	Cluster int           // how many members a cluster for its faults needs; 0 if any etcd will do

	Semaphores []Semaphore
	Clients    []Client
	Faults     []Fault // in the order of time
	Expect     Expect
}

// Defaults of what a file leaves out.
const (
	DefaultTTL    = 10 * time.Second
	DefaultWithin = 10 * time.Second
	DefaultSeed   = 1
)

// MaxTTL is the longest TTL of a session, far below where sums of TTLs overflow.
const MaxTTL = 365 * 24 * time.Hour

// Place is a position in a scenario's file. Lines and columns are counted from 1.
type Place struct{ Line, Column int }

// Span is a duration that is drawn uniformly between From and To, or a fixed one if
// they are the same.
type Span struct{ From, To time.Duration }

// Semaphore is a lock with a number of permits.
type Semaphore struct {
	Name    string
	Permits int
}

// Client is one session and its steps, or several alike.
type Client struct {
	Name   string
	Count  int           // how many; if more than 1, they are named NAME-1, NAME-2, …
	Impl   Impl          // of its locks: ImplRWLock or ImplRecipe; "" for ImplRWLock
	TTL    time.Duration // of its session
	After  Span          // from the common start to the first step
	Repeat int           // how many times it runs its steps
	Steps  []Step

	Semaphores []Semaphore // of which it is told other permits than the scenario's
}

// Names returns the names of the clients that c defines.
func (c Client) Names() []string {
	if c.Count <= 1 {
		return []string{c.Name}
	}
	names := make([]string, c.Count)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", c.Name, i+1)
	}
	return names
}

// Action is what a step does.
type Action string

// The actions, as files name them.
const (
	Read      Action = "read"
	Write     Action = "write"
	Slot      Action = "slot"
	Together  Action = "together"
	Wait      Action = "wait"
	Upgrade   Action = "upgrade"
	Downgrade Action = "downgrade"
	Unlock    Action = "unlock"
	Pause     Action = "pause"
	Resume    Action = "resume"
	Crash     Action = "crash"
	Close     Action = "close"
)

// Acquires reports whether the action acquires locks.
func (a Action) Acquires() bool { return a == Read || a == Write || a == Slot || a == Together }

// Step is one step of a client.
type Step struct {
	Do     Action
	Locks  []rwlock.LockRequest // that it is about; without modes if it unlocks; with weight and permits if of mode Slot
	Within Span                 // the deadline of an acquisition; zero for DefaultWithin
	Try    bool                 // acquire the locks only if that needs no waiting
	Cancel Span                 // when the client cancels its wait; zero for never
	Crash  Span                 // when the client crashes if it still waits; zero for never
	For    Span                 // how long a Wait takes
	Expect []Moment             // the expected outcomes; none if any will do
	Waits  Bounds               // on how long the acquisition takes
	Place
}

// Bounds are bounds on a duration; zero for none.
type Bounds struct{ AtLeast, AtMost time.Duration }

// Fault is a fault of the cluster, or of the network between it and clients.
type Fault struct {
	At      Span // since the common start
	Do      FaultKind
	Member  Member   // of FaultKill, FaultStop and FaultStart
	Clients []string // of FaultCut and FaultHeal
	Place
}

// FaultKind is what a fault does.
type FaultKind string

// The kinds of faults, as files name them.
const (
	FaultKill    FaultKind = "kill"    // the process of a member
	FaultStop    FaultKind = "stop"    // a member, as SIGSTOP does
	FaultStart   FaultKind = "start"   // a member that was killed or stopped
	FaultCut     FaultKind = "cut"     // the network between clients and all members
	FaultHeal    FaultKind = "heal"    // the network of clients that were cut off
	FaultCompact FaultKind = "compact" // etcd's history up to now
)

// String formats the fault as the log does, as in "kill leader".
func (f Fault) String() string {
	switch f.Do {
	case FaultCompact:
		return string(f.Do)
	case FaultCut, FaultHeal:
		return string(f.Do) + " " + strings.Join(f.Clients, ", ")
	default:
		return string(f.Do) + " " + f.Member.String()
	}
}

// Member is a member of the cluster by its number, from 1, or one of the constants.
type Member int

// Members without a number.
const (
	Leader     Member = 0  // the one that leads when the fault is due
	AllMembers Member = -1 // all that were killed or stopped
)

// String returns the member as files name it.
func (m Member) String() string {
	switch m {
	case Leader:
		return "leader"
	case AllMembers:
		return "all"
	default:
		return fmt.Sprint(int(m))
	}
}

// Expect is what is expected of a whole run. Other things are checked of every run.
type Expect struct {
	Log     []string       // all lines of the log, in order; nil if any will do
	Order   [][]Occurrence // chains; the moments of a chain happen in its order
	MaxWait time.Duration  // for any lock that was granted; 0 for no bound
	Fenced  int            // how many late holders a token fences

	LogPlace, FencedPlace Place
}

// Occurrence is a moment of a client.
type Occurrence struct {
	Moment Moment
	Client string
	Lock   string // "" for any
	Nth    int    // from 1
	Place
}

// String returns the occurrence as files write it.
func (o Occurrence) String() string {
	s := string(o.Moment) + " " + o.Client
	if o.Lock != "" {
		s += " " + o.Lock
	}
	if _, n := cutNumber(o.Lock); o.Nth > 1 || n > 0 {
		s += fmt.Sprintf(" #%d", o.Nth)
	}
	return s
}

// cutNumber cuts a number such as "#2" off the end of a lock's name. The number is 0
// if there is none.
func cutNumber(lock string) (name string, n int) {
	i := strings.LastIndexByte(lock, '#')
	if i == 0 || i > 0 && lock[i-1] == ' ' {
		if n, err := strconv.Atoi(lock[i+1:]); err == nil && n > 0 {
			return strings.TrimSuffix(lock[:i], " "), n
		}
	}
	return lock, 0
}

// Locks returns the names of all locks, each once.
func (sc *Scenario) Locks() []string {
	var names []string
	for _, c := range sc.Clients {
		for _, s := range c.Steps {
			for _, l := range s.Locks {
				if !slices.Contains(names, l.Name) {
					names = append(names, l.Name)
				}
			}
		}
	}
	return names
}
