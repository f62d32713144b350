package backend

import (
	"context"
	"time"

	"etcd-lock/internal/keyspace"
)

// Scenario is a script of contention.
type Scenario struct {
	Name  string // or the path of its file
	About string
	Locks []string // that its clients ask for
	Alone bool     // it makes faults, and so runs in a cluster of its own that is started for it
}

// Scenarios runs scripts of contention against the cluster that is watched, but for
// those that make faults.
type Scenarios interface {
	// List are those that come along. It does not block.
	List() []Scenario
	// Read reads one from a file.
	Read(path string) (Scenario, error)
	// Paths are the files and folders that begin with path.
	Paths(path string) []string
	// Play is a run of one that is to come. It does not block. Speed is how much
	// faster its durations pass at first.
	Play(name string, speed float64) Play
}

// Play is a run of a scenario. None of its methods blocks but Run, and all can be
// called before it.
type Play interface {
	// Run blocks until the scenario is over, and tells of each of its steps from
	// one goroutine at a time. It returns what was not as it had to be; its error
	// is for runs that could not be.
	Run(ctx context.Context, tell func(ScenarioStep)) (failures []string, err error)
	// Pause has the scenario's time stand still: nobody begins anything or gives
	// up. Resume has it go on, and Step too, until one thing has happened.
	Pause()
	Resume()
	Step()
	// SetSpeed is how much faster durations pass from now on.
	SetSpeed(speed float64)
	State() PlayState
}

// PlayState is how a run stands.
type PlayState struct {
	Elapsed  time.Duration // for how long it has run, but for pauses
	Paused   bool
	Stepping bool           // it pauses as soon as one thing has happened
	Next     string         // what happens next; empty: nothing is a matter of time
	In       time.Duration  // until then, in the scenario's time
	Lanes    []ScenarioLane // what the clients have done until now
}

// ScenarioStep is something that happened in a run.
type ScenarioStep struct {
	At   time.Duration // for how long the run had run
	Text string
	Bad  bool // a lock was refused or lost, or something failed
}

// ScenarioLane is what a client did. Its spans follow each other without a gap.
type ScenarioLane struct {
	Client string
	Spans  []ScenarioSpan
	Marks  []time.Duration // when it was refused, lost or did not get what it wanted
}

// ScenarioSpan is a time in which a client's state stayed the same. It can hold
// one lock and wait for another.
type ScenarioSpan struct {
	From, To     time.Duration
	Waits        bool
	Holds        keyspace.Mode // the most that it believes to hold; 0 for nothing
	Paused, Gone bool
}

// Recorder makes scenarios of what happens.
type Recorder interface {
	// Record records what is watched until ctx ends, then writes it to a new file
	// and says what it wrote.
	Record(ctx context.Context, path string) (summary string, err error)
}
