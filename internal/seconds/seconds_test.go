package seconds_test

import (
	"math"
	"math/big"
	"testing"
	"testing/quick"
	"time"

	"etcd-lock/internal/seconds"
)

func TestDuration(t *testing.T) {
	saturates := func(n int64) bool {
		exact := new(big.Int).Mul(big.NewInt(n), big.NewInt(int64(time.Second)))
		want := time.Duration(exact.Int64())
		if !exact.IsInt64() {
			want = math.MaxInt64
			if n < 0 {
				want = math.MinInt64
			}
		}
		return seconds.Duration(n) == want
	}
	for _, n := range []int64{0, 1, -1, 9223372036, 9223372037, -9223372036, -9223372037, math.MaxInt64, math.MinInt64} {
		if !saturates(n) {
			t.Errorf("Duration(%d) = %v", n, seconds.Duration(n))
		}
	}
	if err := quick.Check(saturates, nil); err != nil {
		t.Error(err)
	}
}

func TestFromFloat(t *testing.T) {
	for s, want := range map[float64]time.Duration{
		1.5: 1500 * time.Millisecond, -2: -2 * time.Second, 1e300: math.MaxInt64, -1e300: math.MinInt64,
		time.Duration(math.MaxInt64).Seconds(): math.MaxInt64,
	} {
		if got := seconds.FromFloat(s); got != want {
			t.Errorf("FromFloat(%g) = %v, want %v", s, got, want)
		}
	}
}

func TestUp(t *testing.T) {
	for d, want := range map[time.Duration]int64{0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, math.MaxInt64: 9223372037} {
		if got := seconds.Up(d); got != want {
			t.Errorf("Up(%v) = %d, want %d", d, got, want)
		}
	}
}
