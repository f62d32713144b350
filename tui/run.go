package tui

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scenarioRun is a run of a scenario, as far as it has come.
type scenarioRun struct {
	name     string
	alone    bool // in a cluster of its own
	speed    float64
	state    PlayState      // when it was last looked at
	steps    []ScenarioStep // the latest of them, printable
	count    int            // of all steps
	stopping bool
	over     bool
	failures []string // what was not as expected; set when it is over
	err      error    // why it could not be run

	play Play
}

// scenarioKept is how many steps are shown.
const scenarioKept = 2000

func newScenarioRun(play Play, sc Scenario, speed float64) *scenarioRun {
	return &scenarioRun{play: play, name: sc.Name, alone: sc.Alone, speed: speed}
}

// take notes a step. Of many, the latest are kept.
func (r *scenarioRun) take(step ScenarioStep) {
	step.Text = strings.TrimSpace(safe(step.Text))
	r.steps = append(r.steps, step)
	r.count++
	if len(r.steps) >= 2*scenarioKept { // rarely, so that a step costs little
		r.steps = slices.Clone(r.steps[len(r.steps)-scenarioKept:])
	}
}

// look brings the state up to date, for the last time when the run is over.
func (r *scenarioRun) look() {
	if !r.over {
		r.state = r.play.State()
	}
}

// setSpeed changes how fast the rest of the run goes.
func (r *scenarioRun) setSpeed(speed float64) {
	r.speed = speed
	r.play.SetSpeed(speed)
}

// pause pauses the run, also in the middle of a step.
func (r *scenarioRun) pause() { r.play.Pause() }

// step lets the run go on until one thing has happened.
func (r *scenarioRun) step() { r.play.Step() }

// togglePause pauses the run, or resumes it.
func (r *scenarioRun) togglePause() {
	r.look()
	if r.state.Paused {
		r.play.Resume()
		return
	}
	r.play.Pause()
}

// speedText is a speed as it is shown.
func speedText(speed float64) string { return strconv.FormatFloat(speed, 'g', -1, 64) + "×" }

// finish notes how the run ended.
func (r *scenarioRun) finish(failures []string, err error) {
	r.look()
	r.over, r.failures, r.err = true, failures, err
}

// runLeast is the least time across the lanes of a run that goes on: one that
// has just begun does not fill them with its first moment.
const runLeast = 2 * time.Second

// length is the time that the lanes show.
func (r *scenarioRun) length() time.Duration {
	if r.over {
		return max(r.state.Elapsed, 1)
	}
	return max(r.state.Elapsed, runLeast)
}

// mark says in a word that the run does not go on by itself; empty when it does.
func (r *scenarioRun) mark() string {
	switch {
	case r.over || r.stopping:
		return ""
	case r.state.Paused:
		return "PAUSED"
	case r.state.Stepping:
		return "stepping…"
	default:
		return ""
	}
}

// sign is the state of a run that goes on.
func (r *scenarioRun) sign() string {
	switch {
	case r.stopping:
		return "■ stopping"
	case r.mark() != "":
		return "‖ " + r.mark()
	case r.alone:
		return "▶ own cluster"
	default:
		return "▶ running"
	}
}

// runOutcome is how a run ended.
type runOutcome struct {
	stopped  bool // by the user
	err      error
	failures int
}

func (r *scenarioRun) outcome() runOutcome {
	return runOutcome{r.stopping && errors.Is(r.err, context.Canceled), r.err, len(r.failures)}
}

// String says how the run ended, in a few words.
func (o runOutcome) String() string {
	switch {
	case o.stopped:
		return "stopped"
	case o.err != nil:
		return o.err.Error()
	case o.failures > 0:
		return count(o.failures, "failure", "failures")
	default:
		return "passed"
	}
}

// failed reports whether the run ended badly.
func (o runOutcome) failed() bool { return !o.stopped && (o.err != nil || o.failures > 0) }

// running reports whether a scenario is running.
func (d *data) running() bool { return d.run != nil && !d.run.over }

// scenarioList is the scenarios that can be run, and how their latest runs
// ended.
type scenarioList struct {
	builtin  []Scenario
	files    []Scenario // that were read
	outcomes map[string]runOutcome
}

// all returns the scenarios, those from files last.
func (l *scenarioList) all() []Scenario { return append(slices.Clone(l.builtin), l.files...) }

// add puts a scenario from a file on the list, in the place of what was read
// from that file before.
func (l *scenarioList) add(sc Scenario) {
	l.files = slices.DeleteFunc(l.files, func(f Scenario) bool { return f.Name == sc.Name })
	l.files = slices.Insert(l.files, 0, sc)
}

// ended notes how a run ended.
func (l *scenarioList) ended(name string, o runOutcome) {
	if l.outcomes == nil {
		l.outcomes = map[string]runOutcome{}
	}
	l.outcomes[name] = o
}
