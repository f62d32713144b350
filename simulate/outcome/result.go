package outcome

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"etcd-lock/simulate/internal/lockset"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// ErrExpectation is wrapped by the error of a run or a load that did not meet an
// expectation, or in which locks broke a promise.
var ErrExpectation = errors.New("expectation failed")

// Result is the result of a run.
type Result struct {
	Scenario string
	Seed     uint64  // that its random values were drawn from
	Speed    float64 // at its beginning
	Events   []Event
	Steps    []StepResult   // of the steps that requested locks, in the order of their requests
	Expected []string       // the names of the checks that the scenario asks for, see Checks
	Verdict  verify.Verdict // on the locks, which it names as they are named in etcd
	Failures []Failure      // of the checks that failed
	Note     string         // how etcd differs from what the scenario asks for; "" if it does not
}

// StepResult is the result of a step that requested locks.
type StepResult struct {
	Client   string
	Step     scenario.Step
	Round    int               // which repeat of the client's steps, from 1
	Outcomes []scenario.Moment // in the order of time
	Waited   time.Duration     // the real time until it was granted or ended
	Passed   time.Duration     // the same in the scenario's time
	Token    int64             // the fencing token; 0 if it was not granted
}

// Add adds an outcome.
func (s *StepResult) Add(e Event) {
	s.Outcomes = append(s.Outcomes, e.Moment)
	s.Waited, s.Passed, s.Token = max(s.Waited, e.Waited), max(s.Passed, e.Passed), max(s.Token, e.Token)
}

// String names the step and its client, as in `alice: write "/door"`.
func (s StepResult) String() string {
	name := strings.TrimSpace(fmt.Sprintf("%s: %s %s", s.Client, s.Step.Do, lockset.Quoted(s.Step.Locks)))
	if s.Round > 1 {
		name += fmt.Sprintf(" (time %d)", s.Round)
	}
	return name
}

// Failure is one way in which a check failed.
type Failure struct {
	File           string
	scenario.Place        // in the file; the zero Place if the failure is about none
	Of             string // the name of the check, see Result.Checks
	Msg            string
}

// String formats the failure as file:line:column: message, the way editors read it,
// or as the message alone if it has no place.
func (f Failure) String() string {
	if f.Line == 0 {
		return f.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Msg)
}

// Err returns nil if all checks passed, and otherwise an error that wraps
// ErrExpectation and lists every failure, and the note.
func (r Result) Err() error {
	err := FailuresErr(r.Scenario, ErrExpectation, r.Failures)
	if err != nil && r.Note != "" {
		err = fmt.Errorf("%w; %s", err, r.Note)
	}
	return err
}

// FailuresErr returns an error that wraps kind and lists the failures of a scenario,
// or nil if there are none.
func FailuresErr(scenario string, kind error, failures []Failure) error {
	if len(failures) == 0 {
		return nil
	}
	return fmt.Errorf("scenario %s: %w: %s", scenario, kind, strings.Join(Texts(failures), "; "))
}

// Texts returns the text of each failure. It is never nil.
func Texts(failures []Failure) []string {
	all := make([]string, len(failures))
	for i, f := range failures {
		all[i] = f.String()
	}
	return all
}

// Lines returns the events that the log has a line for.
func (r Result) Lines() []Event {
	var lines []Event
	for _, e := range r.Events {
		if e.Line != "" {
			lines = append(lines, e)
		}
	}
	return lines
}
