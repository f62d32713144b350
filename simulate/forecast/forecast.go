// Package forecast works out what must happen in a scenario, without an etcd: its
// clients, queues and leases are simulated in virtual time.
package forecast

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// ErrImpossible is wrapped by the error of a scenario with an expectation that no run
// can meet.
var ErrImpossible = errors.New("expectation cannot hold")

// Forecast is what must happen in a scenario, as far as that can be known.
type Forecast struct {
	Scenario  string
	Seed      uint64  // that its random values were drawn from
	Events    []Event // in the order of time
	Deadlocks []Deadlock
	Failures  []outcome.Failure // of expectations that cannot hold
	Depends   []outcome.Failure // of expectations that may hold or not
	Faulty    bool              // it has a fault whose effects are not fully simulated
	FaultAt   time.Duration     // when the first such fault happens; nothing is certain from then on
}

// Err returns nil, or an error that wraps ErrImpossible and lists every expectation
// that cannot hold.
func (f Forecast) Err() error { return outcome.FailuresErr(f.Scenario, ErrImpossible, f.Failures) }

// Event is an event that is forecast. Its times are since the common start, as if etcd
// took no time.
type Event struct {
	outcome.Event
	Earliest time.Duration // in any of the variations
	Latest   time.Duration // in any of the variations
	Depends  bool          // it may happen in another order, or not at all
}

// Spread reports whether the times of the event differ by more than messages take. A
// message takes little time, but the times of many add up.
func (e Event) Spread() bool { return e.Latest-e.Earliest > max(100*time.Millisecond, e.At/4) }

// No two runs are alike: things that are due at about the same time happen in any
// order, and etcd does not revoke a lease to the millisecond. So a forecast simulates
// several variations, in which messages take up to maxDelay.
const (
	maxDelay      = 10 * time.Millisecond
	maxVariations = 24
	maxSteps      = 200_000 // of all variations together
)

// Options say which run of a scenario is forecast.
type Options struct {
	Seed   uint64        // that random values are drawn from; 0 for the scenario's
	MinTTL time.Duration // etcd grants no TTL below it; 0 if it grants all as they are asked for
	Speed  float64       // how fast the scenario's durations pass, and TTLs do not; 0 for 1
}

// Make makes the forecast of a scenario.
//
// It assumes that etcd serves requests in the order in which they arrive. It does not
// simulate what happens when members fail, so everything after such a fault is
// uncertain. Steps are told apart by their places, so the scenario must have been
// parsed.
func Make(sc *scenario.Scenario, opts Options) Forecast {
	opts.Seed, opts.Speed = cmp.Or(opts.Seed, sc.Seed), cmp.Or(opts.Speed, 1)
	p := plan.New(sc, opts.Seed).Raised(opts.MinTTL).AtSpeed(opts.Speed)
	base := newWorld(sc, p, opts, 0, 0)
	base.run()
	f := newForecast(sc, p, base)
	views := []view{newView(sc, p, base)}
	for i := range variations(p) {
		w := newWorld(sc, p, opts, maxDelay, uint64(i)+1)
		w.run()
		v := newView(sc, p, w)
		views = append(views, v)
		f.compare(views[0], v)
	}
	f.judge(sc, views)
	return f
}

// variations returns how many variations are simulated: fewer of long scenarios.
func variations(p plan.Plan) int {
	steps := 0
	for _, s := range p.Scripts {
		steps += len(s.Steps)
	}
	return max(2, min(maxVariations, maxSteps/max(steps, 1)))
}

func newForecast(sc *scenario.Scenario, p plan.Plan, w *world) Forecast {
	f := Forecast{Scenario: sc.Name, Seed: w.result.Seed}
	for i, fault := range sc.Faults {
		if fault.Do != scenario.FaultCompact && !f.Faulty {
			f.Faulty, f.FaultAt = true, p.FaultAt[i]
		}
	}
	for _, e := range w.result.Events {
		if e.Moment == scenario.Preparing || e.Moment == scenario.Ready {
			continue // which are before the common start
		}
		f.Events = append(f.Events, Event{
			Event: e, Earliest: e.At, Latest: e.At,
			Depends: f.Faulty && e.At >= f.FaultAt && e.Moment != scenario.Faulty,
		})
	}
	for _, d := range w.deadlocks {
		f.Deadlocks = append(f.Deadlocks, *d)
	}
	return f
}

