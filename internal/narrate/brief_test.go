package narrate

import (
	"fmt"
	"testing"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
)

// TestFindingsLaw: what is found without remedies is what is found with them, in the same
// order and with the same headlines.
func TestFindingsLaw(t *testing.T) { locktest.EachRandom(t, checkFindings) }

func checkFindings(t *testing.T, s inspect.Snapshot) {
	t.Helper()
	now, leases := locktest.Epoch.Add(time.Hour), map[int64]inspect.Lease{}
	for i, id := range s.LeasesByUrgency() {
		leases[id] = inspect.Lease{State: []inspect.LeaseState{inspect.LeaseAlive, inspect.LeaseGone, inspect.LeaseOverdue, inspect.LeaseMissing}[i%4]}
	}
	full, brief := diagnose.Locks(s, leases, diagnose.Thresholds{}, now).Findings, diagnose.Findings(s, leases, diagnose.Thresholds{}, now).Findings
	if len(full) != len(brief) {
		t.Fatalf("%d findings with remedies, %d without", len(full), len(brief))
	}
	for i := range full {
		if a, b := inBrief(full[i]), inBrief(brief[i]); a != b {
			t.Errorf("with remedies, and without:\n%s\n%s", a, b)
		}
		if len(brief[i].Remedies) > 0 || len(brief[i].End.Releases) > 0 {
			t.Errorf("%s has remedies", inBrief(brief[i]))
		}
	}
}

func inBrief(f diagnose.Finding) string {
	text := fmt.Sprintf("%s %s behind %d, more %d: %s, locks %v, requests %v, sessions", f.Severity, f.Kind, f.Behind, f.More, Present.Finding(f).Headline, f.Locks, len(f.Requests))
	for _, s := range f.Sessions {
		text += " " + s.ID.String() + " " + s.Who()
	}
	return text
}
