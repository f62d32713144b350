// Package check compares a run with what its scenario expects.
package check

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// ErrStuck is the error of an acquisition that went on after its deadline.
var ErrStuck = errors.New("stuck: it did not give up when its time was over")

// Failures returns the expectations that a run did not meet, or that a forecast says
// it cannot meet. p is the plan of the run.
func Failures(sc *scenario.Scenario, p plan.Plan, r outcome.Result) []outcome.Failure {
	var failures []outcome.Failure
	fail := func(of string, at scenario.Place, format string, args ...any) {
		failures = append(failures, outcome.Failure{File: sc.File, Place: at, Of: of, Msg: fmt.Sprintf(format, args...)})
	}
	checkSteps(sc, r, fail)
	checkReached(p, r, fail)
	checkStuck(r, fail)
	found := occurrences(sc, r.Events)
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

// failFunc adds a failure of the check of that name.
type failFunc func(of string, at scenario.Place, format string, args ...any)

// checkSteps checks the outcomes and the waits of the steps that requested locks.
func checkSteps(sc *scenario.Scenario, r outcome.Result, fail failFunc) {
	for _, s := range r.Steps {
		if !asExpected(s.Step.Expect, s.Outcomes) {
			fail(ofStep(s), s.Step.Place, "%s: want %s, got %s", s, format.List(s.Step.Expect, "and"), format.List(s.Outcomes, "and"))
		}
		switch least, most := s.Step.Waits.AtLeast, s.Step.Waits.AtMost; {
		case s.Passed < least:
			fail(ofStep(s), s.Step.Place, "%s took %s, want at least %s", s, millis(s.Passed), least)
		case most > 0 && took(s) > most:
			fail(ofStep(s), s.Step.Place, "%s took %s, want at most %s", s, millis(took(s)), most)
		}
		if most := sc.Expect.MaxWait; most > 0 && took(s) > most && slices.Contains(s.Outcomes, scenario.Granted) {
			fail(ofMaxWait, s.Step.Place, "%s took %s, max_wait is %s", s, millis(took(s)), most)
		}
	}
}

// took returns what upper bounds are compared with: the real time or the scenario's,
// whichever is shorter. In a slow run, other clients hold their locks for longer in
// real time. In a fast run, etcd is no faster, so that the little time it needs is
// much of the scenario's time.
func took(s outcome.StepResult) time.Duration { return min(s.Waited, s.Passed) }

func millis(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// asExpected reports whether got has all outcomes in want and, if want names one that
// ends an acquisition, no others that do.
func asExpected(want, got []scenario.Moment) bool {
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

// checkReached finds steps with expectations that a client never began, because it
// was not granted an earlier lock.
func checkReached(p plan.Plan, r outcome.Result, fail failFunc) {
	type begun struct {
		client string
		round  int
		at     scenario.Place
	}
	reached := map[begun]bool{}
	for _, s := range r.Steps {
		reached[begun{s.Client, s.Round, s.Step.Place}] = true
	}
	for _, script := range p.Scripts {
		for _, s := range script.Steps {
			if s.Expect != nil && !reached[begun{script.Name, s.Round, s.Place}] {
				r := *s.Result(script.Name)
				fail(ofStep(r), s.Place, "%s: want %s, but the step was not reached", r, format.List(s.Expect, "and"))
			}
		}
	}
}

// checkStuck finds acquisitions that went on after their deadline.
func checkStuck(r outcome.Result, fail failFunc) {
	for _, e := range r.Events {
		if errors.Is(e.Err, ErrStuck) {
			s := outcome.StepResult{Client: e.Client, Step: scenario.Step{Do: e.Do, Locks: e.Locks, Place: e.Place}, Round: e.Round}
			fail(ofStep(s), e.Place, "%s: %s", s, e.Err)
		}
	}
}

// checkOrder checks that the moments of a chain happened, each after the one before
// it.
func checkOrder(chain []scenario.Occurrence, events []outcome.Event, found map[scenario.Occurrence][]int, fail failFunc) {
	last := -1
	for i, o := range chain {
		at := -1
		if all := found[anyTime(o)]; len(all) >= o.Nth {
			at = all[o.Nth-1]
		}
		switch {
		case at < 0:
			fail(ofOrder(chain), o.Place, "%q did not happen", o)
			return
		case at < last:
			fail(ofOrder(chain), o.Place, "%q happened %s before %q, want it after", o,
				millis(events[last].At-events[at].At), chain[i-1])
			return
		}
		last = at
	}
}

// anyTime returns the occurrence without its number and its place.
func anyTime(o scenario.Occurrence) scenario.Occurrence {
	return scenario.Occurrence{Moment: o.Moment, Client: o.Client, Lock: o.Lock}
}

// occurrences returns the indices of the events that the expected order names, by
// anyTime.
func occurrences(sc *scenario.Scenario, events []outcome.Event) map[scenario.Occurrence][]int {
	found := map[scenario.Occurrence][]int{}
	for _, chain := range sc.Expect.Order {
		for _, o := range chain {
			found[anyTime(o)] = nil
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

// firstDifference describes the first line in which a log differs from what was
// expected, or returns "". Later differences mostly follow from the first.
func firstDifference(want []string, lines []outcome.Event) string {
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
