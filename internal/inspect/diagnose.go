package inspect

import "time"

// Thresholds say from when on something takes long. The zero value of each
// means its default.
type Thresholds struct {
	Wait time.Duration // for a lock; DefaultWait
	Hold time.Duration // since a holder asked for its lock; DefaultHold
}

// Defaults of Thresholds: a lock that takes half a minute to get is worth a
// look, and so is a holder that has not let go for ten.
const (
	DefaultWait = 30 * time.Second
	DefaultHold = 10 * time.Minute
)

// Diagnosis is what can be said of all locks of a snapshot. It is a value:
// making it asks nobody.
type Diagnosis struct {
	Snapshot Snapshot
	Sessions []Session  // by their oldest request
	Cycles   [][]Edge   // deadlocks: of each knot of sessions that wait for each other, a shortest circle
	Roots    []*Blocker // the wait-for graph as trees, the one with most behind it first
	Findings []Finding  // worst first
}

// Account is what concerns one name, in a diagnosis of all locks.
type Account struct {
	Locks    []Lock     // of that name: in one layout, in both, or none when it is free
	Chains   [][]Edge   // of each of Locks that somebody waits for, from the last waiter to a session that waits for nobody, or into a circle
	Roots    []*Blocker // the trees that its waiters are in
	Cycles   [][]Edge   // deadlocks that block it
	Findings []Finding  // about its locks, and about what blocks them
}
