package tui

import (
	"time"

	"etcd-lock/internal/inspect"
)

// verdict is what is wrong with the locks of a snapshot, indexed for screens.
type verdict struct {
	inspect.Diagnosis
	known  bool
	byLock map[inspect.LockID][]int // findings of each lock, worst first
	urgent []int64                  // leases, those of blocking holders first
	at     time.Time
	took   time.Duration
}

// edition identifies a verdict: the revision, and when it was diagnosed. The
// time of a past revision is not known.
type edition struct {
	revision int64
	at       time.Time
}

func (v *verdict) edition() edition { return edition{v.Snapshot.Revision, v.at} }

// newVerdict diagnoses a snapshot. It is pure but for measuring how long it
// takes.
func newVerdict(s inspect.Snapshot, leases map[int64]inspect.Lease, now time.Time) verdict {
	began := time.Now()
	v := verdict{
		Diagnosis: inspect.Diagnose(s, leases, inspect.Thresholds{}, now),
		known:     true, byLock: map[inspect.LockID][]int{}, urgent: leasesByUrgency(s), at: now,
	}
	for i, f := range v.Findings {
		for _, id := range f.Locks {
			v.byLock[id] = append(v.byLock[id], i)
		}
	}
	v.took = time.Since(began)
	return v
}

// worst returns the worst finding of a lock, the zero value if there is none.
func (v *verdict) worst(id inspect.LockID) inspect.Finding {
	found := v.byLock[id]
	if len(found) == 0 {
		return inspect.Finding{}
	}
	return v.Findings[found[0]]
}

// leasesByUrgency returns the leases of a snapshot: those of holders that block
// others, then those of other holders, then those of waiters.
func leasesByUrgency(s inspect.Snapshot) []int64 {
	var groups [3][]int64
	seen := map[int64]bool{0: true}
	for group := range groups {
		for _, l := range s.Locks {
			contended := len(l.Queue) > 0 && !l.Queue[len(l.Queue)-1].Holding
			for _, r := range l.Queue {
				if !seen[r.Lease] && (group == 2 || r.Holding && (group == 1 || contended)) {
					seen[r.Lease] = true
					groups[group] = append(groups[group], r.Lease)
				}
			}
		}
	}
	return append(append(groups[0], groups[1]...), groups[2]...)
}
