package load

import (
	"math"
	"testing"
	"time"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/scenario"
)

func TestParseDist(t *testing.T) {
	const ms = time.Millisecond
	tests := map[string]Dist{
		"5ms":      {Span: scenario.Span{From: 5 * ms, To: 5 * ms}},
		"0s":       {},
		"1ms..1s":  {Span: scenario.Span{From: ms, To: time.Second}},
		"exp:20ms": {Mean: 20 * ms},
	}
	for text, want := range tests {
		got, err := ParseDist(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseDist(%q) = %+v (%s), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", "5", "-1s", "2s..1s", "1s..", "..1s", "exp:", "exp:0s", "exp:1s..2s", "norm:1s"} {
		if d, err := ParseDist(text); err == nil {
			t.Errorf("ParseDist(%q) = %s", text, d)
		}
	}
}

// TestDistMeans draws often enough for the mean to be sure.
func TestDistMeans(t *testing.T) {
	const n, mean = 20_000, time.Second
	tests := map[string]func(plan.Dice) time.Duration{
		"fixed":           Dist{Span: scenario.Span{From: mean, To: mean}}.draw,
		"uniform":         Dist{Span: scenario.Span{From: mean / 2, To: 3 * mean / 2}}.draw,
		"exponential":     Dist{Mean: mean}.draw,
		"gap fixed":       func(d plan.Dice) time.Duration { return Constant.draw(d.Rand, mean) },
		"gap uniform":     func(d plan.Dice) time.Duration { return Uniform.draw(d.Rand, mean) },
		"gap exponential": func(d plan.Dice) time.Duration { return Exponential.draw(d.Rand, mean) },
	}
	for name, draw := range tests {
		t.Run(name, func(t *testing.T) {
			from, sum := plan.NewDice(1, name), 0.0
			for range n {
				sum += draw(from).Seconds()
			}
			if got := sum / n; math.Abs(got-1) > 0.05 {
				t.Errorf("mean %f s", got)
			}
		})
	}
	if d := Exponential.draw(plan.NewDice(1, "").Rand, math.MaxInt64); d < 0 {
		t.Errorf("too long a duration became %s", d)
	}
}

func TestZipf(t *testing.T) {
	const n = 30_000
	for _, s := range []float64{0, 0.5, 1, 3} {
		z, from, counts := newZipf(4, s), plan.NewDice(1, ""), [4]float64{}
		for range n {
			counts[z.draw(from.Rand)]++
		}
		for k := range 3 {
			want := math.Pow(float64(k+2)/float64(k+1), s)
			if got := counts[k] / counts[k+1]; math.Abs(got/want-1) > 0.15 {
				t.Errorf("s %v: %v of name %d for one of the next, want %v", s, got, k+1, want)
			}
		}
	}
	if got := newZipf(1, 1000).draw(plan.NewDice(1, "").Rand); got != 0 {
		t.Errorf("of one name, number %d", got)
	}
}
