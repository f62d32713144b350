// Package layout knows how software keeps locks in etcd: as rules, which are data. A rule
// says which keys are requests for a lock of its layout, by what evidence, who the owner
// is, whether clients that wait leave a trace, and how a lock is released.
//
// Rules for known software are built in (builtin.yaml); Parse reads more from files of
// the same format.
package layout

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
)

// Kind says in which of the ways that there are a layout keeps locks.
type Kind string

// The kinds of layouts.
const (
	Queue     Kind = "queue"     // a key for each request; the one that was created first holds
	Single    Kind = "single"    // one key, which exists while the lock is held
	Record    Kind = "record"    // one key, whose value names the holder and says until when
	Semaphore Kind = "semaphore" // one key, whose value lists the holders
	RW        Kind = "rw"        // a key for each request, of readers and of writers
	Permits   Kind = "permits"   // a key for each request, which says how many permits it takes; the first ones hold
	Ignore    Kind = "ignore"    // no lock, although it looks like one
)

var kinds = []Kind{Queue, Single, Record, Semaphore, RW, Permits, Ignore}

// isQueue reports whether locks are queues of keys: one for each request, and the first ones
// hold.
func (k Kind) isQueue() bool { return k == Queue || k == RW || k == Permits }

// Rule is a layout. There is one Rule for each, so pointers to rules identify layouts.
type Rule struct {
	Name    string
	About   string   // one line: which software keeps what in it
	Sources []string // where that was read
	Notes   []string // what an operator has to know about its locks, in whole sentences
	Kind    Kind
	Waiters bool // clients that wait leave a key
	Polls   bool // clients that wait leave leases without keys
	Keeps   bool // a client that ends writes its key again, so that nobody gets the lock until the key's lease ends
	Hidden  bool // shown on request only
	BuiltIn bool
	Release Release

	keys       []key
	lease      leaseCondition
	value      value
	sameLease  template // a key that has to be on the same lease
	beside     *key     // or one that has to exist, whatever it has
	owner      owner
	info       []info
	record     record
	slots      slots
	candidates *candidates
}

// key is a pattern of a rule's keys.
type key struct {
	pattern
	mode    keyspace.Mode
	lock    template // the lock's name
	whole   bool     // the name is the key
	first   int      // the name is what this many first parts match; 0: it is not the beginning of the key
	more    int      // and so many bytes of the literal part after them
	named   *pattern // the pattern of the name, if it is the beginning of the key
	leaseID int      // index of the capture that is the key's own lease; -1 without one
	base    int      // of that capture
}

// leaseCondition says whether keys are on a lease.
type leaseCondition string

const (
	leaseAny      leaseCondition = "any"
	leaseRequired leaseCondition = "required"
	leaseNone     leaseCondition = "none"
)

// How says how a lock is released by force.
type How string

// The ways to release locks by force.
const (
	Revoke How = "revoke" // end the session, which holds nothing but locks
	Delete How = "delete" // delete the key: its lease may have other keys
	Advise How = "advise" // with the software's own command
	Refuse How = "refuse" // not at all
)

var hows = []How{Revoke, Delete, Advise, Refuse}

// Release says how locks of a layout are released by force.
type Release struct {
	How How
	Why string // of Advise and Refuse

	// Dead says, a clause each, what is so where the holder may be dead, of Advise with a
	// command that the holder itself carries out.
	Dead []string

	command template // of Advise
	look    template // of Advise: shows who holds the lock
}

// Command returns the command that releases a lock, or nothing, which is also the case if
// the lock's name has something that is not safe in a command. What the command has from the
// name is quoted for a shell.
func (r *Rule) Command(lock string) string { return r.shell(r.Release.command, lock) }

// Look returns the command that shows who holds a lock and changes nothing, as Command does
// the one that releases it. It comes first where the holder may be dead.
func (r *Rule) Look(lock string) string { return r.shell(r.Release.look, lock) }

