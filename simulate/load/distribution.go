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

// Shape is how random durations are spread about their mean.
type Shape string

// The shapes.
const (
	Constant    Shape = "fixed"       // always the mean
	Uniform     Shape = "uniform"     // anything from nothing to twice the mean
	Exponential Shape = "exponential" // as of things that happen independently of each other
)

// Shapes are all of them.
func Shapes() []Shape { return []Shape{Exponential, Uniform, Constant} }

// draw draws a duration of that mean.
func (s Shape) draw(r *rand.Rand, mean time.Duration) time.Duration {
	switch s {
	case Exponential:
		return atLeastZero(r.ExpFloat64() * float64(mean))
	case Uniform:
		return atLeastZero(r.Float64() * 2 * float64(mean))
	default:
		return mean
	}
}

// atLeastZero is d nanoseconds, where what no duration can hold is the longest.
func atLeastZero(d float64) time.Duration {
	if d >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(d)
}

// Dist is a random duration: of a Span, or exponential.
type Dist struct {
	scenario.Span
	Mean time.Duration // of an exponential one; 0 for the Span
}

// ParseDist reads a duration as people write it: 5ms, 1ms..10ms for a uniform
// one, exp:5ms for an exponential one by its mean.
func ParseDist(s string) (Dist, error) {
	if mean, ok := strings.CutPrefix(s, "exp:"); ok {
		d, err := positive(mean)
		if err == nil && d == 0 {
			err = fmt.Errorf("the mean of an exponential duration must be more than 0")
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
		return 0, fmt.Errorf("%q is no duration: want one such as 5ms, 1ms..10ms (uniform) or exp:5ms (exponential, by its mean)", s)
	case d < 0:
		return 0, fmt.Errorf("negative duration %s", d)
	}
	return d, nil
}

// String is what ParseDist reads.
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

// lasts draws a duration.
func (d Dist) lasts(from plan.Dice) time.Duration {
	if d.Mean > 0 {
		return Exponential.draw(from.Rand, d.Mean)
	}
	return from.Draw(d.Span)
}

// zipf draws from n things, the kth of which is as likely as 1/k^s: all alike
// when s is 0, nearly always the first when it is large.
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

// ParseShape finds a shape by its word.
func ParseShape(s string) (Shape, error) {
	if !slices.Contains(Shapes(), Shape(s)) {
		return "", fmt.Errorf("%q: want %s", s, format.List(Shapes(), "or"))
	}
	return Shape(s), nil
}
