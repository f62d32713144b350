package profile

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	last := -1
	for us := range 1 << 16 {
		d := time.Duration(us) * time.Microsecond
		b := bucketOf(d)
		from, to := bounds(b)
		if b != last && b != last+1 || d < from || d >= to {
			t.Fatalf("%dµs: bucket %d after %d, from %v to %v", us, b, last, from, to)
		}
		last = b
	}
	for _, d := range []time.Duration{time.Hour, 1 << 62, 1<<63 - 1} {
		if from, to := bounds(bucketOf(d)); d < from || d >= to && to > 0 {
			t.Errorf("%v is in the bucket from %v to %v", d, from, to)
		}
	}
}

// A quantile is within a few percent of the true one, and is certain only if it is that
// however long those lasted of which not all was seen.
func TestQuantile(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var d durations
		var seen, actual []time.Duration
		for range 1 + r.IntN(60) {
			length := time.Duration(r.ExpFloat64() * float64(time.Second))
			cut := r.IntN(8) == 0
			seen = append(seen, length)
			d.add(length, cut)
			if cut {
				length *= time.Duration(1 + r.IntN(1000))
			}
			actual = append(actual, length)
		}
		slices.Sort(seen)
		slices.Sort(actual)
		for _, percent := range []int{50, 99} {
			i := max(1, (len(seen)*percent+99)/100) - 1
			got := d.quantile(percent)
			if got.AtLeast && got.Duration > actual[i] || !got.AtLeast && !about(got.Duration, actual[i]) || !about(got.Duration, seen[i]) {
				t.Fatalf("p%d of %v is %+v; they seemed to be %v", percent, actual, got, seen)
			}
		}
		if got := d.spread(); got.Max.AtLeast != (got.AtLeast > 0) || got.Max.Duration != seen[len(seen)-1] {
			t.Fatalf("%+v", got)
		}
	}
}

func about(a, b time.Duration) bool { return (a - b).Abs() <= b/12+2*time.Microsecond }
