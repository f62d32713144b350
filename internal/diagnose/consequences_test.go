package diagnose

import (
	"fmt"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
)

func TestConsequences(t *testing.T) {
	dead := map[int64]inspect.Lease{0xa: {State: inspect.LeaseAlive, Granted: 90 * time.Second, Remaining: 30 * time.Second}}
	for _, tt := range []struct {
		name, locks string
		leases      map[int64]inspect.Lease
		want        string // kinds and locks of causes, with those of the waits
	}{
		{"no lease", "/a -.w1@20m B.w2@12m", nil, "no-lease /a: /a"},
		{"a client that is gone", "/a A.w1@20m B.w2@12m", dead, "expiring /a: /a"},
		{"deadlock, and a wait behind it", "/a A.w1@20m B.w2@15m C.w5@12m\n/b B.w3@20m A.w4@15m", nil, "deadlock /b: /a /b"},
		{"one of two holders", "/a A.r1@20m B.r2@20m C.w3@12m", dead, ""},
		{"behind another lock", "/a A.w1@20m B.w2@15m\n/b B.w3@20m C.w4@12m", dead, "expiring /a: /a /b"},
		{"a healthy holder", "/a A.w1@1m B.w2@12m", nil, ""},
	} {
		d := Locks(locktest.Snapshot(t, tt.locks), tt.leases, Thresholds{}, locktest.Epoch)
		got := ""
		for i := range d.Findings {
			if waits := d.Consequences()[i]; len(waits) > 0 {
				got += fmt.Sprintf("%s %s:", d.Findings[i].Kind, d.Findings[i].first().Name)
				for _, w := range waits {
					got += " " + d.Findings[w].first().Name
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q, of %v", tt.name, got, tt.want, kindsOf(d.Findings))
		}
	}
}

func kindsOf(findings []Finding) (all []string) {
	for _, f := range findings {
		all = append(all, fmt.Sprintf("%s %s %s", f.Severity, f.Kind, f.first().Name))
	}
	return all
}
