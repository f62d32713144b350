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
	TTL     time.Duration // of each client's session, whole seconds
	Seed    uint64        // of what is random in it
	Cluster int           // how many members its faults need; 0 when any etcd will do
	Clients []Client
	Faults  []Fault // in the order of time
	Expect  Expect
}

// What a file need not say.
const (
	DefaultTTL    = 10 * time.Second
	DefaultWithin = 10 * time.Second
	DefaultSeed   = 1
)

// MaxTTL is the longest TTL of a session, far below where sums of TTLs overflow.
const MaxTTL = 365 * 24 * time.Hour

// Place is where in its file something stands, both from 1.
type Place struct{ Line, Column int }

// Span is a duration that is drawn anew each time, uniformly; a fixed one when
// both ends are the same.
type Span struct{ From, To time.Duration }

// Client is one session and what it does, or several that are alike.
type Client struct {
	Name   string
	Count  int           // how many; above 1 they are called NAME-1, NAME-2, …
	Impl   Impl          // of its locks, ImplRWLock or ImplRecipe; "" for ImplRWLock
	TTL    time.Duration // of its session
	After  Span          // from the common start to the first step
	Repeat int           // how many times it goes through its steps
	Steps  []Step
}

// Names are the names of the clients that c stands for.
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

// The actions, by the words of the file format.
const (
	Read      Action = "read"
	Write     Action = "write"
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

// Takes reports whether the action takes locks.
func (a Action) Takes() bool { return a == Read || a == Write || a == Together }

// Step is one thing that a client does.
type Step struct {
	Do     Action
	Locks  []rwlock.LockRequest // what it is about; without modes where it unlocks
	Within Span                 // how long to wait for a lock; zero for DefaultWithin
	Try    bool                 // take it only if that needs no waiting
	Cancel Span                 // when the client changes its mind; zero for never
	Crash  Span                 // when the client dies if it still waits; zero for never
	For    Span                 // of Wait
	Expect []Moment             // what must come of it; none when anything may
	Waits  Bounds               // of how long the acquisition may take
	Place
}

// Bounds are limits on a time; zero for none.
type Bounds struct{ AtLeast, AtMost time.Duration }

// Fault is something that happens to the etcd under the clients, or to their
// way to it.
type Fault struct {
	At      Span // from the common start
	Do      FaultKind
	Member  Member   // of Kill, Stop and Start
	Clients []string // of Cut and Heal
	Place
}

// FaultKind is what a fault does.
type FaultKind string

// The faults, by the words of the file format.
const (
	FaultKill    FaultKind = "kill"    // a member, with its process
	FaultStop    FaultKind = "stop"    // a member, as SIGSTOP does
	FaultStart   FaultKind = "start"   // a member that was killed or stopped
	FaultCut     FaultKind = "cut"     // clients off from all members
	FaultHeal    FaultKind = "heal"    // what was cut
	FaultCompact FaultKind = "compact" // etcd's history up to now
)

// Member is a member of the cluster by its number, from 1, or one of these.
type Member int

// Members that have no number.
const (
	Leader     Member = 0  // whoever leads by then
	AllMembers Member = -1 // that were killed or stopped
)

// String is the word of the file format.
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

// Expect is what must come of a run, beyond what is always checked.
type Expect struct {
	Log     []string       // all its lines in order; nil when any will do
	Order   [][]Occurrence // chains, each in this order
	MaxWait time.Duration  // of any lock that was granted; 0 for no bound
	Fenced  int            // how many late holders a token must have fenced

	LogPlace, FencedPlace Place
}

// Occurrence is a moment in a client's run.
type Occurrence struct {
	Moment Moment
	Client string
	Lock   string // "" for any
	Nth    int    // from 1
	Place
}

// String is the occurrence as a file has it.
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

// cutNumber takes the number off a lock's name that "#n" behind it gives; 0 when
// there is none.
func cutNumber(lock string) (name string, n int) {
	i := strings.LastIndexByte(lock, '#')
	if i == 0 || i > 0 && lock[i-1] == ' ' {
		if n, err := strconv.Atoi(lock[i+1:]); err == nil && n > 0 {
			return strings.TrimSuffix(lock[:i], " "), n
		}
	}
	return lock, 0
}

// Any is the occurrence, whichever time it is and wherever it is told of.
func (o Occurrence) Any() Occurrence {
	return Occurrence{Moment: o.Moment, Client: o.Client, Lock: o.Lock}
}

// String is the fault in the words of the log.
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

// Locks are the names of the scenario's locks, each once.
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
