package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
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

// runMsg brings the steps of a run since the last one, which may be none: its
// lanes go on all the same.
type runMsg struct {
	run    *scenarioRun
	from   <-chan ScenarioStep
	steps  []ScenarioStep
	over   bool
	result *runResult
}

// start runs a scenario, unless one is running.
func (s *scenarioRuns) start(a RunScenario) Action {
	if s.running() {
		return nil
	}
	play := s.ports.Scenarios.Play(a.Scenario.Name, a.Speed)
	s.data.run = newScenarioRun(play, a.Scenario, a.Speed)
	text := a.Scenario.Name + ": started"
	if a.Paused {
		s.data.run.pause()
		text += ", paused"
	}
	if a.Speed != 1 {
		text += " at " + speedText(a.Speed)
	}
	return Batch{s.play(s.data.run, play), Say{entryScenario, text}}
}

// play runs the scenario in one command, and follows its steps in others.
func (s *scenarioRuns) play(run *scenarioRun, play Play) Action {
	steps, result := make(chan ScenarioStep, scenarioBurst), &runResult{}
	var ctx context.Context
	ctx, s.cancelRun = context.WithCancel(s.tasks.ctx)
	cancel, done := s.cancelRun, s.tasks.ctx.Done()
	return Batch{s.background(func() tea.Msg {
		defer cancel()
		defer close(steps)
		result.failures, result.err = play.Run(ctx, func(step ScenarioStep) {
			select {
			case steps <- step:
			case <-done: // and not ctx's: a stopped scenario still says how it ended
			}
		})
		return nil
	}), s.follow(runMsg{run: run, from: steps, result: result})}
}

// follow waits for the next steps of a run.
func (s *scenarioRuns) follow(msg runMsg) Action {
	done := s.tasks.ctx.Done()
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

func (msg *runMsg) take(step ScenarioStep, ok bool) {
	if !ok {
		msg.over = true
		return
	}
	msg.steps = append(msg.steps, step)
}

func (msg runMsg) apply(e *Effects) Action {
	run := msg.run
	for _, step := range msg.steps {
		run.take(step)
		e.log.add(entryScenario, e.now, step.Text)
	}
	if !msg.over {
		run.look() // also for the other screens
		return e.runs.follow(runMsg{run: run, from: msg.from, result: msg.result})
	}
	run.finish(msg.result.failures, msg.result.err)
	outcome := run.outcome()
	e.data.scenarios.ended(run.name, outcome)
	if outcome.failed() {
		return Say{entryError, "scenario " + run.name + ": " + outcome.String()}
	}
	return Say{entryScenario, run.name + ": " + outcome.String()}
}

// stop stops the run that is going on.
func (s *scenarioRuns) stop() Action {
	if s.running() && !s.data.run.stopping {
		s.data.run.stopping = true
		s.cancelRun()
	}
	return nil
}

// scenarioMsg brings a scenario from a file.
type scenarioMsg struct {
	scenario Scenario
	err      error
}

func (s *scenarioRuns) read(path string) Action {
	from := s.ports.Scenarios
	return s.background(func() tea.Msg {
		sc, err := from.Read(path)
		return scenarioMsg{sc, err}
	})
}

func (msg scenarioMsg) apply(e *Effects) Action {
	if msg.err != nil {
		return fail("not read: " + msg.err.Error())
	}
	e.data.scenarios.add(msg.scenario)
	return SelectScenario{msg.scenario.Name}
}

// completionsMsg brings completions.
type completionsMsg struct{ Completions }

func (s *scenarioRuns) completePath(text string) Action {
	from := s.ports.Scenarios
	return s.background(func() tea.Msg { return completionsMsg{Completions{text, from.Paths(text)}} })
}

func (msg completionsMsg) apply(*Effects) Action { return msg.Completions }

// recordedMsg says how a recording ended.
type recordedMsg struct {
	path, summary string
	err           error
}

func (s *scenarioRuns) startRecording(path string) Action {
	ctx, cancel := context.WithCancel(s.tasks.ctx)
	s.data.recording, s.cancelRecord = &recording{path: path, since: s.now}, cancel
	recorder := s.ports.Recorder
	return Batch{Say{entryScenario, "recording into " + path}, s.background(func() tea.Msg {
		defer cancel()
		summary, err := recorder.Record(ctx, path)
		return recordedMsg{path, summary, err}
	})}
}

func (s *scenarioRuns) stopRecording() Action {
	if s.data.recording != nil {
		s.cancelRecord()
	}
	return nil
}

// apply puts the scenario that was recorded on the list.
func (msg recordedMsg) apply(e *Effects) Action {
	e.data.recording = nil
	if msg.err != nil {
		return Say{entryError, "not recorded: " + msg.err.Error()}
	}
	return Batch{Say{entryScenario, msg.path + ": " + msg.summary}, e.runs.read(msg.path)}
}
