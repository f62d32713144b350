package state

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/term"
)

// Run is a run of a scenario, as far as it has come.
type Run struct {
	Name       string
	OwnCluster bool // in a cluster of its own
	Speed      float64
	State      backend.PlayState      // when it was last looked at
	Steps      []backend.ScenarioStep // the latest of them, printable
	Count      int                    // of all steps
	Stopping   bool
	Over       bool
	Failures   []string // of expectations; set when it is over
	Err        error    // why it could not be run

	play backend.Play
}

// ScenarioKept is how many steps are shown.
const ScenarioKept = 2000

// NewRun returns a run of a scenario that has not begun.
func NewRun(play backend.Play, sc backend.Scenario, speed float64) *Run {
	return &Run{play: play, Name: sc.Name, OwnCluster: sc.OwnCluster, Speed: speed}
}

// Take notes a step. Of many, the latest are kept.
func (r *Run) Take(step backend.ScenarioStep) {
	step.Text = strings.TrimSpace(term.Safe(step.Text))
	r.Steps = append(r.Steps, step)
	r.Count++
	if len(r.Steps) >= 2*ScenarioKept { // rarely, so that a step costs little
		r.Steps = slices.Clone(r.Steps[len(r.Steps)-ScenarioKept:])
	}
}

// Refresh brings the state up to date, for the last time when the run is over.
func (r *Run) Refresh() {
	if !r.Over {
		r.State = r.play.State()
	}
}

// SetSpeed changes how fast the rest of the run goes.
func (r *Run) SetSpeed(speed float64) {
	r.Speed = speed
	r.play.SetSpeed(speed)
}

// Pause pauses the run, also in the middle of a step.
func (r *Run) Pause() { r.play.Pause() }

// Step lets the run go on until one thing has happened.
func (r *Run) Step() { r.play.Step() }

// TogglePause pauses the run, or resumes it.
func (r *Run) TogglePause() {
	r.Refresh()
	if r.State.Paused {
		r.play.Resume()
		return
	}
	r.play.Pause()
}

// SpeedText is a speed as it is shown.
func SpeedText(speed float64) string { return strconv.FormatFloat(speed, 'g', -1, 64) + "×" }

// Finish notes how the run ended.
func (r *Run) Finish(failures []string, err error) {
	r.Refresh()
	r.Over, r.Failures, r.Err = true, failures, err
}

// runLeast is the least length of the lanes of a run that is not over, so that its
// first moment does not fill them.
const runLeast = 2 * time.Second

// Length is the time that the lanes show.
func (r *Run) Length() time.Duration {
	if r.Over {
		return max(r.State.Elapsed, 1)
	}
	return max(r.State.Elapsed, runLeast)
}

// Mark is a loud word for a paused run; empty if it is not paused.
func (r *Run) Mark() string {
	switch {
	case r.Over || r.Stopping:
		return ""
	case r.State.Paused:
		return "PAUSED"
	case r.State.Stepping:
		return "stepping…"
	default:
		return ""
	}
}

// Sign is the state of a run that is not over, in a word.
func (r *Run) Sign() string {
	switch {
	case r.Stopping:
		return "■ stopping"
	case r.Mark() != "":
		return "‖ " + r.Mark()
	case r.OwnCluster:
		return "▶ own cluster"
	default:
		return "▶ running"
	}
}

// Outcome is how a run ended.
type Outcome struct {
	Stopped  bool // by the user
	Err      error
	Failures int
}

// Outcome returns how the run ended.
func (r *Run) Outcome() Outcome {
	return Outcome{r.Stopping && errors.Is(r.Err, context.Canceled), r.Err, len(r.Failures)}
}

// String says how the run ended, in a few words.
func (o Outcome) String() string {
	switch {
	case o.Stopped:
		return "stopped"
	case o.Err != nil:
		return o.Err.Error()
	case o.Failures > 0:
		return format.Count(o.Failures, "failure", "failures")
	default:
		return "passed"
	}
}

// Failed reports whether the run ended badly.
func (o Outcome) Failed() bool { return !o.Stopped && (o.Err != nil || o.Failures > 0) }

// Running reports whether a scenario is running.
func (d *Data) Running() bool { return d.Run != nil && !d.Run.Over }

// scenarioList is the scenarios that can be run, and how their latest runs
// ended.
type scenarioList struct {
	Builtin  []backend.Scenario
	files    []backend.Scenario // that were read
	Outcomes map[string]Outcome
}

// All returns the scenarios, those from files last.
func (l *scenarioList) All() []backend.Scenario { return append(slices.Clone(l.Builtin), l.files...) }

// Add adds a scenario from a file, replacing the one read from that file before.
func (l *scenarioList) Add(sc backend.Scenario) {
	l.files = slices.DeleteFunc(l.files, func(f backend.Scenario) bool { return f.Name == sc.Name })
	l.files = slices.Insert(l.files, 0, sc)
}

// Ended notes how a run ended.
func (l *scenarioList) Ended(name string, o Outcome) {
	if l.Outcomes == nil {
		l.Outcomes = map[string]Outcome{}
	}
	l.Outcomes[name] = o
}
