package check

import (
	"strings"
	"testing"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

func linesOf(s string) []outcome.Event {
	var lines []outcome.Event
	for _, f := range strings.Fields(s) {
		lines = append(lines, outcome.Event{Line: f}, outcome.Event{Moment: scenario.Waiting})
	}
	return lines
}

func TestCheckLog(t *testing.T) {
	tests := []struct{ name, want, got, failure string }{
		{"same", "a b", "a b", ""},
		{"other line", "a b c", "a x c", `f:7:3: log line 2: want "b", got "x"`},
		{"too short", "a b", "a", `f:7:3: log line 2: want "b", got the end`},
		{"too long", "a", "a b", `f:7:3: log line 2: want the end, got "b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sc := &scenario.Scenario{File: "f", Expect: scenario.Expect{Log: strings.Fields(tt.want), LogPlace: scenario.Place{Line: 7, Column: 3}}}
			wantFailures(t, Failures(sc, plan.Plan{}, outcome.Result{Events: linesOf(tt.got)}), tt.failure)
		})
	}
	t.Run("nothing expected", func(t *testing.T) {
		wantFailures(t, Failures(&scenario.Scenario{}, plan.Plan{}, outcome.Result{Events: linesOf("a")}), "")
	})
}

func wantFailures(t *testing.T, got []outcome.Failure, want string) {
	t.Helper()
	var all []string
	for _, f := range got {
		all = append(all, f.String())
	}
	if s := strings.Join(all, "; "); s != want {
		t.Errorf("failures %q\nwant     %q", s, want)
	}
}

// happened are events of client c, by their moments.
func happened(moments ...scenario.Moment) []outcome.Event {
	var events []outcome.Event
	for i, m := range moments {
		events = append(events, outcome.Event{Client: "c", Moment: m, At: time.Duration(i) * time.Second, Locks: []rwlock.LockRequest{{Name: "/a"}}})
	}
	return events
}

func TestCheckOrder(t *testing.T) {
	occurrence := func(m scenario.Moment, lock string, nth int) scenario.Occurrence {
		return scenario.Occurrence{Moment: m, Client: "c", Lock: lock, Nth: nth, Place: scenario.Place{Line: 3, Column: 1}}
	}
	tests := []struct {
		name   string
		chain  []scenario.Occurrence
		events []outcome.Event
		want   string
	}{
		{"as wanted", []scenario.Occurrence{occurrence(scenario.Asked, "", 1), occurrence(scenario.Granted, "", 1)}, happened(scenario.Asked, scenario.Granted), ""},
		{"of that lock", []scenario.Occurrence{occurrence(scenario.Asked, "/a", 1), occurrence(scenario.Granted, "/a", 1)}, happened(scenario.Asked, scenario.Granted), ""},
		{"the second time", []scenario.Occurrence{occurrence(scenario.Granted, "", 1), occurrence(scenario.Granted, "", 2)}, happened(scenario.Granted, scenario.Asked, scenario.Granted), ""},
		{"turned round", []scenario.Occurrence{occurrence(scenario.Granted, "", 1), occurrence(scenario.Asked, "", 1)}, happened(scenario.Asked, scenario.Granted), `f:3:1: "asked c" happened 1s before "granted c", want it after`},
		{"not so often", []scenario.Occurrence{occurrence(scenario.Asked, "", 1), occurrence(scenario.Granted, "", 2)}, happened(scenario.Asked, scenario.Granted), `f:3:1: "granted c #2" did not happen`},
		{"another lock", []scenario.Occurrence{occurrence(scenario.Asked, "", 1), occurrence(scenario.Granted, "/b", 1)}, happened(scenario.Asked, scenario.Granted), `f:3:1: "granted c /b" did not happen`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sc := &scenario.Scenario{File: "f", Expect: scenario.Expect{Order: [][]scenario.Occurrence{tt.chain}}}
			wantFailures(t, Failures(sc, plan.Plan{}, outcome.Result{Events: tt.events}), tt.want)
		})
	}
}

func TestAsExpected(t *testing.T) {
	tests := []struct {
		name      string
		want, got []scenario.Moment
		ok        bool
	}{
		{"anything", nil, []scenario.Moment{scenario.Deadline}, true},
		{"granted", []scenario.Moment{scenario.Granted}, []scenario.Moment{scenario.Granted}, true},
		{"it may have waited", []scenario.Moment{scenario.Granted}, []scenario.Moment{scenario.Waiting, scenario.Granted}, true},
		{"it must have waited", []scenario.Moment{scenario.Waiting, scenario.Granted}, []scenario.Moment{scenario.Granted}, false},
		{"it waited, whatever came of that", []scenario.Moment{scenario.Waiting}, []scenario.Moment{scenario.Waiting, scenario.Deadline}, true},
		{"it was lost as well", []scenario.Moment{scenario.Granted}, []scenario.Moment{scenario.Granted, scenario.Lost}, false},
		{"it was to be lost", []scenario.Moment{scenario.Granted, scenario.Lost}, []scenario.Moment{scenario.Granted}, false},
		{"something went wrong", []scenario.Moment{scenario.Granted}, []scenario.Moment{scenario.Failed}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := asExpected(tt.want, tt.got); got != tt.ok {
				t.Errorf("asExpected = %v", got)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	step := outcome.StepResult{Client: "c", Step: scenario.Step{Do: scenario.Read, Waits: scenario.Bounds{AtLeast: time.Second, AtMost: 2 * time.Second}}}
	tests := []struct {
		name           string
		waited, passed time.Duration
		ok             bool
	}{
		{"as written", 1500 * time.Millisecond, 1500 * time.Millisecond, true},
		{"too short", 900 * time.Millisecond, 900 * time.Millisecond, false},
		{"too long", 2100 * time.Millisecond, 2100 * time.Millisecond, false},
		{"faster", 110 * time.Millisecond, 1100 * time.Millisecond, true},
		{"locks are no faster", 1900 * time.Millisecond, 19 * time.Second, true},
		{"faster, and too short", 90 * time.Millisecond, 900 * time.Millisecond, false},
		{"faster, and too long", 2100 * time.Millisecond, 21 * time.Second, false},
		{"slower", 3900 * time.Millisecond, 1950 * time.Millisecond, true},
		{"slower, and too short", 1900 * time.Millisecond, 950 * time.Millisecond, false},
		{"slower, and too long", 4100 * time.Millisecond, 2050 * time.Millisecond, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := step
			s.Waited, s.Passed = tt.waited, tt.passed
			if got := Failures(&scenario.Scenario{}, plan.Plan{}, outcome.Result{Steps: []outcome.StepResult{s}}); (len(got) == 0) != tt.ok {
				t.Errorf("failures %v", got)
			}
		})
	}
}
