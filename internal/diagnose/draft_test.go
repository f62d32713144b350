package diagnose

import (
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
)

// TestWorst wants the worst findings to be the first ones of all, in full, and the others
// to be counted, and known of their locks.
func TestWorst(t *testing.T) {
	now := locktest.Epoch.Add(time.Hour)
	locktest.EachRandom(t, func(t *testing.T, s inspect.Snapshot) {
		t.Helper()
		all := Locks(s, nil, Thresholds{}, now)
		for most := range len(all.Findings) + 1 {
			d := Worst(s, nil, Thresholds{}, now, most)
			if got, want := data(d.Findings), data(all.Findings[:most]); got != want {
				t.Fatalf("the worst %d:\n%s\nwant\n%s", most, got, want)
			}
			counts, locks := map[Severity]int{}, map[inspect.LockID]Severity{}
			for _, f := range all.Findings[most:] {
				counts[f.Severity]++
				for _, id := range f.Locks {
					locks[id] = max(locks[id], f.Severity)
				}
			}
			for severity := Notice; severity <= Critical; severity++ {
				if d.More.Counts[severity] != counts[severity] {
					t.Errorf("beside the worst %d: %d with severity %s, want %d", most, d.More.Counts[severity], severity, counts[severity])
				}
			}
			for id, want := range locks {
				if got := d.More.Locks[id].Severity; got != want {
					t.Errorf("beside the worst %d: severity %s of %s, want %s", most, got, id.Name, want)
				}
			}
			if want := len(all.Findings) - most; d.More.Len() != want || len(d.More.Locks) != len(locks) {
				t.Errorf("beside the worst %d: %d more of %d locks, want %d of %d", most, d.More.Len(), len(d.More.Locks), want, len(locks))
			}
		}
	})
}
