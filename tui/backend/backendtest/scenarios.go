package backendtest

import (
	"context"
	"time"

	"etcd-lock/simulate/outcome"
	"etcd-lock/tui/backend"
)

// Scenarios is Scenarios whose run is a function.
type Scenarios struct {
	Scenarios   []backend.Scenario
	Script      func(ctx context.Context, name string, tell func(backend.ScenarioStep)) ([]string, error)
	Lanes       []outcome.Lane
	Ran         *time.Duration // how long a run takes until now
	Completions []string
	ReadErr     error
	Made        *Made
}

// Made is the latest run.
type Made struct{ Latest *playing }

// List returns the scenarios.
func (p Scenarios) List() []backend.Scenario { return p.Scenarios }

// Read makes a scenario of any path, or fails with ReadErr.
func (p Scenarios) Read(_ context.Context, path string) (backend.Scenario, error) {
	return backend.Scenario{Name: path, About: "from a file"}, p.ReadErr
}

// Paths returns the completions, whatever the path.
func (p Scenarios) Paths(string) []string { return p.Completions }

// Play makes a run of the script.
func (p Scenarios) Play(name string, speed float64) backend.Play {
	run := &playing{Scenarios: p, name: name, Speed: speed}
	if p.Made != nil {
		p.Made.Latest = run
	}
	return run
}

type playing struct {
	Scenarios
	name  string
	Speed float64
	Shows backend.PlayState
}

func (p *playing) Pause()              { p.Shows.Paused, p.Shows.Stepping = true, false }
func (p *playing) Resume()             { p.Shows.Paused, p.Shows.Stepping = false, false }
func (p *playing) Step()               { p.Shows.Paused, p.Shows.Stepping = false, true }
func (p *playing) SetSpeed(to float64) { p.Speed = to }

func (p *playing) Run(ctx context.Context, tell func(backend.ScenarioStep)) ([]string, error) {
	return p.Script(ctx, p.name, tell)
}

func (p *playing) State() backend.PlayState {
	state := p.Shows
	if p.Ran != nil {
		state.Elapsed = *p.Ran
	}
	for _, l := range p.Lanes {
		var stretches []outcome.Stretch
		for _, s := range l.Stretches {
			s.To = min(s.To, state.Elapsed)
			stretches = append(stretches, s)
		}
		state.Lanes = append(state.Lanes, outcome.Lane{Client: l.Client, Stretches: stretches, Marks: l.Marks})
	}
	return state
}
