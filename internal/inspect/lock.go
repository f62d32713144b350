// Package inspect reads locks from etcd as values: their holders, their waiters,
// and which request blocks which. It changes nothing in etcd.
//
// A Source reads a Snapshot, of now or of an earlier revision, and watches locks
// as a stream of Updates. Package diagnose says what is wrong with them.
package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// LockID identifies a lock. The same name in two layouts is two locks, whose queues
// are apart. Its zero value is no lock.
type LockID struct {
	Layout *layout.Rule
	Name   string
}

// Compare orders locks by name, then layout.
func (id LockID) Compare(other LockID) int {
	if c := strings.Compare(id.Name, other.Name); c != 0 {
		return c
	}
	return id.Layout.Compare(other.Layout)
}

// Request is one key in etcd, by which a client holds a lock or waits for it.
type Request struct {
	Key      string
	Lock     LockID
	Lease    int64 // 0 when the key has none, or LeaseUnknown
	Revision int64 // create revision: the place in the queue, and the fencing token
	Modified int64 // revision of the last write of the key; Revision unless it was written again
	Owner    keyspace.OwnerRef
	Since    time.Time // when the request was made: by the owner's clock, else when the watch saw it; zero when unknown
	Seen     time.Time // when the watch first saw it hold or wait as it does now; zero without a watch

	Term  *layout.Term  // of a record: who holds it until when, by its holder's clock
	Slots *layout.Slots // of a semaphore: who holds it

	// Side by side, because there can be very many requests: apart, each takes eight bytes.
	Mode         keyspace.Mode
	Holding      bool
	Owned        bool // the value, or the key, says who the owner is; many clients write none
	Saw          bool // the watch saw the request begin to hold or wait, at Seen; else it had begun before
	Encrypted    bool // the value cannot be read
	LeaseUnknown bool // only of a key that is no request: its lease was not read
	Cut          bool // only of a key that does not count as a request: it is one, for a lock that was not read, as not all of its keys have one of the prefixes
}

// ModeText returns the request's mode, and of a semaphore how many permits it takes, of how
// many.
func (r Request) ModeText() string {
	if r.Mode != keyspace.Slot {
		return r.Mode.String()
	}
	o := r.Owner.Value()
	return fmt.Sprintf("%s %d/%d", r.Mode, o.Weight, o.Permits)
}

// Standing returns "holding", "cached", "waiting", "kept", "vacant" or "unknown", the words
// used in tables and JSON.
func (r Request) Standing() string {
	switch {
	case r.Encrypted:
		return "unknown"
	case r.Caches():
		return string(StateCached)
	case r.Holding:
		return "holding"
	case r.Kept():
		return string(StateKept)
	case r.Vacant():
		return string(StateVacant)
	default:
		return "waiting"
	}
}

// StandingAt is Standing at a time, with "lapsed" for the holder whom a record names and who
// has not renewed it in time. A time of zero is not known.
func (r Request) StandingAt(now time.Time) string {
	if r.Lapsed(now) {
		return string(StateLapsed)
	}
	return r.Standing()
}

// Waiting reports whether the request waits.
func (r Request) Waiting() bool { return !r.Holding && !r.Vacant() }

// Vacant reports whether the key says that nobody holds its lock, and is no request
// then: that of a record or a semaphore, or one that is kept.
func (r Request) Vacant() bool {
	return r.Term != nil && r.Term.Holder == "" || r.Slots != nil && len(r.Slots.Holders) == 0 || r.Kept()
}

// Kept reports whether the client has ended and wrote its key again, so that nobody gets the
// lock until the key's lease ends.
func (r Request) Kept() bool {
	return r.Lock.Layout != nil && r.Lock.Layout.Keeps && r.Modified > r.Revision
}

// Caches reports whether the client holds the lock, and keeps it between its uses until others
// ask for it. Whether it uses it now is not known.
func (r Request) Caches() bool { return r.Holding && r.Owner.Value().Keep }

// Lock is a name with at least one request.
type Lock struct {
	ID    LockID
	Queue []Request // by create revision

	// Others are keys in the way of requests of the queue that are not in it, by
	// create revision: keys below the lock's name, and requests for locks there. They
	// never hold the lock, and Holding is not set. At most MaxOthers.
	Others     []Request
	MoreOthers int // that are not in Others

	// Candidates are the clients that would like to have the lock, as far as their
	// software says so in keys beside it: by name, without the holder.
	Candidates []string
}

// State sums up a lock in one word.
type State string

// The states of a lock.
const (
	StateRead      State = "read"      // held by readers, no waiters
	StateWrite     State = "write"     // held by a writer, no waiters
	StateSlots     State = "slots"     // permits of a semaphore are held, no waiters
	StateCached    State = "cached"    // held by a writer who keeps it between its uses until others ask; no waiters
	StateContended State = "contended" // held, with waiters
	StateBlocked   State = "blocked"   // not held: other keys are in the way of its waiters
	StateVacant    State = "vacant"    // not held: its key says so
	StateKept      State = "kept"      // not held, and not to be had until its key's lease ends: its client has ended
	StateUnknown   State = "unknown"   // who holds it, if anybody does, is in a value that cannot be read
	StateLapsed    State = "lapsed"    // its record names a holder who has not renewed it in time
)

// Counts are the numbers of a lock's clients.
type Counts struct {
	Readers int // holding
	Writers int // holding; of a semaphore, all who have a slot or permits
	Waiters int
}

// Count counts a lock's clients.
func (l Lock) Count() Counts {
	var c Counts
	for i := range l.Queue { // there can be 100,000: they are not copied
		r := &l.Queue[i]
		switch {
		case r.Waiting():
			c.Waiters++
		case r.Vacant():
		case r.Slots != nil:
			c.Writers += len(r.Slots.Holders)
		case r.Mode == keyspace.Read:
			c.Readers++
		default:
			c.Writers++
		}
	}
	return c
}

