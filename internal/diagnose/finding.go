package inspect

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Severity says how bad a finding is.
type Severity uint8

// The severities, from least to worst.
const (
	Notice   Severity = iota + 1 // good to know
	Warning                      // somebody should look
	Critical                     // it does not heal by itself, and somebody is kept waiting or unprotected
)

// String is the severity's word.
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

// MarshalText writes the severity as its word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// FindingKind says what is wrong, in a word.
type FindingKind string

// What can be found.
const (
	FindingDeadlock     FindingKind = "deadlock"      // sessions wait for each other in a circle
	FindingNoLease      FindingKind = "no-lease"      // a request that nothing ever releases
	FindingExpiring     FindingKind = "expiring"      // a lease that its client no longer renews
	FindingLeaseGone    FindingKind = "lease-gone"    // a lease that ended after the snapshot was taken
	FindingLongWait     FindingKind = "long-wait"     // somebody waits longer than the threshold
	FindingLongHold     FindingKind = "long-hold"     // somebody asked for what it holds longer ago than the threshold
	FindingMixedLayouts FindingKind = "mixed-layouts" // a name in both layouts
	FindingModified     FindingKind = "modified"      // a request that was written again
	FindingSelfWait     FindingKind = "self-wait"     // a session that waits for a lock that it holds
)

// kinds is the order of findings that are equally bad.
var kinds = []FindingKind{
	FindingDeadlock, FindingNoLease, FindingExpiring, FindingLeaseGone, FindingLongWait,
	FindingLongHold, FindingMixedLayouts, FindingModified, FindingSelfWait,
}

// Finding is something that is wrong with locks, or may be. Each is about a
// session or a lock; what is the same with others of that lock is counted in
// its text, so that a crowd makes one finding.
type Finding struct {
	Kind     FindingKind
	Severity Severity
	Locks    []LockID
	Sessions []SessionID // whose it is; not those behind them
	Requests []Request   // that it shows in
	Behind   int         // other sessions that cannot go on because of it
	Text     string      // a sentence; names in it are as in etcd, so not printable as they are
	Remedies []Remedy    // the best first; none when ending a session would not help
	Due      time.Time   // when it ends by itself; zero when unknown, or never
}

// Remedy is a way out. Carrying out the first one of a finding resolves it,
// unless several sessions hold a lock together: all of them have to go, each
// by its own remedy.
type Remedy struct {
	Text     string    // what it does, releases and grants; not printable as it is
	Args     []string  // of etcd-lock, unquoted
	Etcdctl  []string  // of etcdctl, to the same effect
	Releases []Request // that it deletes, also those that wait
	Grants   []Request // that hold their locks then
}

// rank orders findings: the worst first.
func rank(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(b.Behind, a.Behind),
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			a.Locks[0].compare(b.Locks[0]),
			strings.Compare(a.Text, b.Text),
		)
	})
}
