package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/simulate"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/tui/backend"
)

// scenarios runs scenarios for the terminal UI.
type scenarios struct {
	etcd  simulate.Etcd
	apart func(context.Context, *scenario.Scenario) (*ground, error) // where faults can be made
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
func (scenarios) Read(path string) (backend.Scenario, error) {
	data, err := os.ReadFile(path)
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
	return backend.Scenario{Name: name, About: sc.About, Locks: sc.Locks(), Alone: sc.Cluster > 0}
}

// Paths implements backend.Scenarios. Of files it names those that may be scenarios.
func (scenarios) Paths(path string) []string {
	folder, start := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(folder + "."))
	if err != nil {
		return nil // what is typed names nothing
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
	p := &play{Clock: &simulate.Clock{}, from: s, name: name}
	p.SetSpeed(speed)
	return p
}

// play is a run of a scenario for the terminal UI.
type play struct {
	*simulate.Clock
	from scenarios
	name string

	mu     sync.Mutex
	events []outcome.Event
}

// Run implements backend.Play. A file is read anew: it may have been mended.
func (p *play) Run(ctx context.Context, tell func(backend.ScenarioStep)) (failures []string, err error) {
	sc, err := loadScenario(p.name)
	if err != nil {
		return nil, err
	}
	on := &ground{etcd: p.from.etcd, close: func() {}}
	if sc.Cluster > 0 {
		tell(backend.ScenarioStep{Text: startsCluster(sc) + "; the other screens do not show it"})
		if on, err = p.from.apart(ctx, sc); err != nil {
			return nil, err
		}
	}
	defer on.close()
	result, err := simulate.Run(ctx, on.etcd, sc, simulate.Options{Clock: p.Clock, Log: func(e outcome.Event) {
		p.mu.Lock()
		p.events = append(p.events, e)
		p.mu.Unlock()
		if e.Line != "" {
			tell(backend.ScenarioStep{At: e.At, Text: e.Line, Bad: isBad(e.Moment)})
		}
	}})
	for _, f := range result.Failures {
		failures = append(failures, f.String())
	}
	return failures, err
}

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
	_ = p.Clock.SetSpeed(speed) // which the screens take from good ones
}

// State implements backend.Play.
func (p *play) State() backend.PlayState {
	p.mu.Lock()
	events := p.events[:len(p.events):len(p.events)] // which are only appended to
	p.mu.Unlock()
	s := p.Clock.State()
	return backend.PlayState{
		Elapsed: s.Elapsed, Paused: s.Paused, Stepping: s.Stepping, Next: s.Next, In: s.In,
		Lanes: lanesOf(simulate.Draw(events, s.Elapsed)),
	}
}

func lanesOf(picture simulate.Picture) []backend.ScenarioLane {
	lanes := make([]backend.ScenarioLane, 0, len(picture.Lanes))
	for _, l := range picture.Lanes {
		lane := backend.ScenarioLane{Client: l.Client}
		for _, s := range l.Stretches {
			lane.Spans = append(lane.Spans, backend.ScenarioSpan{
				From: s.From, To: s.To, Waits: s.Waits, Holds: s.Holds, Paused: s.Paused, Gone: s.Gone,
			})
		}
		for _, m := range l.Marks {
			lane.Marks = append(lane.Marks, m.At)
		}
		lanes = append(lanes, lane)
	}
	return lanes
}

// recorder records for the terminal UI.
type recorder struct {
	source *inspect.Source
	prefix string
}

// Record implements backend.Recorder.
func (r recorder) Record(ctx context.Context, path string) (summary string, err error) {
	var said strings.Builder
	err = simulateRecord(ctx, &simulateRecordOptions{
		prefix: r.prefix, file: path, err: &said, now: time.Now,
		connect: func(context.Context) (*remote, error) { return &remote{source: r.source, close: func() {}}, nil },
	})
	return strings.ReplaceAll(strings.TrimSpace(said.String()), "\n", "; "), err
}
