package inspect

import (
	"iter"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// State sums up a lock in one word.
type State string

// The states of a lock.
const (
	Read      State = "read"      // held by readers, nobody waits
	Write     State = "write"     // held by a writer, nobody waits
	Slots     State = "slots"     // permits of a semaphore are held, nobody waits
	Cached    State = "cached"    // held by a writer who keeps it between its uses until others ask; nobody waits
	Contended State = "contended" // held, and others wait
	Blocked   State = "blocked"   // not held: other keys are in the way of those who wait
	Vacant    State = "vacant"    // not held: its key says so
	Kept      State = "kept"      // not held, and not to be had until its key's lease ends: its client has ended
	Lapsed    State = "lapsed"    // its key names a holder who has not renewed it in time
	Unknown   State = "unknown"   // its key has a value that cannot be read
)

// Lock is a lock that has at least one request. Its slices are not to be changed.
type Lock struct {
	Name   string // as in etcd: any bytes
	Layout string // how its keys are made, such as "rwlock", "mutex" or "patroni"
	State  State
	Queue  []Request // those who hold the lock or wait for it, by the order of their requests

	// WaitersKnown is false where clients of the layout leave no trace while they wait.
	WaitersKnown bool
	// Candidates are clients that would like to have the lock, where their software says so
	// in keys beside it.
	Candidates []string
}

// Request is one key by which a client holds a lock or waits for it.
type Request struct {
	Key     string
	Mode    rwlock.Mode
	Holds   bool
	Lease   int64 // 0: etcd never removes the key by itself
	Token   int64 // create revision: the place in the queue, and the fencing token
	Owner   Owner
	Made    time.Time // by the owner's clock, else when the watch saw it; zero: not known
	Granted time.Time // when the watch saw that; zero: not known, or it waits

	Weight  int // of mode Slot: how many permits it takes
	Permits int // of mode Slot: how many the semaphore has, as its client was told
}

// Owner is what is known of a client. All fields may be empty.
type Owner struct {
	Label, Program, Host string
	PID                  int
	Traceparent          string // of the request, as W3C Trace Context writes it, if its client traces them
}

// String returns the owner as "label program[pid]@host", or as much of it as is known.
func (o Owner) String() string {
	return format.Owner(keyspace.Owner{Label: o.Label, Program: o.Program, Host: o.Host, PID: o.PID})
}

// Snapshot is the locks below some prefixes at one revision of etcd. The zero value has
// none.
type Snapshot struct{ of inspect.Snapshot }

// Revision returns the revision of etcd at which the locks were like that.
func (s Snapshot) Revision() int64 { return s.of.Revision }

// Len returns the number of locks.
func (s Snapshot) Len() int { return len(s.of.Locks) }

// OtherKeys returns the number of keys below the prefixes that are not lock requests.
func (s Snapshot) OtherKeys() int { return s.of.Other }

// Locks returns all locks, by name and then layout.
func (s Snapshot) Locks() iter.Seq[Lock] {
	return func(yield func(Lock) bool) {
		for _, l := range s.of.Locks {
			if !yield(newLock(l)) {
				return
			}
		}
	}
}

// Named returns the locks of that name: one for each layout that it is used in.
func (s Snapshot) Named(name string) []Lock {
	var locks []Lock
	for _, l := range s.of.Named(name) {
		locks = append(locks, newLock(l))
	}
	return locks
}

// newLock converts a lock. Whether a record has lapsed is as of now.
func newLock(l inspect.Lock) Lock {
	lock := Lock{
		Name: l.ID.Name, Layout: l.ID.Layout.String(), State: State(l.StateAt(time.Now())),
		WaitersKnown: l.ID.Layout.Waiters, Candidates: l.Candidates, Queue: make([]Request, 0, len(l.Queue)),
	}
	for _, r := range l.Queue {
		if !r.Vacant() {
			lock.Queue = append(lock.Queue, newRequest(r))
		}
	}
	return lock
}

func newRequest(r inspect.Request) Request {
	owner := r.Owner.Value()
	request := Request{
		Key: r.Key, Mode: rwlock.Mode(r.Mode), Holds: r.Holding, Lease: r.Lease, Token: r.Revision, Made: r.Since,
		Owner:  Owner{Label: owner.Label, Program: owner.Program, Host: owner.Host, PID: owner.PID, Traceparent: owner.Trace},
		Weight: owner.Weight, Permits: owner.Permits,
	}
	if r.Holding && r.Saw {
		request.Granted = r.Seen
	}
	return request
}
