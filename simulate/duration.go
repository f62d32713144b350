package simulate

import (
	"math"
	"time"
)

// forever is the end of time, a century away, so that sums of two stay durations.
const forever time.Duration = math.MaxInt64 / 2

// bounded is a duration of so many nanoseconds, which may be more than there is.
func bounded(nanos float64) time.Duration { return time.Duration(min(nanos, float64(forever))) }

// later is d after t.
func later(t, d time.Duration) time.Duration { return t + min(d, forever-t) }
