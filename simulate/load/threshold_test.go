package load

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
)

// measuredMeter has measured 10 s: reads of 1 to 100 ms by one client of two, and
// something else of each kind.
func measuredMeter() *meter {
	m := newMeter(Workload{Name: "rwlock", Roles: []Role{{Label: "r", Count: 2}, {Label: "w", Count: 1, Writes: 1}}})
	m.start()
	for i := range 100 {
		m.granted(0, rwlock.Read, m.now()-time.Duration(i+1)*time.Millisecond)
	}
	m.failed(rwlock.Write, errors.New("e"))
	m.failed(rwlock.Read, rwlock.ErrLost)
	m.stop()
	m.unserved(rwlock.Write, m.end-time.Second)
	m.unserved(rwlock.Write, m.end+time.Second) // not due
	m.granted(0, rwlock.Read, m.end)            // too late
	m.before = 10 * time.Second
	return m
}

func TestThresholds(t *testing.T) {
	m := measuredMeter().measured()
	if m.Write.Longest != time.Second || m.All.Longest != time.Second {
		t.Errorf("longest unfinished %s", m.Write.Longest)
	}
	tests := []struct {
		text   string
		passed bool
		value  string
	}{
		{text: "wait.p50<60ms", passed: true},
		{text: "wait.p50 < 40ms"},
		{text: "  wait.p99.9 >= 99ms", passed: true},
		{text: "wait.min<10ms", passed: true},
		{text: "wait.mean<60ms", passed: true},
		{text: "wait.max>=100ms", passed: true},
		{text: "write.wait.max>=0s", value: "nothing"},
		{text: "grants==100", passed: true, value: "100"},
		{text: "rwlock.grants!=100", value: "100"},
		{text: "grants.rate>10", value: "10"},
		{text: "rwlock.read.grants.rate>=10", passed: true},
		{text: "grants.best==100", passed: true},
		{text: "grants.worst==0", passed: true},
		{text: "fairness>0.3", passed: true, value: "0.333"},
		{text: "read.fairness<=0.5", passed: true, value: "0.500"},
		{text: "write.fairness>0", value: "nothing"},
		{text: "fairness.worst>0", value: "0"},
		{text: "errors==0", value: "2"},
		{text: "lost==1", passed: true},
		{text: "write.errors==1", passed: true},
		{text: "timeouts==0", passed: true},
		{text: "unfinished==2", passed: true},
		{text: "fenced==0", passed: true},
		{text: "violations==0", passed: true},
	}
	for _, tt := range tests {
		th, err := ParseThreshold(tt.text, []string{"rwlock", "mutex"})
		if err != nil {
			t.Error(err)
			continue
		}
		if got := th.Judge(m); got.Passed != tt.passed || tt.value != "" && got.Value != tt.value {
			t.Errorf("%s: passed %v with %s", tt.text, got.Passed, got.Value)
		}
	}
}

func TestParseThresholdErrors(t *testing.T) {
	tests := map[string]string{
		"":                   "column 1: want <=",
		"wait.p99  ":         "column 9: want <=",
		"wait.p99<":          `column 10: "" is not a duration`,
		"wait.p99< 5":        `column 11: "5" is not a duration`,
		" wiat.p99<5ms":      `column 2: unknown metric "wiat.p99"`,
		"mutex.read.x<5":     `column 12: unknown metric "x"`,
		"wait.p101<5ms":      `column 1: unknown metric "wait.p101"`,
		"wait.pNaN<5ms":      `column 1: unknown metric`,
		"errors=0":           "column 7: want <=",
		"errors==none":       `column 9: "none" is not a number`,
		"errors==NaN":        `column 9: "NaN" is not a number`,
		"recipe.grants>1":    `column 1: unknown metric "recipe.grants"`, // which does not run
		"grants.rate>100per": "column 13",
	}
	for text, want := range tests {
		if _, err := ParseThreshold(text, []string{"rwlock", "mutex"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseThreshold(%q): %v, want %s", text, err, want)
		}
	}
}

func TestResultErr(t *testing.T) {
	good, bad := measuredMeter().measured(), measuredMeter().measured()
	bad.Name, bad.Violated, bad.Violations = "mutex", 2, []string{"two held /a"}
	result := Result{Measured: []Measured{good, bad}}
	of := func(texts ...string) []Threshold {
		var all []Threshold
		for _, text := range texts {
			th, err := ParseThreshold(text, []string{"rwlock", "mutex"})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, th)
		}
		return all
	}
	judged := result.JudgeAll(of("grants>1000", "rwlock.errors==0", "lost==1"))
	err := result.Err(judged)
	want := "expectation failed: mutex broke a promise of locks 2 times; first: two held /a; " +
		"grants>1000 of rwlock: measured 100; grants>1000 of mutex: measured 100; rwlock.errors==0 of rwlock: measured 2"
	if len(judged) != 5 || !errors.Is(err, outcome.ErrExpectation) || err.Error() != want {
		t.Errorf("%d judged, %v", len(judged), err)
	}
	result.Measured = result.Measured[:1]
	if err := result.Err(result.JudgeAll(of("grants==100"))); err != nil {
		t.Error(err)
	}
}

// TestResultErrWithoutGrants: a load that was granted nothing has failed, whatever is
// expected of it.
func TestResultErrWithoutGrants(t *testing.T) {
	refused, late, idle := newMeter(Workload{Name: "refused"}), newMeter(Workload{Name: "late"}), newMeter(Workload{Name: "idle"})
	for _, m := range []*meter{refused, late, idle} {
		m.start()
	}
	refused.failed(rwlock.Write, errors.New("permission denied"))
	refused.failed(rwlock.Write, errors.New("permission denied again"))
	late.failed(rwlock.Read, context.DeadlineExceeded)
	granted := measuredMeter().measured()
	err := Result{Measured: []Measured{refused.measured(), late.measured(), idle.measured(), granted}}.Err(nil)
	want := "refused was granted nothing: 2 requests failed, the first with: permission denied; late was granted nothing in time: 1 timeout"
	if err == nil || errors.Is(err, outcome.ErrExpectation) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestFairness(t *testing.T) {
	tests := []struct {
		grants      []int64
		want        float64
		worst, best int64
	}{
		{grants: []int64{5, 5, 5}, want: 1, worst: 5, best: 5},
		{grants: []int64{9, 0, 0}, want: 1.0 / 3, worst: 0, best: 9},
		{grants: []int64{4, 2}, want: 36.0 / 40, worst: 2, best: 4},
	}
	for _, tt := range tests {
		tally := Tally{PerClient: tt.grants}
		if got, ok := tally.Fairness(); !ok || math.Abs(got-tt.want) > 1e-9 || tally.Worst() != tt.worst || tally.Best() != tt.best {
			t.Errorf("%v: %v, %d, %d", tt.grants, got, tally.Worst(), tally.Best())
		}
	}
	for _, none := range [][]int64{nil, {0, 0}} {
		if got, ok := (Tally{PerClient: none}).Fairness(); ok {
			t.Errorf("%v: %v", none, got)
		}
	}
}
