package plan

import (
	"math"
	"time"
)

// Forever is longer than any run, about a century. Two of them added up are still a
// duration.
const Forever time.Duration = math.MaxInt64 / 2

// Bounded returns a duration of that many nanoseconds, or Forever if it is less.
func Bounded(nanos float64) time.Duration { return time.Duration(min(nanos, float64(Forever))) }

// Later returns d after t, or Forever if that is earlier.
func Later(t, d time.Duration) time.Duration { return t + min(d, Forever-t) }
