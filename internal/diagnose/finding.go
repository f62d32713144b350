package diagnose

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/servers"
)

// Severity says how bad a finding is.
type Severity uint8

// The severities, from least to worst.
const (
	Notice   Severity = iota + 1 // good to know
	Warning                      // worth a look
	Critical                     // does not resolve by itself, and keeps clients waiting or unprotected
)

// String returns the severity's word.
func (s Severity) String() string {
	switch s {
	case Critical:
		return "critical"
	case Warning:
		return "warning"
	case Notice:
		return "notice"
	default:
		return "unknown"
	}
}

// MarshalText returns the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Kind names a kind of finding.
type Kind string

// The kinds of findings.
const (
	Deadlock      Kind = "deadlock"       // sessions wait for each other in a cycle
	NoLease       Kind = "no-lease"       // a request without a lease, which etcd never removes
	Expiring      Kind = "expiring"       // a lease that has not been renewed for longer than clients that renew take
	LeaseGone     Kind = "lease-gone"     // a lease that ended after the snapshot was taken
	LeaseOverdue  Kind = "lease-overdue"  // a lease that has expired and that etcd has not revoked
	LeaseMissing  Kind = "lease-missing"  // a request on a lease that etcd does not have, or that it is not attached to: it is never removed
	LongWait      Kind = "long-wait"      // a request has waited longer than the threshold
	LongHold      Kind = "long-hold"      // a request has held its lock longer than the threshold, or may have
	MixedLayouts  Kind = "mixed-layouts"  // one name is used in two layouts
	Modified      Kind = "modified"       // a request's key was written again
	PermitsDiffer Kind = "permits-differ" // clients of a semaphore were told different numbers of permits
	SelfWait      Kind = "self-wait"      // a session waits for a lock that it holds
	OtherKey      Kind = "other-key"      // a key that is no lock request is in the way of some
	Lapsed        Kind = "lapsed"         // a record names a holder who has not renewed it in time
)

// kinds orders findings that are equally bad.
var kinds = []Kind{Deadlock, NoLease, OtherKey, LeaseMissing, LeaseOverdue, Expiring, LeaseGone, Lapsed, LongWait, LongHold, MixedLayouts, PermitsDiffer, Modified, SelfWait, OldServer, Proxy}

// Kinds returns all kinds of findings.
func Kinds() []Kind { return append([]Kind{Corrupt, NoSpace}, kinds...) }

// Finding is something that is wrong with locks, or may be. It is about a
// session or a lock, or about etcd itself; see OfCluster. Further requests of that
// lock with the same problem are counted in More, so that a crowd makes one finding.
//
// It is data; package narrate puts it into words.
type Finding struct {
	Kind     Kind
	Severity Severity
	Locks    []inspect.LockID
	Sessions []*inspect.Session // the ones it is about, not those behind them
	Requests []*inspect.Request // the ones that show it; the first one is of Sessions[0]
	Behind   int                // other sessions that cannot continue because of it
	More     int                // other requests of the lock with the same problem
	Due      time.Time          // when it ends by itself; zero when unknown, or never
	Remedies []Remedy           // the best first; none when ending a session would not help

	Cycle     []Edge             // Deadlock: a shortest cycle, one edge for each session
	Began     time.Time          // LongWait, LongHold: since when it has waited or held
	Age       time.Duration      // LongWait, LongHold: how long, when it was diagnosed or AsOf says; Lapsed: for how long it is over
	Bound     inspect.Bound      // LongWait, LongHold: whether it has lasted that long exactly, at least, or at most
	Threshold time.Duration      // LongWait, LongHold: what Age and those of More exceed
	Remaining time.Duration      // Expiring: about how long the lease lasts; LeaseOverdue: below 0, since when it is over
	End       Effect             // Expiring, LeaseOverdue, LeaseGone: what the end of the session does
	Holders   []*inspect.Session // LongWait: the holders of the lock
	Uncertain bool               // OtherKey: clients of etcd's recipe may not wait for it any more, because it was written again
	Detached  bool               // OtherKey: it looks like a mutex request whose lease was taken off
	Root      Root               // LongWait: what the request waits for in the end

	Servers []inspect.Server // OldServer: the members of that version
	Faults  []servers.Fault  // OldServer: of that version
}

// AsOf returns the finding with its age at a time after the diagnosis, so that the age is
// that of its row beside it. A zero time changes nothing.
func (f Finding) AsOf(now time.Time) Finding {
	if f.Bound != inspect.AgeUnknown && !now.IsZero() {
		f.Age = now.Sub(f.Began)
	}
	return f
}

// Root is what a waiting request waits for in the end, when that is none of the
// holders of its lock.
type Root struct {
	Deadlock bool  // a deadlock is in the way
	Entry    Entry // otherwise: the last request on the way; zero when a holder of the lock, or the waiter itself, is the root
}

// Entry is a request and the session that made it.
type Entry struct {
	Request inspect.Request
	Session *inspect.Session
}

// Effect is what deleting requests does.
type Effect struct {
	Releases []*inspect.Request // the deleted requests, of holders and of waiters
	Grants   []Entry            // waiters that hold their locks then
}

// Target names what a remedy deletes: a session with all its requests, or a
// single request.
type Target struct {
	Lease int64  // of the session; 0 for a single request
	Key   string // of the request; empty for a session
}

// Remedy is a way out. Applying the first remedy of a finding resolves it,
// unless several sessions hold a lock together: then all of them have to end,
// each by a remedy of its own.
type Remedy struct {
	Target  Target           // its zero value if Command is set
	Command string           // of the software whose lock it is, for a shell, where no key may be deleted
	Look    *inspect.Request // Command only shows who holds its lock, which comes first where the holder may be dead; else nil
	Session *inspect.Session // the session of Target
	IfDead  bool             // it helps if the session's client is dead; one that is healthy would lose its locks
	Refused bool             // etcd refuses it now, as every write: it has the alarm CORRUPT
	Effect

	Others      []string         // other keys of the session, which its end deletes too; only from WithOthers
	Unlocks     []Entry          // locks held for the session's program: their holders unlock when it exits
	Unprotected *inspect.Session // the program for which the session holds a lock: it may continue without it; nil when there is none
}

// rank sorts what has findings, the worst first.
func rank[T any](all []T, finding func(T) *Finding) {
	slices.SortStableFunc(all, func(x, y T) int {
		a, b := finding(x), finding(y)
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(boolRank(a.IsAlarm()), boolRank(b.IsAlarm())),
			cmp.Compare(b.Behind, a.Behind),
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			a.first().Compare(b.first()),
		)
	})
}

// boolRank orders what is true before what is not.
func boolRank(b bool) int {
	if b {
		return 0
	}
	return 1
}