// State returns the lock's state.
func (l Lock) State() State {
	if len(l.Queue) == 1 && l.Queue[0].Encrypted {
		return StateUnknown
	}
	switch c := l.Count(); {
	case c.Readers+c.Writers == 0 && c.Waiters > 0:
		return StateBlocked
	case c.Waiters > 0:
		return StateContended
	case c.Writers > 0 && l.ID.Layout.Kind == layout.Permits:
		return StateSlots
	case c.Writers > 0 && l.Queue[0].Caches():
		return StateCached
	case c.Writers > 0:
		return StateWrite
	case c.Readers > 0:
		return StateRead
	case len(l.Queue) == 1 && l.Queue[0].Kept():
		return StateKept
	default:
		return StateVacant
	}
}

// StateAt returns the lock's state at a time: a record lapses by itself. A time of zero is
// not known.
func (l Lock) StateAt(now time.Time) State {
	if len(l.Queue) == 1 && l.Queue[0].Lapsed(now) {
		return StateLapsed
	}
	return l.State()
}

// quiet reports whether the key says of nobody that the client holds the lock or waits for
// it, so that nothing that happens to it is an event.
func (r Request) quiet() bool { return r.Vacant() || r.Encrypted }

// quiet reports whether the event is of a quiet request. Keys in the way are told whatever
// they are.
func (e Event) quiet() bool { return !e.Kind.OfOther() && e.Request.quiet() }

// Lapsed reports whether a record names a holder who has not renewed it in time, if the
// clocks of the holder and of this machine agree.
func (r Request) Lapsed(now time.Time) bool {
	return r.Holding && r.Term != nil && !now.IsZero() && !r.Term.Ends().IsZero() && now.After(r.Term.Ends())
}

// Oldest returns when the lock's oldest request was made, zero when that is not
// known.
func (l Lock) Oldest() time.Time {
	var t time.Time
	for i := range l.Queue {
		t = earlier(t, l.Queue[i].Since)
	}
	return t
}

// Blockers returns what keeps the i-th request waiting, by place: of the queue every
// earlier writer and, if it is a writer, every earlier reader too, and of a semaphore every
// earlier request, some of which have to go; and those of Others that its client waits for.
func (l Lock) Blockers(i int) []Request {
	var before []Request
	if !l.hasRoomFor(i) {
		for _, r := range l.Queue {
			if blocks(r, l.Queue[i]) {
				before = append(before, r)
			}
		}
	}
	own := len(before)
	for _, o := range l.Others {
		if l.Queue[i].WaitsFor(o) {
			before = append(before, o)
		}
	}
	if own > 0 && len(before) > own {
		slices.SortFunc(before, ByPlace)
	}
	return before
}

func blocks(r, me Request) bool {
	return me.Lock.Layout.Waiters && r.Revision < me.Revision && (r.Mode != keyspace.Read || me.Mode != keyspace.Read && !me.upgrades(r.Lease))
}

// upgrades reports whether the request turns a session's hold for reading into one for
// writing, given the lease of that: its key was put because no other request was in its way.
func (r *Request) upgrades(reader int64) bool {
	return r.Mode == keyspace.Write && r.Lease != 0 && r.Lease == reader && r.Owner.Value().Upgrade
}

// NewLock returns the lock that has these requests, with other keys in their way: it
// sorts them and marks the holders. It takes ownership of the slices.
func NewLock(id LockID, queue []Request, others ...Request) Lock {
	sortByPlace(queue)
	slices.SortFunc(others, ByPlace)
	markHolders(queue, others, len(queue))
	return Lock{ID: id, Queue: queue, Others: others}
}

// Snapshot is the locks whose keys have one of some prefixes, at one revision.
type Snapshot struct {
	Prefixes keyspace.Prefixes
	Revision int64
	Locks    []Lock // by name, then layout; shared between snapshots, not to be changed
	Other    int    // keys with one of the prefixes that are not lock requests

	Partial  []Partial  // prefixes with which not all keys were read
	Unproven []Unproven // keys that may be locks; only of a snapshot that was read

	cluster uint64 // the ID of the cluster that has them; 0: not known

	// Of a snapshot that was read, not watched:
	rules  *layout.Set
	ranges []keyspace.Range
	keys   []stored // all keys, by key
	beside beside
}

// Partial is a prefix of which the user may not read all keys: its own key was read.
type Partial struct {
	Prefix string
	None   bool // nothing was read: keys that say more of locks with other prefixes
	Below  bool // the keys below it, after a slash, were read too
}

// Unproven is a key that would be a lock if another key, which was not read, were on the
// same lease.
type Unproven struct{ Key, Unread string }

// Requests counts the requests of all locks.
func (s Snapshot) Requests() int {
	n := 0
	for i := range s.Locks {
		n += len(s.Locks[i].Queue)
	}
	return n
}

// Named returns the locks of a name, at most one for each layout.
func (s Snapshot) Named(name string) []Lock {
	first, _ := slices.BinarySearchFunc(s.Locks, name, func(l Lock, name string) int { return strings.Compare(l.ID.Name, name) })
	last := first
	for last < len(s.Locks) && s.Locks[last].ID.Name == name {
		last++
	}
	return s.Locks[first:last]
}

// Find returns the lock with that ID.
func (s Snapshot) Find(id LockID) (Lock, bool) {
	i, ok := slices.BinarySearchFunc(s.Locks, id, func(l Lock, id LockID) int { return l.ID.Compare(id) })
	if !ok {
		return Lock{}, false
	}
	return s.Locks[i], true
}
