package diagnose

import (
	"math"
	"testing"
	"testing/quick"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
)

// lasts are durations of every magnitude and sign, from a random number.
func lasts(n uint64) time.Duration {
	d := time.Duration(n >> (n % 64))
	if n%5 == 0 {
		d = -d
	}
	return d
}

// Whatever etcd says of a lease, it is found to expire only if more than a third of
// its TTL is over, ends at a time to come, and nothing overflows.
func TestFindingsOfAnyLease(t *testing.T) {
	s := locktest.Snapshot(t, "/a A.w1@12m B.w2?54s")
	check := func(a, b, c uint64, state uint8) bool {
		l := inspect.Lease{
			State: inspect.LeaseState(state % 5), Granted: lasts(a), Remaining: lasts(b),
			Unrenewed: max(lasts(c), 0), Restarted: state > 128,
		}
		if state%3 == 0 {
			l.Unrenewed = 0
		}
		d := Locks(s, map[int64]inspect.Lease{0xa: l}, Thresholds{}, locktest.Epoch)
		for _, f := range d.Findings {
			if f.Behind < 0 || f.Age < 0 {
				return false
			}
			if f.Kind != Expiring {
				continue
			}
			recent := l.Unrenewed == 0 && l.Granted >= 0 && l.Remaining >= l.Granted-l.Granted/3
			if recent || l.State != inspect.LeaseAlive || l.NotRenewedFor() < 0 || l.Remaining >= 0 && f.Due.Before(locktest.Epoch) {
				return false
			}
			for _, r := range f.Remedies {
				if !r.IfDead {
					return false
				}
			}
		}
		return true
	}
	for _, granted := range []uint64{math.MaxUint64, 1 << 63, math.MaxInt64, 0, 1} {
		for state := range uint8(6) {
			if !check(granted, granted, 0, state) || !check(granted, 0, granted, state) {
				t.Errorf("granted %d", granted)
			}
		}
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 100_000}); err != nil {
		t.Error(err)
	}
}

// A holder that may be healthy is not to be ended without a condition.
func TestRemediesForHealthyHoldersAreConditional(t *testing.T) {
	healthy := inspect.Lease{State: inspect.LeaseAlive, Granted: time.Minute, Remaining: 59 * time.Second}
	for name, locks := range map[string]string{
		"long wait":       "/a A.w1 B.w2@5m",
		"long hold":       "/a A.w1+12m B.w2",
		"no lease":        "/a -.w1 B.w2",
		"several tasks":   "/a A.w1 A.w2@3s",
		"elsewhere":       "/a A.w1 B.w2@5m\n/b C.w3 A.w4",
		"long, perhaps":   "/a A.w1@12m B.w2",
		"not renewed yet": "/a A.w1 B.w2",
	} {
		t.Run(name, func(t *testing.T) {
			leases := map[int64]inspect.Lease{0xa: healthy, 0xb: healthy, 0xc: healthy}
			if name == "not renewed yet" {
				leases[0xa] = inspect.Lease{State: inspect.LeaseAlive, Granted: time.Minute, Remaining: 30 * time.Second}
			}
			for _, f := range Locks(locktest.Snapshot(t, locks), leases, Thresholds{}, locktest.Epoch).Findings {
				for _, r := range f.Remedies {
					if !r.IfDead {
						t.Errorf("%s: %s, whatever the state of its client", f.Kind, remedy(r))
					}
				}
			}
		})
	}
}
