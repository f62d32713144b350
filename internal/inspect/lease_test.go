package inspect

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// seconds64 is any number of seconds that etcd may answer, of every magnitude.
func seconds64(rng *rand.Rand) int64 {
	n := int64(rng.Uint64() >> rng.IntN(64))
	if rng.IntN(4) == 0 {
		n = -n
	}
	return n
}

// A lease of decades that is renewed in time has not missed a renewal: 3 times
// what remains overflows from 3.1e9 s on.
func TestMissedRenewalsOfAnyLease(t *testing.T) {
	check := func(granted, remaining int64) {
		got := answered(granted, remaining).MissedRenewals()
		three := new(big.Int).Mul(big.NewInt(3), new(big.Int).Add(big.NewInt(remaining), big.NewInt(1)))
		two := new(big.Int).Mul(big.NewInt(2), big.NewInt(granted))
		want := remaining >= 0 && three.Cmp(two) < 0
		const most = math.MaxInt64 / int64(time.Second) // seconds of the longest duration: beyond, no lease is told from another
		if granted <= most && remaining <= most && got != want {
			t.Errorf("granted %d s, remaining %d s: missed renewals %t, want %t", granted, remaining, got, want)
		}
		if granted <= remaining && granted >= 0 && got {
			t.Errorf("granted %d s, remaining %d s: missed renewals", granted, remaining)
		}
	}
	for _, granted := range []int64{3_100_000_000, 3_500_000_000, 4_000_000_000, 4_600_000_000, 9_000_000_000, math.MaxInt64} {
		check(granted, granted-1)
		check(granted, granted)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		granted := seconds64(rng)
		check(granted, seconds64(rng))
		check(granted, granted-granted/max(1, rng.Int64N(6)))
	}
}
