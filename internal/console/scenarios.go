package console

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"etcd-lock/internal/interrupt"
	"etcd-lock/internal/sandbox"
	"etcd-lock/simulate"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/tui/backend"
)

// scenarios runs scenarios for the terminal UI.
type scenarios struct {
	shared      simulate.Etcd // the etcd that is shown, for scenarios without faults
	dialTimeout time.Duration // for a cluster that is started for one with faults
}

// List implements backend.Scenarios.
func (scenarios) List() []backend.Scenario {
	var all []backend.Scenario
	for _, sc := range scenario.Builtin() {
		all = append(all, newScenario(sc.Name, sc))
	}
	return all
}

// Read implements backend.Scenarios.
func (scenarios) Read(ctx context.Context, path string) (backend.Scenario, error) {
	data, err := interrupt.ReadFile(ctx, path)
	if err != nil {
		return backend.Scenario{}, err
	}
	sc, err := scenario.Parse(path, data)
	if err != nil {
		return backend.Scenario{}, err
	}
	return newScenario(path, sc), nil
}

func newScenario(name string, sc *scenario.Scenario) backend.Scenario {
	return backend.Scenario{Name: name, About: sc.About, Locks: sc.Locks(), OwnCluster: sc.Cluster > 0}
}

// Paths implements backend.Scenarios. Of the files it returns those that may be
// scenarios.
func (scenarios) Paths(path string) []string {
	folder, start := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(folder + "."))
	if err != nil {
		return nil // there is nothing to complete
	}
	var paths []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case !strings.HasPrefix(name, start), strings.HasPrefix(name, ".") && start == "":
		case e.IsDir():
			paths = append(paths, folder+name+string(filepath.Separator))
		case slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)):
			paths = append(paths, folder+name)
		}
	}
	return paths
}

// Play implements backend.Scenarios.
func (s scenarios) Play(name string, speed float64) backend.Play {
	p := &play{Clock: &simulate.Clock{}, scenarios: s, name: name}
	p.SetSpeed(speed)
	return p
}

// play is a run of a scenario. It implements backend.Play.
type play struct {
	*simulate.Clock
	scenarios
	name string // of a built-in scenario, or of a file

	mu     sync.Mutex
	events []outcome.Event
}

// Run implements backend.Play. It reads a file anew, which may have been edited.
func (p *play) Run(ctx context.Context, tell func(backend.ScenarioStep)) (failures []string, err error) {
	sc, err := interrupt.Await(ctx, func() (*scenario.Scenario, error) { return scenario.Open(p.name) })
	if err != nil {
		return nil, err
	}
	etcd := p.shared
	if sc.Cluster > 0 {
		tell(backend.ScenarioStep{Text: sandbox.Notice(sc) + "; the other screens do not show it"})
		s, err := sandbox.Start(ctx, sc.Cluster, p.dialTimeout)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		etcd = s.Etcd()
	}
	result, err := simulate.Run(ctx, etcd, sc, simulate.Options{
		Clock: p.Clock,
		Note:  func(text string) { tell(backend.ScenarioStep{Text: text, Bad: true}) },
		Log: func(e outcome.Event) {
			p.mu.Lock()
			p.events = append(p.events, e)
			p.mu.Unlock()
			if e.Line != "" {
				tell(backend.ScenarioStep{At: e.At, Text: e.Line, Bad: isBad(e.Moment)})
			}
		},
	})
	return outcome.Texts(result.Failures), err
}

// isBad reports whether something went wrong for a client.
func isBad(m scenario.Moment) bool {
	switch m {
	case scenario.Refused, scenario.Deadline, scenario.Lost, scenario.Crashed, scenario.Failed, scenario.Fenced:
		return true
	default:
		return false
	}
}

// SetSpeed implements backend.Play.
func (p *play) SetSpeed(speed float64) {
	_ = p.Clock.SetSpeed(speed) // the screens offer only speeds that are valid
}

// State implements backend.Play.
func (p *play) State() backend.PlayState {
	p.mu.Lock()
	events := p.events[:len(p.events):len(p.events)] // events are only appended
	p.mu.Unlock()
	s := p.Clock.State()
	return backend.PlayState{
		Elapsed: s.Elapsed, Paused: s.Paused, Stepping: s.Stepping, Next: s.Next, In: s.In,
		Lanes: outcome.Draw(events, s.Elapsed).Lanes,
	}
}