// shell returns a command about a lock, for a shell.
func (r *Rule) shell(t template, lock string) string {
	if r.Release.How != Advise {
		return ""
	}
	s := r.scopeOf(lock)
	s.shell = true
	command, _ := t.render(&s)
	return command
}

// scopeOf returns the values of the names that a lock's name gives.
func (r *Rule) scopeOf(lock string) scope {
	s := scope{lock: lock}
	if p := r.keys[0].named; p != nil && p.match(lock, &s.captures) {
		s.pattern = p
	}
	return s
}

// String returns the rule's name.
func (r *Rule) String() string {
	if r == nil {
		return ""
	}
	return r.Name
}

// MarshalText implements encoding.TextMarshaler.
func (r *Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Compare orders rules by name.
func (r *Rule) Compare(other *Rule) int { return strings.Compare(r.String(), other.String()) }

// OneKey reports whether a lock is one key, to which clients that wait add none.
func (r *Rule) OneKey() bool {
	return r != nil && (r.Kind == Single || r.Kind == Record || r.Kind == Semaphore)
}

// Leaseless reports whether keys are on no lease on purpose: locks of the layout end
// otherwise, or never by themselves.
func (r *Rule) Leaseless() bool {
	return r != nil && (r.lease == leaseNone || r.Kind == Record || r.Kind == Semaphore)
}

// evidence ranks what a rule takes as evidence, strongest first.
func (r *Rule) evidence() int {
	switch {
	case r.Kind == Ignore:
		return 0
	case slices.ContainsFunc(r.keys, func(k key) bool { return k.leaseID >= 0 }):
		return 1
	case slices.ContainsFunc(r.value.has, func(c condition) bool { return c.want == wantLease }):
		return 2
	case r.sameLease != nil:
		return 3
	case r.value.form != AnyValue && r.value.form != OwnerValue, r.Kind == Permits:
		return 4
	default:
		return 5
	}
}

// precedence orders rules: of all that a key matches, the first counts. It is the same
// whatever the order of the rules is.
func precedence(a, b *Rule) int {
	return cmp.Or(
		cmp.Compare(a.evidence(), b.evidence()),
		cmp.Compare(b.literals(), a.literals()),
		strings.Compare(a.Name, b.Name),
	)
}

// literals returns the literal text of the rule's shortest pattern, in bytes.
func (r *Rule) literals() int {
	least := 0
	for i := range r.keys {
		if n := r.keys[i].literals(); i == 0 || n < least {
			least = n
		}
	}
	return least
}

// record says which fields of a value say until when a lock is held.
type record struct {
	holder, renewed, acquired string
	duration                  string // a field
	fixed                     time.Duration
}

// slots says which fields of a value say who holds a semaphore.
type slots struct{ total, holders string }

// info says where the owner of a lock is, if it is in a key beside it.
type info struct {
	key   template
	value value
	owner owner
}

// candidates are keys beside a lock of clients that would like to have it.
type candidates struct {
	key   key
	value value
	name  template
}

// Match is what a rule says about a key.
type Match struct {
	Rule      *Rule
	Lock      string // the name of the lock
	Mode      keyspace.Mode
	Owner     keyspace.Owner
	Owned     bool // the value has an owner
	Term      *Term
	Slots     *Slots
	Encrypted bool // the value cannot be read
}

// Term is for how long a record says that its lock is held.
type Term struct {
	Holder   string // empty: no client holds it
	Acquired time.Time
	Renewed  time.Time // by the holder's clock; zero: not recorded
	Duration time.Duration
}

// Ends returns when others may take the lock, by the holder's clock, or zero when that is
// not recorded.
func (t Term) Ends() time.Time {
	if t.Renewed.IsZero() || t.Duration <= 0 {
		return time.Time{}
	}
	return t.Renewed.Add(t.Duration)
}

// Slots is who holds a semaphore.
type Slots struct {
	Total   int // 0: not recorded
	Holders []string
}

// Vacant reports whether the key says that no client holds its lock.
func (m Match) Vacant() bool {
	return m.Term != nil && m.Term.Holder == "" || m.Slots != nil && len(m.Slots.Holders) == 0
}
