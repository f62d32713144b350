package tui

import (
	"context"
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// scenarioRun is a run of a scenario. Its play fills steps on another
// goroutine; all else only Update changes.
type scenarioRun struct {
	play     Play
	name     string
	alone    bool // in a cluster of its own
	speed    float64
	state    PlayState      // when it was last looked at
	told     []ScenarioStep // the latest of them, printable
	count    int            // of all steps
	stopping bool
	over     bool

	ctx      context.Context
	cancel   context.CancelFunc
	steps    chan ScenarioStep // closed when the run is over, and what follows is set
	failures []string
	err      error
}

// scenarioNewsMsg brings what the run has said since the last one, which may be
// nothing: its lanes go on all the same.
type scenarioNewsMsg struct {
	run   *scenarioRun
	steps []ScenarioStep
	over  bool
}

const (
	scenarioBurst = 256                    // bounds the steps of one message
	scenarioKept  = 2000                   // and those that are shown
	scenarioPulse = 250 * time.Millisecond // how often lanes grow while nothing happens
)

func newScenarioRun(play Play, sc Scenario, speed float64) *scenarioRun {
	return &scenarioRun{play: play, name: sc.Name, alone: sc.Alone, speed: speed, steps: make(chan ScenarioStep, scenarioBurst)}
}

// start makes the command that the run is.
func (r *scenarioRun) start(t *tasks) tea.Cmd {
	r.ctx, r.cancel = context.WithCancel(t.ctx)
	ctx, cancel := r.ctx, r.cancel
	return t.cmd(func() tea.Msg {
		defer cancel()
		defer close(r.steps)
		r.failures, r.err = r.play.Run(ctx, func(s ScenarioStep) {
			select {
			case r.steps <- s:
			case <-t.ctx.Done(): // and not ctx's: a stopped scenario still says how it ended
			}
		})
		return nil
	})
}

// next waits for the run's next steps.
func (r *scenarioRun) next(t *tasks) tea.Cmd {
	return t.cmd(func() tea.Msg {
		msg := scenarioNewsMsg{run: r}
		pulse := time.NewTimer(scenarioPulse)
		defer pulse.Stop()
		select {
		case step, ok := <-r.steps:
			msg.take(step, ok)
		case <-pulse.C:
			return msg
		case <-t.ctx.Done():
			return nil
		}
		for !msg.over && len(msg.steps) < scenarioBurst {
			select {
			case step, ok := <-r.steps:
				msg.take(step, ok)
			default:
				return msg
			}
		}
		return msg
	})
}

func (m *scenarioNewsMsg) take(step ScenarioStep, ok bool) {
	if !ok {
		m.over = true
		return
	}
	m.steps = append(m.steps, step)
}

// take notes a step. Of many, the latest are kept.
func (r *scenarioRun) take(step ScenarioStep) {
	step.Text = strings.TrimSpace(safe(step.Text))
	r.told = append(r.told, step)
	r.count++
	if len(r.told) >= 2*scenarioKept { // rarely, so that a step costs little
		r.told = append([]ScenarioStep(nil), r.told[len(r.told)-scenarioKept:]...)
	}
}

// look sees how the run stands, for the last time when it is over.
func (r *scenarioRun) look() {
	if !r.over {
		r.state = r.play.State()
	}
}

// setSpeed changes how fast the rest of it goes.
func (r *scenarioRun) setSpeed(speed float64) {
	r.speed = speed
	r.play.SetSpeed(speed)
}

// togglePause pauses it, also in the middle of a step, or has it go on.
func (r *scenarioRun) togglePause() {
	r.look()
	if r.state.Paused {
		r.play.Resume()
		return
	}
	r.play.Pause()
}

// runLeast is the least time across the lanes of a run that goes on: one that
// has just begun does not fill them with its first moment.
const runLeast = 2 * time.Second

// long is the time that the lanes show.
func (r *scenarioRun) long() time.Duration {
	if r.over {
		return max(r.state.Elapsed, 1)
	}
	return max(r.state.Elapsed, runLeast)
}

func (r *scenarioRun) finish() {
	r.look()
	r.over = true
}

// mark says loudly that it does not go on by itself; empty when it does.
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

func (r *scenarioRun) stopped() bool { return r.stopping && errors.Is(r.err, context.Canceled) }

// outcome is what came of a run that is over.
func (r *scenarioRun) outcome(t theme) sign {
	switch {
	case r.stopped():
		return sign{"■ stopped", t.dim}
	case r.err != nil:
		return sign{"✗ not run", t.lost}
	case len(r.failures) > 0:
		return sign{"✗ " + count(len(r.failures), "failure", "failures"), t.lost}
	default:
		return sign{"✓ passed", t.holding}
	}
}

// verdict is the outcome, with all that was not as it had to be.
func (r *scenarioRun) verdict(t theme, w int) []string {
	out := r.outcome(t)
	lines := []string{out.style.Render(cut(out.text+": "+count(r.count, "step", "steps")+" in "+seconds(r.state.Elapsed), w))}
	if r.err != nil && !r.stopped() {
		lines = append(lines, wrapped("  "+safe(r.err.Error()), w, t.lost.Render)...)
	}
	for _, f := range r.failures {
		lines = append(lines, wrapped("  "+safe(f), w, t.lost.Render)...)
	}
	return append(lines, "")
}

// lines are the latest steps, so many at most.
func (r *scenarioRun) lines(t theme, w, most int) []string {
	told := r.told[max(len(r.told)-max(most, 0), 0):]
	lines := make([]string, 0, len(told)+1)
	for _, s := range told {
		style := t.plain
		if s.Bad {
			style = t.lost
		}
		at := pad(seconds(s.At), 8, true) + " "
		lines = append(lines, t.dim.Render(at)+style.Render(cut(s.Text, w-width(at))))
	}
	return lines
}

// sign is how it stands while it goes on.
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

// ahead is what comes next.
func (r *scenarioRun) ahead(t theme, w int) string {
	at, text := pad("next", 8, true)+" ", safe(r.state.Next)
	switch {
	case text == "":
		text = "what etcd answers"
	case r.state.In > 0:
		text += ", in " + seconds(r.state.In)
	}
	return t.dim.Render(at) + t.waiting.Render(cut(text, w-width(at)))
}