// compare notes in what a variation differs from the base.
func (f *Forecast) compare(base, variation view) {
	for i := range f.Events {
		e := &f.Events[i]
		o, ok := variation.occurrences[instanceOf(e.Event)]
		if ok {
			e.Earliest, e.Latest = min(e.Earliest, o.at), max(e.Latest, o.at)
		}
		e.Depends = e.Depends || !ok || o.rank != base.occurrences[instanceOf(e.Event)].rank
	}
	f.compareDeadlocks(variation)
}

func (f *Forecast) compareDeadlocks(variation view) {
	index := func(all []Deadlock, d Deadlock) int {
		return slices.IndexFunc(all, func(o Deadlock) bool { return o.key() == d.key() })
	}
	var others []Deadlock
	for _, d := range variation.deadlocks {
		others = append(others, *d)
	}
	for i := range f.Deadlocks {
		f.Deadlocks[i].Depends = f.Deadlocks[i].Depends || index(others, f.Deadlocks[i]) < 0
	}
	for _, d := range others {
		if index(f.Deadlocks, d) < 0 {
			d.Depends = true
			f.Deadlocks = append(f.Deadlocks, d)
		}
	}
}

// judge tells expectations that fail in all variations from those that fail in some.
func (f *Forecast) judge(sc *scenario.Scenario, views []view) {
	fails := map[scenario.Place]int{}
	first := map[scenario.Place][]outcome.Failure{}
	for _, v := range views {
		for at, failures := range v.failures {
			if fails[at]++; fails[at] == 1 {
				first[at] = failures
			}
		}
	}
	for at, n := range fails {
		if n == len(views) && f.certain(sc, at) {
			f.Failures = append(f.Failures, first[at]...)
		} else {
			f.Depends = append(f.Depends, first[at]...)
		}
	}
	for _, all := range [][]outcome.Failure{f.Failures, f.Depends} {
		slices.SortStableFunc(all, func(a, b outcome.Failure) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
	}
}

// certain reports whether the simulation decides the expectation at a place. It does
// not know with which error a client is notified of a loss. In a scenario with faults,
// it decides only about steps that end before the first fault.
func (f *Forecast) certain(sc *scenario.Scenario, at scenario.Place) bool {
	switch {
	case at == sc.Expect.LogPlace && f.losses():
		return false
	case !f.Faulty:
		return true
	}
	ended, ok := f.endedBeforeFault(at)
	want := runs(sc, at)
	return ok && want > 0 && ended >= want
}

// losses reports whether a client loses anything.
func (f *Forecast) losses() bool {
	return slices.ContainsFunc(f.Events, func(e Event) bool { return e.Moment == scenario.Lost || e.Moment == scenario.Failed })
}

// endedBeforeFault returns how many runs of the step at a place end before the first
// fault. It is not ok if anything about the step happens later.
func (f *Forecast) endedBeforeFault(at scenario.Place) (ended int, ok bool) {
	asked := map[instance]bool{}
	for _, e := range f.Events {
		if e.Place != at {
			continue
		}
		if e.At >= f.FaultAt {
			return 0, false
		}
		i := instanceOf(e.Event)
		i.moment = ""
		switch {
		case e.Moment == scenario.Asked:
			asked[i] = true
		case e.Moment.Ends() && asked[i]:
			ended++
		}
	}
	return ended, true
}

// runs returns how often the step at a place is run, by all clients and in all rounds.
func runs(sc *scenario.Scenario, at scenario.Place) int {
	n := 0
	for _, c := range sc.Clients {
		for _, s := range c.Steps {
			if s.Place == at {
				n += c.Count * c.Repeat
			}
		}
	}
	return n
}
