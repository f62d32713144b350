package state

import (
	"maps"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
)

// Verdict is the diagnosis of a snapshot, indexed for screens.
type Verdict struct {
	diagnose.Diagnosis
	Known  bool
	Waits  map[int][]int             // long waits by the finding that they last because of
	Counts map[diagnose.Severity]int // of all findings without these waits
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

// MostFindings bounds the findings of a verdict: there can be as many as locks.
const MostFindings = 5000

// NewVerdict diagnoses a snapshot, with the findings about etcd itself. It is pure but for
// measuring how
// long it takes.
func NewVerdict(s inspect.Snapshot, leases map[int64]inspect.Lease, now time.Time, cluster ...diagnose.Finding) Verdict {
	began := time.Now()
	v := Verdict{
		Diagnosis: diagnose.Worst(s, leases, diagnose.Thresholds{}, now, MostFindings).With(cluster),
		Known:     true, ByLock: map[inspect.LockID][]int{}, Counts: map[diagnose.Severity]int{}, Urgent: s.LeasesByUrgency(), At: now,
	}
	maps.Copy(v.Counts, v.More.Counts)
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

// Worst returns the worst finding of a lock in brief, the zero value if there is none.
func (v *Verdict) Worst(id inspect.LockID) diagnose.Brief {
	if found := v.ByLock[id]; len(found) > 0 {
		return v.Findings[found[0]].Brief()
	}
	return v.More.Locks[id]
}
