package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/scenario"
)

// Shape is the distribution of random durations around their mean.
type Shape string

// The shapes.
const (
	Constant    Shape = "fixed"       // always the mean
	Uniform     Shape = "uniform"     // from 0 to twice the mean
	Exponential Shape = "exponential" // as of events that are independent of each other
)

// Shapes returns all shapes.
func Shapes() []Shape { return []Shape{Exponential, Uniform, Constant} }

// draw draws a duration with that mean.
func (s Shape) draw(r *rand.Rand, mean time.Duration) time.Duration {
	switch s {
	case Exponential:
		return toDuration(r.ExpFloat64() * float64(mean))
	case Uniform:
		return toDuration(r.Float64() * 2 * float64(mean))
	default:
		return mean
	}
}

// toDuration returns d nanoseconds, or the longest duration if it is less.
func toDuration(d float64) time.Duration {
	if d >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(d)
}

// Dist is a random duration: uniform in a Span, or exponential.
type Dist struct {
	scenario.Span
	Mean time.Duration // of an exponential one; 0 for one in the Span
}

// ParseDist parses a duration: 5ms for a fixed one, 1ms..10ms for a uniform one, exp:5ms
// for an exponential one with that mean.
func ParseDist(s string) (Dist, error) {
	if mean, ok := strings.CutPrefix(s, "exp:"); ok {
		d, err := positive(mean)
		if err == nil && d == 0 {
			err = fmt.Errorf("the mean of an exponential duration must be greater than 0")
		}
		return Dist{Mean: d}, err
	}
	from, to, ranged := strings.Cut(s, "..")
	first, err := positive(from)
	if err != nil || !ranged {
		return Dist{Span: scenario.Span{From: first, To: first}}, err
	}
	last, err := positive(to)
	if err == nil && last < first {
		err = fmt.Errorf("%s..%s ends before it begins", from, to)
	}
	return Dist{Span: scenario.Span{From: first, To: last}}, err
}

func positive(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration: want one such as 5ms, 1ms..10ms (uniform) or exp:5ms (exponential, with that mean)", s)
	case d < 0:
		return 0, fmt.Errorf("negative duration %s", d)
	}
	return d, nil
}

// String formats the duration as ParseDist parses it.
func (d Dist) String() string {
	switch {
	case d.Mean > 0:
		return "exp:" + d.Mean.String()
	case d.To > d.From:
		return d.From.String() + ".." + d.To.String()
	default:
		return d.From.String()
	}
}

// draw draws a duration.
func (d Dist) draw(from plan.Dice) time.Duration {
	if d.Mean > 0 {
		return Exponential.draw(from.Rand, d.Mean)
	}
	return from.Draw(d.Span)
}

// zipf draws one of n indices. The kth, from 1, is as likely as 1/k^s: all are equally
// likely if s is 0, and the first is drawn nearly always if s is large.
type zipf struct{ cumulated []float64 }

func newZipf(n int, s float64) zipf {
	z := zipf{cumulated: make([]float64, n)}
	sum := 0.0
	for k := range n {
		sum += math.Pow(float64(k+1), -s)
		z.cumulated[k] = sum
	}
	return z
}

func (z zipf) draw(r *rand.Rand) int {
	at := r.Float64() * z.cumulated[len(z.cumulated)-1]
	return min(sort.SearchFloat64s(z.cumulated, at), len(z.cumulated)-1)
}

// ParseShape returns the shape of that name.
func ParseShape(s string) (Shape, error) {
	if !slices.Contains(Shapes(), Shape(s)) {
		return "", fmt.Errorf("%q: want %s", s, format.List(Shapes(), "or"))
	}
	return Shape(s), nil
}
