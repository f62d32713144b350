package load

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/simulate/outcome"
)

// Threshold is an expectation of what is measured, such as wait.p99<250ms.
type Threshold struct {
	Text     string
	Workload string // that it is about; "" for all of them
	part     string // "read", "write", or "" for both
	metric   metric
	op       string
	limit    float64 // of durations, in nanoseconds
}

// ThresholdResult is the result of a threshold for one workload.
type ThresholdResult struct {
	Threshold
	Measured string // the name of the workload
	Value    string // what was measured; "nothing" if the metric has no value
	Passed   bool
}

// metric is a measured number.
type metric struct {
	duration bool
	of       func(Measured, Tally) (float64, bool)
}

// metrics returns all metrics except percentiles, by name.
func metrics() map[string]metric {
	count := func(of func(Measured, Tally) int64) metric {
		return metric{of: func(m Measured, t Tally) (float64, bool) { return float64(of(m, t)), true }}
	}
	wait := func(of func(Tally) time.Duration) metric {
		return metric{duration: true, of: func(_ Measured, t Tally) (float64, bool) { return float64(of(t)), t.Grants > 0 }}
	}
	return map[string]metric{
		"wait.min":     wait(Tally.MinWait),
		"wait.mean":    wait(Tally.MeanWait),
		"wait.max":     wait(Tally.MaxWait),
		"grants":       count(func(_ Measured, t Tally) int64 { return t.Grants }),
		"grants.rate":  {of: func(m Measured, t Tally) (float64, bool) { return m.PerSecond(t.Grants), true }},
		"grants.worst": count(func(_ Measured, t Tally) int64 { return t.Worst() }),
		"grants.best":  count(func(_ Measured, t Tally) int64 { return t.Best() }),
		"fairness":     {of: func(_ Measured, t Tally) (float64, bool) { return t.Fairness() }},
		"fairness.worst": {of: func(_ Measured, t Tally) (float64, bool) {
			return float64(t.Worst()) / float64(t.Best()), t.Best() > 0
		}},
		"errors":     count(func(_ Measured, t Tally) int64 { return t.Errors() }),
		"timeouts":   count(func(_ Measured, t Tally) int64 { return t.Timeouts }),
		"lost":       count(func(_ Measured, t Tally) int64 { return t.Lost }),
		"unfinished": count(func(_ Measured, t Tally) int64 { return t.Unfinished }),
		"fenced":     count(func(m Measured, _ Tally) int64 { return int64(m.Fenced) }),
		"violations": count(func(m Measured, _ Tally) int64 { return int64(m.Violated) }),
	}
}

