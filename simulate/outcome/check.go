// Package outcome has what came of a run, event by event and step by step, and
// checks it against what the scenario expects.
package outcome

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/scenario"
)

// Failures compares a run with what its scenario expects of it.
func Failures(sc *scenario.Scenario, r Result) []Failure {
	var failures []Failure
	fail := func(of string, at scenario.Place, format string, args ...any) {
		failures = append(failures, Failure{File: sc.File, Place: at, Of: of, Msg: fmt.Sprintf(format, args...)})
	}
	checkSteps(sc, r, fail)
	checkReached(sc, r, fail)
	checkStuck(r, fail)
	found := index(sc, r.Events)
	for _, chain := range sc.Expect.Order {
		checkOrder(chain, r.Events, found, fail)
	}
	if got := len(r.Verdict.Fenced); got != sc.Expect.Fenced {
		fail(ofFenced, sc.Expect.FencedPlace, "late holders that a token fenced: want %d, got %d", sc.Expect.Fenced, got)
	}
	if diff := firstDifference(sc.Expect.Log, r.Lines()); sc.Expect.Log != nil && diff != "" {
		fail(ofLog, sc.Expect.LogPlace, "%s", diff)
	}
	return failures
}

// failing notes what was not as expected.
type failing func(of string, at scenario.Place, format string, args ...any)

// checkSteps looks at the steps that asked for locks.
func checkSteps(sc *scenario.Scenario, r Result, fail failing) {
	for _, s := range r.Steps {
		if !AsExpected(s.Step.Expect, s.Outcomes) {
			fail(ofStep(s), s.Step.Place, "%s: want %s, got %s", s, format.List(s.Step.Expect, "and"), format.List(s.Outcomes, "and"))
		}
		switch least, most := s.Step.Waits.AtLeast, s.Step.Waits.AtMost; {
		case s.Passed < least:
			fail(ofStep(s), s.Step.Place, "%s took %s, want at least %s", s, round(s.Passed), least)
		case most > 0 && s.took() > most:
			fail(ofStep(s), s.Step.Place, "%s took %s, want at most %s", s, round(s.took()), most)
		}
		if most := sc.Expect.MaxWait; most > 0 && s.took() > most && slices.Contains(s.Outcomes, scenario.Granted) {
			fail(ofMaxWait, s.Step.Place, "%s took %s, max_wait is %s", s, round(s.took()), most)
		}
	}
}

// String names a step of a client.
func (s StepResult) String() string {
	what := strings.TrimSpace(fmt.Sprintf("%s: %s %s", s.Client, s.Step.Do, scenario.Names(s.Step.Locks)))
	if s.Round > 1 {
		what += fmt.Sprintf(" (time %d)", s.Round)
	}
	return what
}

// took is what an upper bound is held against, the shorter of two times. What
// others do in the meantime passes in the scenario's, and so can take long in a
// slow run; etcd does not become faster, and so little of what the run runs can be
// much of the scenario's in a fast one.
func (s StepResult) took() time.Duration { return min(s.Waited, s.Passed) }

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// AsExpected reports whether all that was expected came, and no other end than
// one that was expected, if any was.
func AsExpected(want, got []scenario.Moment) bool {
	for _, m := range want {
		if !slices.Contains(got, m) {
			return false
		}
	}
	if !slices.ContainsFunc(want, scenario.Moment.Ends) {
		return true
	}
	return !slices.ContainsFunc(got, func(m scenario.Moment) bool { return m != scenario.Waiting && !slices.Contains(want, m) })
}

// checkReached looks for steps of which something is expected and that no
// client came to do, because it did not get an earlier lock.
func checkReached(sc *scenario.Scenario, r Result, fail failing) {
	type turn struct {
		client string
		round  int
		at     scenario.Place
	}
	reached := map[turn]bool{}
	for _, s := range r.Steps {
		reached[turn{s.Client, s.Round, s.Step.Place}] = true
	}
	for _, script := range plan.Scripts(sc, r.Seed) {
		for _, t := range script.Steps {
			if t.Expect != nil && !reached[turn{script.Name, t.Round, t.Place}] {
				s := StepResult{Client: script.Name, Step: t.Step, Round: t.Round}
				fail(ofStep(s), t.Place, "%s: want %s, but it did not come to that", s, format.List(t.Expect, "and"))
			}
		}
	}
}

// checkStuck looks for clients that were to give up, and did not.
func checkStuck(r Result, fail failing) {
	for _, e := range r.Events {
		if errors.Is(e.Err, ErrStuck) {
			s := StepResult{Client: e.Client, Step: scenario.Step{Do: e.Do, Locks: e.Locks, Place: e.Place}, Round: e.Round}
			fail(ofStep(s), e.Place, "%s: %s", s, e.Err)
		}
	}
}

// checkOrder wants the moments of a chain to have happened, each after the one
// before.
func checkOrder(chain []scenario.Occurrence, events []Event, found map[scenario.Occurrence][]int, fail failing) {
	last := -1
	for i, o := range chain {
		at := -1
		if all := found[o.Any()]; len(all) >= o.Nth {
			at = all[o.Nth-1]
		}
		switch {
		case at < 0:
			fail(ofOrder(chain), o.Place, "%q did not happen", o)
			return
		case at < last:
			fail(ofOrder(chain), o.Place, "%q happened %s before %q, want it after", o,
				round(events[last].At-events[at].At), chain[i-1])
			return
		}
		last = at
	}
}

// index says where the events stand that the expected order speaks of.
func index(sc *scenario.Scenario, events []Event) map[scenario.Occurrence][]int {
	found := map[scenario.Occurrence][]int{}
	for _, chain := range sc.Expect.Order {
		for _, o := range chain {
			found[o.Any()] = nil
		}
	}
	add := func(i int, o scenario.Occurrence) {
		if all, ok := found[o]; ok {
			found[o] = append(all, i)
		}
	}
	for i, e := range events {
		add(i, scenario.Occurrence{Moment: e.Moment, Client: e.Client})
		for _, l := range e.Locks {
			add(i, scenario.Occurrence{Moment: e.Moment, Client: e.Client, Lock: l.Name})
		}
	}
	return found
}

// firstDifference says where a log leaves what was expected; what follows is
// mostly shifted, and would only hide it.
func firstDifference(want []string, lines []Event) string {
	for i := range max(len(want), len(lines)) {
		w, g := "the end", "the end"
		if i < len(want) {
			w = fmt.Sprintf("%q", want[i])
		}
		if i < len(lines) {
			g = fmt.Sprintf("%q", lines[i].Line)
		}
		if w != g {
			return fmt.Sprintf("log line %d: want %s, got %s", i+1, w, g)
		}
	}
	return ""
}
