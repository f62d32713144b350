package outcome

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"etcd-lock/simulate/verify"

	"etcd-lock/simulate/scenario"
)

// ErrExpectation says that a run was not as its scenario expects it to be, or
// broke a promise of the locks.
var ErrExpectation = errors.New("expectation failed")

// Result is what came of a run.
type Result struct {
	Scenario string
	Seed     uint64  // with which it was run
	Speed    float64 // with which it began
	Events   []Event
	Steps    []StepResult  // those that asked for locks, in the order in which they did
	Holds    []verify.Hold // what clients held, by the locks' names in etcd
	Verdict  verify.Verdict
	Failures []Failure // what was not as it had to be
}

// StepResult is what came of a step that asked for locks.
type StepResult struct {
	Client   string
	Step     scenario.Step
	Round    int               // which of the repeats, from 1
	Outcomes []scenario.Moment // in the order in which they came
	Waited   time.Duration     // until it was granted or given up
	Passed   time.Duration     // likewise, in the scenario's time
	Token    int64             // the fencing token, 0 when it was not granted
}

// Notes takes in what an outcome says.
func (s *StepResult) Notes(e Event) {
	s.Outcomes = append(s.Outcomes, e.Moment)
	s.Waited, s.Passed, s.Token = max(s.Waited, e.Waited), max(s.Passed, e.Passed), max(s.Token, e.Token)
}

// Failure is one thing that was not as it had to be.
type Failure struct {
	File string
	scenario.Place
	Of  string // the one of Result.Checks that it is about
	Msg string
}

// String is file:line:column: message, as editors read it; without a place
// where none in the file has to do with it.
func (f Failure) String() string {
	if f.Line == 0 {
		return f.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Msg)
}

// Err is nil, or an error that wraps ErrExpectation and names every failure.
func (r Result) Err() error { return Err(r.Scenario, ErrExpectation, r.Failures) }

// Err is nil, or an error that names all failures of a kind.
func Err(scenario string, kind error, failures []Failure) error {
	if len(failures) == 0 {
		return nil
	}
	all := make([]string, len(failures))
	for i, f := range failures {
		all[i] = f.String()
	}
	return fmt.Errorf("scenario %s: %w: %s", scenario, kind, strings.Join(all, "; "))
}

// Lines are the events that the log tells of.
func (r Result) Lines() []Event {
	var lines []Event
	for _, e := range r.Events {
		if e.Line != "" {
			lines = append(lines, e)
		}
	}
	return lines
}

// ErrStuck is what comes of an acquisition that does not end when its time is over.
var ErrStuck = errors.New("stuck: it was to give up, and did not")
