// Package seconds converts between the whole seconds that etcd counts leases in
// and Go's durations, which end at 292 years: what is beyond is cut, and never
// wraps around.
package seconds

import (
	"math"
	"time"
)

const most = int64(math.MaxInt64 / time.Second)

// Duration returns n seconds, or the longest duration of that sign.
func Duration(n int64) time.Duration {
	switch {
	case n > most:
		return math.MaxInt64
	case n < -most:
		return math.MinInt64
	default:
		return time.Duration(n) * time.Second
	}
}

// FromFloat is Duration for a fraction of a second too.
func FromFloat(s float64) time.Duration {
	switch ns := s * float64(time.Second); {
	case ns >= math.MaxInt64:
		return math.MaxInt64
	case ns <= math.MinInt64:
		return math.MinInt64
	default:
		return time.Duration(ns)
	}
}

// Up returns the seconds of a duration that is not negative, rounded up.
func Up(d time.Duration) int64 {
	n := int64(d / time.Second)
	if d%time.Second > 0 {
		n++
	}
	return n
}
