// Package plan draws everything that is random in a scenario, and keeps what is due
// in the order of its time.
package plan

import (
	"slices"
	"time"

	"etcd-lock/simulate/internal/lockset"
	"etcd-lock/simulate/scenario"
)

// Plan is a scenario with everything random drawn.
type Plan struct {
	Scripts []Script        // one for each client
	FaultAt []time.Duration // when each fault happens, since the common start
}

// Script is what one client does.
type Script struct {
	Name  string
	Impl  scenario.Impl
	TTL   time.Duration // of its session
	After time.Duration // from the common start to its first step
	Steps []Step        // of all repeats, one after the other
}

// Step is a step of a scenario in one of its repeats.
type Step struct {
	scenario.Step
	Round        int           // which of the repeats, from 1
	End          int           // of an acquisition: the index of the step that releases it, or else of the last step of the round
	GiveUpAfter  time.Duration // the deadline of an acquisition
	CancelAfter  time.Duration // when the client cancels its wait; 0 for never
	CrashAfter   time.Duration // when the client crashes if it still waits; 0 for never
	WaitFor      time.Duration // of a wait step
	Downgradable bool          // a later step downgrades what this one acquires
}

// New draws the plan of a scenario. The same seed draws the same values for a
// client, whatever else is in the scenario and whenever it happens.
func New(sc *scenario.Scenario, seed uint64) Plan {
	return Plan{Scripts: scripts(sc, seed), FaultAt: faultTimes(sc, seed)}
}

// Raised returns the plan on an etcd that grants no TTL below least. A deadline that
// the scenario leaves out is there to find what hangs, so it grows with the TTLs: the
// locks of a client that crashed are released later by as much.
func (p Plan) Raised(least time.Duration) Plan {
	raise := time.Duration(0)
	for _, s := range p.Scripts {
		raise = max(raise, least-s.TTL)
	}
	return p.each(func(s *Script) { s.TTL = max(s.TTL, least) }, func(s *Step) { s.GiveUpAfter = Later(s.GiveUpAfter, raise) })
}

// AtSpeed returns the plan with times of a scenario that runs at a speed, in which TTLs
// keep their real time, and so do at least the deadlines that the scenario leaves out.
func (p Plan) AtSpeed(speed float64) Plan {
	return p.each(
		func(s *Script) { s.TTL = Bounded(float64(s.TTL) * speed) },
		func(s *Step) { s.GiveUpAfter = Bounded(float64(s.GiveUpAfter) * max(speed, 1)) },
	)
}

// each returns a copy of the plan with every script changed, and every step for which
// the scenario names no deadline.
func (p Plan) each(script func(*Script), step func(*Step)) Plan {
	p.Scripts = slices.Clone(p.Scripts)
	for i := range p.Scripts {
		s := &p.Scripts[i]
		script(s)
		s.Steps = slices.Clone(s.Steps)
		for j := range s.Steps {
			if s.Steps[j].Within.To == 0 {
				step(&s.Steps[j])
			}
		}
	}
	return p
}

// scripts draws for each client from the seed and its name, in the order of its
// steps.
func scripts(sc *scenario.Scenario, seed uint64) []Script {
	var all []Script
	for _, c := range sc.Clients {
		for _, name := range c.Names() {
			d := NewDice(seed, name)
			s := Script{Name: name, Impl: c.Impl, TTL: c.TTL, After: d.Draw(c.After)}
			for round := range c.Repeat {
				s.Steps = append(s.Steps, steps(d, c.Steps, round)...)
			}
			all = append(all, s)
		}
	}
	return all
}

func faultTimes(sc *scenario.Scenario, seed uint64) []time.Duration {
	d := NewDice(seed, " faults") // which is no client's name
	at := make([]time.Duration, len(sc.Faults))
	for i, f := range sc.Faults {
		at[i] = d.Draw(f.At)
	}
	return at
}

// steps draws the steps of one round, which is counted from 0.
func steps(d Dice, of []scenario.Step, round int) []Step {
	all := make([]Step, len(of))
	for i, s := range of {
		all[i] = Step{
			Step:         s,
			Round:        round + 1,
			End:          round*len(of) + endOfSection(of, i),
			GiveUpAfter:  scenario.DefaultWithin,
			CancelAfter:  d.Draw(s.Cancel),
			CrashAfter:   d.Draw(s.Crash),
			WaitFor:      d.Draw(s.For),
			Downgradable: s.Do == scenario.Write && downgraded(of, i),
		}
		if s.Within.To > 0 {
			all[i].GiveUpAfter = d.Draw(s.Within)
		}
	}
	return all
}

// endOfSection returns the index of the unlock that belongs to the step at i, or of
// the last step if there is none.
func endOfSection(steps []scenario.Step, i int) int {
	for j := i + 1; j < len(steps); j++ {
		if steps[j].Do == scenario.Unlock && sameSection(steps[j], steps[i]) {
			return j
		}
	}
	return len(steps) - 1
}

// downgraded reports whether a later step downgrades what the step at i acquires.
func downgraded(steps []scenario.Step, i int) bool {
	for _, s := range steps[i+1 : endOfSection(steps, i)+1] {
		if s.Do == scenario.Downgrade && sameSection(s, steps[i]) {
			return true
		}
	}
	return false
}

// sameSection reports whether s is about locks that the step acquire acquires. One
// step unlocks all of them, so the first lock decides.
func sameSection(s, acquire scenario.Step) bool {
	return len(s.Locks) > 0 && lockset.Has(acquire.Locks, s.Locks[0].Name)
}
