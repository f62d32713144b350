package backend

import (
	"context"
	"time"

	"etcd-lock/simulate/outcome"
)

// Scenario is a script of contention.
type Scenario struct {
	Name       string // or the path of its file
	About      string
	Locks      []string // that its clients request
	OwnCluster bool     // it injects faults, so each run starts a cluster of its own
}

// Scenarios runs scenarios, in the cluster that is watched unless they need their
// own.
type Scenarios interface {
	// List returns the built-in ones. It does not block.
	List() []Scenario
	// Read reads one from a file.
	Read(ctx context.Context, path string) (Scenario, error)
	// Paths returns the files and folders that begin with path.
	Paths(path string) []string
	// Play makes a run that has not started. It does not block. Speed is the factor
	// by which its durations pass faster.
	Play(name string, speed float64) Play
}

// Play is a run of a scenario. Only Run blocks; the others can be called before
// it too.
type Play interface {
	// Run runs the scenario to its end, and calls step for each of its steps, from
	// one goroutine at a time. It returns the expectations that failed; its error
	// is for runs that could not be carried out.
	Run(ctx context.Context, step func(ScenarioStep)) (failures []string, err error)
	// Pause pauses the scenario's time: no step starts and no deadline fires.
	// Resume continues, and Step does until one thing has happened.
	Pause()
	Resume()
	Step()
	// SetSpeed sets the speed from now on.
	SetSpeed(speed float64)
	// State returns the state of the run.
	State() PlayState
}

// PlayState is the state of a run.
type PlayState struct {
	Elapsed  time.Duration // since it started, without pauses
	Paused   bool
	Stepping bool           // it pauses as soon as one thing has happened
	Next     string         // what the clock brings next; empty: nothing
	In       time.Duration  // until then, in the scenario's time
	Lanes    []outcome.Lane // of the clients, until now
}

// ScenarioStep is something that happened in a run.
type ScenarioStep struct {
	At   time.Duration // since the run started
	Text string
	Bad  bool // a lock was refused or lost, or something failed
}

// Recorder makes scenarios from what happens.
type Recorder interface {
	// Record records the watched locks until ctx ends, writes the scenario to a new
	// file and returns a summary.
	Record(ctx context.Context, path string) (summary string, err error)
}