// metricNames returns the names of the metrics that a threshold can be about.
func metricNames() []string {
	names := []string{"wait.pNN"}
	for name := range metrics() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// findMetric returns the metric of that name; also percentiles.
func findMetric(name string) (metric, bool) {
	if p, ok := strings.CutPrefix(name, "wait.p"); ok {
		percent, err := strconv.ParseFloat(p, 64)
		return metric{duration: true, of: func(_ Measured, t Tally) (float64, bool) {
			return float64(t.Wait(percent)), t.Grants > 0
		}}, err == nil && percent >= 0 && percent <= 100
	}
	m, ok := metrics()[name]
	return m, ok
}

// operators returns the operators. One that begins another comes after it.
func operators() []string { return []string{"<=", ">=", "==", "!=", "<", ">"} }

// ParseThreshold parses a threshold: [WORKLOAD.][read.|write.]METRIC, an operator, and a
// number, or a duration for the metrics of waits. Errors name the column, and what was
// expected there.
func ParseThreshold(text string, workloads []string) (Threshold, error) {
	fail := func(column int, format string, args ...any) (Threshold, error) {
		return Threshold{}, fmt.Errorf("%q, column %d: %s", text, column+1, fmt.Sprintf(format, args...))
	}
	t := Threshold{Text: strings.TrimSpace(text)}
	at := strings.IndexAny(text, "<>=!")
	if at < 0 {
		return fail(len(strings.TrimRight(text, " ")), "want %s and a limit, as in wait.p99<250ms", format.List(operators(), "or"))
	}
	name, start := strings.TrimSpace(text[:at]), indent(text)
	for _, w := range workloads {
		if rest, ok := strings.CutPrefix(name, w+"."); ok {
			t.Workload, name, start = w, rest, start+len(w)+1
		}
	}
	for _, part := range []string{"read", "write"} {
		if rest, ok := strings.CutPrefix(name, part+"."); ok {
			t.part, name, start = part, rest, start+len(part)+1
		}
	}
	var ok bool
	if t.metric, ok = findMetric(name); !ok {
		return fail(start, "unknown metric %q: want %s", name, format.List(metricNames(), "or"))
	}
	i := slices.IndexFunc(operators(), func(op string) bool { return strings.HasPrefix(text[at:], op) })
	if i < 0 {
		return fail(at, "want %s", format.List(operators(), "or"))
	}
	t.op = operators()[i]
	limit := text[at+len(t.op):]
	var err error
	if t.limit, err = t.metric.parse(strings.TrimSpace(limit)); err != nil {
		return fail(at+len(t.op)+indent(limit), "%v", err)
	}
	return t, nil
}

// indent returns how many spaces s begins with.
func indent(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }

// parse parses a value of the metric.
func (m metric) parse(s string) (float64, error) {
	if m.duration {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration: want one such as 250ms", s)
		}
		return float64(d), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return f, nil
}

// print formats a value as parse parses it.
func (m metric) print(f float64) string {
	switch {
	case m.duration:
		return time.Duration(f).String()
	case f == math.Trunc(f):
		return strconv.FormatFloat(f, 'f', 0, 64)
	default:
		return strconv.FormatFloat(f, 'f', 3, 64)
	}
}

// Judge compares the threshold with what was measured. A metric without a value fails
// its threshold.
func (t Threshold) Judge(m Measured) ThresholdResult {
	tally := m.All
	switch t.part {
	case "read":
		tally = m.Read
	case "write":
		tally = m.Write
	}
	r := ThresholdResult{Threshold: t, Measured: m.Name, Value: "nothing"}
	if value, ok := t.metric.of(m, tally); ok && m.Elapsed > 0 {
		r.Value, r.Passed = t.metric.print(value), t.holds(value)
	}
	return r
}

func (t Threshold) holds(value float64) bool {
	switch t.op {
	case "<":
		return value < t.limit
	case "<=":
		return value <= t.limit
	case ">":
		return value > t.limit
	case ">=":
		return value >= t.limit
	case "==":
		return value == t.limit
	default:
		return value != t.limit
	}
}

// JudgeAll judges each workload by each threshold that is about it.
func (r Result) JudgeAll(thresholds []Threshold) []ThresholdResult {
	var all []ThresholdResult
	for _, t := range thresholds {
		for _, m := range r.Measured {
			if t.Workload == "" || t.Workload == m.Name {
				all = append(all, t.Judge(m))
			}
		}
	}
	return all
}

// Err returns nil, or an error that lists the broken promises, every threshold that
// failed, with its value, and the workloads that were granted nothing. It wraps
// outcome.ErrExpectation unless the last is all there is: then there is nothing to judge.
func (r Result) Err(judged []ThresholdResult) error {
	var wrong, refused []string
	for _, m := range r.Measured {
		if m.Violated > 0 {
			wrong = append(wrong, fmt.Sprintf("%s broke a promise of locks %s; first: %s", m.Name, format.Count(m.Violated, "time", "times"), m.Violations[0]))
		}
		if text := m.refused(); text != "" {
			refused = append(refused, text)
		}
	}
	for _, j := range judged {
		if !j.Passed {
			wrong = append(wrong, fmt.Sprintf("%s of %s: measured %s", j.Text, j.Measured, j.Value))
		}
	}
	switch all := strings.Join(append(refused, wrong...), "; "); {
	case wrong != nil:
		return fmt.Errorf("%w: %s", outcome.ErrExpectation, all)
	case refused != nil:
		return errors.New(all)
	default:
		return nil
	}
}

// refused says that requests failed and none was granted, and why; otherwise it
// returns "".
func (m Measured) refused() string {
	switch {
	case m.All.Grants > 0 || m.All.Errors() == 0:
		return ""
	case m.FirstError != nil:
		return fmt.Sprintf("%s was granted nothing: %s failed, the first with: %v", m.Name, format.Count(int(m.All.Errors()), "request", "requests"), m.FirstError)
	default:
		return fmt.Sprintf("%s was granted nothing in time: %s", m.Name, format.Count(int(m.All.Timeouts), "timeout", "timeouts"))
	}
}
