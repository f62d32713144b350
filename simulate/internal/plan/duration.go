package plan

import (
	"math"
	"time"
)

// Forever is the end of time, a century away, so that sums of two stay durations.
const Forever time.Duration = math.MaxInt64 / 2

// Bounded is a duration of so many nanoseconds, which may be more than there is.
func Bounded(nanos float64) time.Duration { return time.Duration(min(nanos, float64(Forever))) }

// Later is d after t.
func Later(t, d time.Duration) time.Duration { return t + min(d, Forever-t) }
