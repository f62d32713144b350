package effects

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// scenarioRuns runs scenarios, one at a time, reads them from files, and records
// new ones.
type scenarioRuns struct {
	*env
	cancelRun    context.CancelFunc
	cancelRecord context.CancelFunc
}

const (
	scenarioBurst = 256                    // bounds the steps of one message
	scenarioPulse = 250 * time.Millisecond // how often lanes grow while nothing happens
)

// runResult is how a run ended. It is set before its steps are closed.
type runResult struct {
	failures []string
	err      error
}

// runMsg brings the steps of a run since the last one. There may be none, as its
// lanes grow all the time.
type runMsg struct {
	run    *state.Run
	from   <-chan backend.ScenarioStep
	steps  []backend.ScenarioStep
	over   bool
	result *runResult
}

// start runs a scenario, unless one is running.
func (s *scenarioRuns) start(a nav.RunScenario) nav.Action {
	if s.Running() {
		return nil
	}
	play := s.ports.Scenarios.Play(a.Scenario.Name, a.Speed)
	s.Run = state.NewRun(play, a.Scenario, a.Speed)
	text := a.Scenario.Name + ": started"
	if a.Paused {
		s.Run.Pause()
		text += ", paused"
	}
	if a.Speed != 1 {
		text += " at " + state.SpeedText(a.Speed)
	}
	return nav.Batch{s.play(s.Run, play), nav.Say{Kind: state.EntryScenario, Text: text}}
}

// play runs the scenario in one command, and follows its steps in others.
func (s *scenarioRuns) play(run *state.Run, play backend.Play) nav.Action {
	steps, result := make(chan backend.ScenarioStep, scenarioBurst), &runResult{}
	var ctx context.Context
	ctx, s.cancelRun = context.WithCancel(s.Tasks.Ctx)
	cancel, done := s.cancelRun, s.Tasks.Ctx.Done()
	return nav.Batch{s.background(func() tea.Msg {
		defer cancel()
		defer close(steps)
		result.failures, result.err = play.Run(ctx, func(step backend.ScenarioStep) {
			select {
			case steps <- step:
			case <-done: // and not ctx's: a stopped scenario still says how it ended
			}
		})
		return nil
	}), s.follow(runMsg{run: run, from: steps, result: result})}
}

// follow waits for the next steps of a run.
func (s *scenarioRuns) follow(msg runMsg) nav.Action {
	done := s.Tasks.Ctx.Done()
	return s.background(func() tea.Msg {
		pulse := time.NewTimer(scenarioPulse)
		defer pulse.Stop()
		select {
		case step, ok := <-msg.from:
			msg.take(step, ok)
		case <-pulse.C:
			return msg
		case <-done:
			return nil
		}
		for !msg.over && len(msg.steps) < scenarioBurst {
			select {
			case step, ok := <-msg.from:
				msg.take(step, ok)
			default:
				return msg
			}
		}
		return msg
	})
}

func (msg *runMsg) take(step backend.ScenarioStep, ok bool) {
	if !ok {
		msg.over = true
		return
	}
	msg.steps = append(msg.steps, step)
}

func (msg runMsg) Apply(e *Effects) nav.Action {
	run := msg.run
	for _, step := range msg.steps {
		run.Take(step)
		e.Log.Add(state.EntryScenario, e.Now, step.Text)
	}
	if !msg.over {
		run.Refresh() // also for the other screens
		return e.runs.follow(runMsg{run: run, from: msg.from, result: msg.result})
	}
	run.Finish(msg.result.failures, msg.result.err)
	outcome := run.Outcome()
	e.Scenarios.Ended(run.Name, outcome)
	if outcome.Failed() {
		return nav.Say{Kind: state.EntryError, Text: "scenario " + run.Name + ": " + strings.TrimPrefix(outcome.String(), "scenario "+run.Name+": ")}
	}
	return nav.Say{Kind: state.EntryScenario, Text: run.Name + ": " + outcome.String()}
}

// stop stops the run that is going on.
func (s *scenarioRuns) stop() nav.Action {
	if s.Running() && !s.Run.Stopping {
		s.Run.Stopping = true
		s.cancelRun()
	}
	return nil
}

// scenarioMsg brings a scenario from a file.
type scenarioMsg struct {
	scenario backend.Scenario
	err      error
}

func (s *scenarioRuns) read(path string) nav.Action {
	from, ctx := s.ports.Scenarios, s.Tasks.Ctx
	return s.background(func() tea.Msg {
		sc, err := from.Read(ctx, path)
		return scenarioMsg{sc, err}
	})
}

func (msg scenarioMsg) Apply(e *Effects) nav.Action {
	if msg.err != nil {
		return nav.Fail("not loaded: " + msg.err.Error())
	}
	e.Scenarios.Add(msg.scenario)
	return nav.SelectScenario{Name: msg.scenario.Name}
}

// completionsMsg brings completions.
type completionsMsg struct{ nav.Completions }

func (s *scenarioRuns) completePath(text string) nav.Action {
	from := s.ports.Scenarios
	return s.background(func() tea.Msg { return completionsMsg{nav.Completions{Text: text, Candidates: from.Paths(text)}} })
}

func (msg completionsMsg) Apply(*Effects) nav.Action { return msg.Completions }

// recordedMsg says how a recording ended.
type recordedMsg struct {
	path, summary string
	err           error
}

func (s *scenarioRuns) startRecording(path string) nav.Action {
	ctx, cancel := context.WithCancel(s.Tasks.Ctx)
	s.Recording, s.cancelRecord = &state.Recording{Path: path, Since: s.Now}, cancel
	recorder := s.ports.Recorder
	return nav.Batch{nav.Say{Kind: state.EntryScenario, Text: "recording into " + path}, s.background(func() tea.Msg {
		defer cancel()
		summary, err := recorder.Record(ctx, path)
		return recordedMsg{path, summary, err}
	})}
}

func (s *scenarioRuns) stopRecording() nav.Action {
	if s.Recording != nil {
		s.cancelRecord()
	}
	return nil
}

// Apply puts the scenario that was recorded on the list.
func (msg recordedMsg) Apply(e *Effects) nav.Action {
	e.Recording = nil
	if msg.err != nil {
		return nav.Say{Kind: state.EntryError, Text: "not recorded: " + format.Plainly(msg.err)}
	}
	return nav.Batch{nav.Say{Kind: state.EntryScenario, Text: msg.path + ": " + msg.summary}, e.runs.read(msg.path)}
}
