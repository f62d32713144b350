package state

import (
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
)

// Verdict is the diagnosis of a snapshot, indexed for screens.
type Verdict struct {
	diagnose.Diagnosis
	Known  bool
	Waits  map[int][]int             // long waits by the finding that they last because of
	Counts map[diagnose.Severity]int // of the findings without these waits
	ByLock map[inspect.LockID][]int  // findings of each lock, worst first
	Urgent []int64                   // leases, those of blocking holders first
	At     time.Time
	Took   time.Duration
}

// Edition identifies a verdict: the revision, and when it was diagnosed. The
// time of a past revision is not known.
type Edition struct {
	revision int64
	at       time.Time
}

// Edition returns what identifies the verdict.
func (v *Verdict) Edition() Edition { return Edition{v.Snapshot.Revision, v.At} }

// NewVerdict diagnoses a snapshot, with the findings about etcd itself. It is pure but for
// measuring how
// long it takes.
func NewVerdict(s inspect.Snapshot, leases map[int64]inspect.Lease, now time.Time, cluster ...diagnose.Finding) Verdict {
	began := time.Now()
	v := Verdict{
		Diagnosis: diagnose.Locks(s, leases, diagnose.Thresholds{}, now).With(cluster),
		Known:     true, ByLock: map[inspect.LockID][]int{}, Counts: map[diagnose.Severity]int{}, Urgent: s.LeasesByUrgency(), At: now,
	}
	v.Waits = v.Consequences()
	for _, waits := range v.Waits {
		for _, w := range waits {
			v.Counts[v.Findings[w].Severity]--
		}
	}
	for i, f := range v.Findings {
		v.Counts[f.Severity]++
		for _, id := range f.Locks {
			v.ByLock[id] = append(v.ByLock[id], i)
		}
	}
	v.Took = time.Since(began)
	return v
}

// Worst returns the worst finding of a lock, the zero value if there is none.
func (v *Verdict) Worst(id inspect.LockID) diagnose.Finding {
	found := v.ByLock[id]
	if len(found) == 0 {
		return diagnose.Finding{}
	}
	return v.Findings[found[0]]
}
