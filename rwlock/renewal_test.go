package rwlock

import (
	"math"
	"testing"
	"testing/quick"
	"time"
)

// A session of centuries pauses between renewals as any other.
func TestRenewalPause(t *testing.T) {
	check := func(a, b int64) bool {
		ttl, left := time.Duration(a&math.MaxInt64), time.Duration(b&math.MaxInt64)
		got := renewalPause(ttl, left)
		least := min(ttl, left)
		return got >= 0 && got+got/4 <= least/3 && (least < time.Second || got >= least/5)
	}
	if !check(math.MaxInt64, math.MaxInt64) || !check(int64(146*8766*time.Hour), int64(147*8766*time.Hour)) {
		t.Error("a session of centuries is renewed without a pause")
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 100_000}); err != nil {
		t.Error(err)
	}
}
