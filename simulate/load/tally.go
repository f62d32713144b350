package load

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Tally counts the acquisitions in one mode, or in both.
type Tally struct {
	Grants     int64
	Timeouts   int64         // not granted within the client's deadline
	Lost       int64         // the session ended or the key was deleted, while waiting or holding
	Failed     int64         // failed for another reason
	Unfinished int64         // still waiting at the end, and in none of the other counts
	Longest    time.Duration // the longest wait of the unfinished ones
	PerClient  []int64       // the grants of each client that acquires locks in this mode
	waits      *hdrhistogram.Histogram
}

// Waits are recorded with three digits, from a microsecond to an hour.
const (
	waitUnit    = time.Microsecond
	longestWait = time.Hour
	waitDigits  = 3
)

func newTally() Tally {
	return Tally{waits: hdrhistogram.New(1, int64(longestWait/waitUnit), waitDigits)}
}

// Errors returns how many acquisitions and holds failed.
func (t Tally) Errors() int64 { return t.Timeouts + t.Lost + t.Failed }

// Wait returns a percentile of the waits of grants. percent is from 0 to 100.
func (t Tally) Wait(percent float64) time.Duration {
	return time.Duration(t.waits.ValueAtPercentile(percent)) * waitUnit
}

// MinWait returns the shortest wait of a grant.
func (t Tally) MinWait() time.Duration { return time.Duration(t.waits.Min()) * waitUnit }

// MaxWait returns the longest wait of a grant.
func (t Tally) MaxWait() time.Duration { return time.Duration(t.waits.Max()) * waitUnit }

// MeanWait returns the mean wait of the grants.
func (t Tally) MeanWait() time.Duration {
	return time.Duration(t.waits.Mean() * float64(waitUnit))
}

// Fairness returns Jain's index of the clients' grants: 1 if all have the same number,
// 1/n if one of n has them all. It is not ok if there are no grants.
func (t Tally) Fairness() (index float64, ok bool) {
	var sum, squares float64
	for _, n := range t.PerClient {
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	if sum == 0 {
		return 0, false
	}
	return sum * sum / (float64(len(t.PerClient)) * squares), true
}

// Worst returns the fewest grants of a client.
func (t Tally) Worst() int64 { return slices.Min(append([]int64{t.Best()}, t.PerClient...)) }

// Best returns the most grants of a client.
func (t Tally) Best() int64 { return slices.Max(append([]int64{0}, t.PerClient...)) }

// record records the wait of a grant.
func (t *Tally) record(wait time.Duration) {
	t.Grants++
	_ = t.waits.RecordValue(int64(min(wait, longestWait) / waitUnit)) // which is within the histogram's range
}

func (t Tally) clone() Tally {
	t.waits = t.waits.Clone()
	t.PerClient = slices.Clone(t.PerClient)
	return t
}

// plus returns the sum of two tallies, except for PerClient.
func (t Tally) plus(o Tally) Tally {
	t = t.clone()
	t.Grants += o.Grants
	t.Timeouts += o.Timeouts
	t.Lost += o.Lost
	t.Failed += o.Failed
	t.Unfinished += o.Unfinished
	t.Longest = max(t.Longest, o.Longest)
	t.waits.Merge(o.waits)
	return t
}
