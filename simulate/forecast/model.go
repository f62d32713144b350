package forecast

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// ErrImpossible says that no run of a scenario can be as it expects.
var ErrImpossible = errors.New("expectation cannot hold")

// Forecast is what must come of a scenario, as far as that can be known before.
type Forecast struct {
	Scenario  string
	Seed      uint64     // with which it was made
	Moments   []Foreseen // in the order of time
	Deadlocks []Deadlock
	Failures  []outcome.Failure // expectations that cannot hold
	Depends   []outcome.Failure // expectations that may hold or not
	Faulty    bool              // a fault is made whose effects are not modelled in detail
	FaultAt   time.Duration     // from when on nothing is certain, if so
}

// Err is nil, or an error that wraps ErrImpossible and names every expectation
// that cannot hold.
func (f Forecast) Err() error { return outcome.Err(f.Scenario, ErrImpossible, f.Failures) }

// Foreseen is an event that will be. Its times are since the common start, as if
// etcd took no time.
type Foreseen struct {
	outcome.Event
	Earliest time.Duration // of all the ways in which it can come
	Latest   time.Duration // likewise
	Depends  bool          // it may come in another place among the others, or not at all
}

// Spread reports whether the ways in which the event can come are far apart in
// time: by more than messages take, which is little for each but adds up.
func (f Foreseen) Spread() bool { return f.Latest-f.Earliest > max(100*time.Millisecond, f.At/4) }

// Nothing happens twice in the same way: what is due at about the same time
// comes in any order, and etcd does not take a lease away to the millisecond.
// So a forecast is made of several ways, in which messages take up to modelDelay.
const (
	modelDelay = 10 * time.Millisecond
	modelWays  = 24
	modelSteps = 200_000 // of all ways together
)

// Model says what must be granted when, without etcd: clients, queues and leases
// in virtual time. A seed of 0 is the scenario's. It knows that etcd serves
// requests in the order in which they come; it does not know how etcd fares when
// its members fail, so what comes after such a fault is uncertain. It tells the
// scenario's steps apart by their places, which Parse gives them.
func Model(sc *scenario.Scenario, seed uint64) Forecast {
	if seed == 0 {
		seed = sc.Seed
	}
	base := NewWorld(sc, seed, 0, 0)
	steps := 0
	for _, a := range base.actors {
		steps += len(a.Steps)
	}
	base.Run()
	f := newForecast(sc, base)
	ways := max(2, min(modelWays, modelSteps/max(steps, 1)))
	views := []view{newView(sc, base)}
	for i := range ways {
		w := NewWorld(sc, seed, modelDelay, uint64(i)+1)
		w.Run()
		v := newView(sc, w)
		views = append(views, v)
		f.compare(views[0], v)
	}
	f.judge(sc, views)
	return f
}

func newForecast(sc *scenario.Scenario, w *World) Forecast {
	f := Forecast{Scenario: sc.Name, Seed: w.Result.Seed}
	at := plan.FaultTimes(sc, f.Seed)
	for i, fault := range sc.Faults {
		if fault.Do != scenario.FaultCompact && !f.Faulty {
			f.Faulty, f.FaultAt = true, at[i]
		}
	}
	for _, e := range w.Result.Events {
		if e.Moment == scenario.Preparing || e.Moment == scenario.Ready {
			continue // which are before the start
		}
		f.Moments = append(f.Moments, Foreseen{
			Event: e, Earliest: e.At, Latest: e.At,
			Depends: f.Faulty && e.At >= f.FaultAt && e.Moment != scenario.Faulty,
		})
	}
	for _, d := range w.deadlocks {
		f.Deadlocks = append(f.Deadlocks, *d)
	}
	return f
}

// view is one way in which things can come, made to be compared.
type view struct {
	moments   map[instance]spot
	deadlocks []*Deadlock
	failures  map[scenario.Place][]outcome.Failure
}

// instance is a moment of a run, the same in each way that it can go.
type instance struct {
	client string
	moment scenario.Moment
	place  scenario.Place
	round  int
}

// spot is where an instance stands.
type spot struct {
	at   time.Duration
	rank string // of a grant: equal where it comes after the same ones that exclude it
}

// ranks counts the grants of each lock.
type ranks map[string]rank

type rank struct {
	grants int
	writer string // the last one
}

func (r ranks) next(e outcome.Event) string {
	var text strings.Builder
	for _, l := range e.Locks {
		of := r[l.Name]
		text.WriteString(of.writer + "\n")
		if of.grants++; l.Mode == rwlock.Write {
			text.WriteString(strconv.Itoa(of.grants))
			of.writer = fmt.Sprint(e.Client, " ", e.Place, " ", e.Round)
		}
		r[l.Name] = of
	}
	return text.String()
}

func instanceOf(e outcome.Event) instance { return instance{e.Client, e.Moment, e.Place, e.Round} }

func newView(sc *scenario.Scenario, w *World) view {
	v := view{moments: map[instance]spot{}, deadlocks: w.deadlocks, failures: map[scenario.Place][]outcome.Failure{}}
	before := ranks{}
	for _, e := range w.Result.Events {
		s := spot{at: e.At}
		if e.Moment == scenario.Granted {
			s.rank = before.next(e)
		}
		v.moments[instanceOf(e)] = s
	}
	r := w.Result
	r.Verdict.Fenced = slices.Grow(r.Verdict.Fenced, len(w.fenced))[:len(w.fenced)]
	for _, f := range outcome.Failures(sc, r) {
		v.failures[f.Place] = append(v.failures[f.Place], f)
	}
	return v
}

// compare notes what depends on which way things go.
func (f *Forecast) compare(base, way view) {
	for i := range f.Moments {
		m := &f.Moments[i]
		s, ok := way.moments[instanceOf(m.Event)]
		if ok {
			m.Earliest, m.Latest = min(m.Earliest, s.at), max(m.Latest, s.at)
		}
		m.Depends = m.Depends || !ok || s.rank != base.moments[instanceOf(m.Event)].rank
	}
	there := func(all []Deadlock, d Deadlock) int {
		return slices.IndexFunc(all, func(o Deadlock) bool { return o.key() == d.key() })
	}
	var of []Deadlock
	for _, d := range way.deadlocks {
		of = append(of, *d)
	}
	for i := range f.Deadlocks {
		f.Deadlocks[i].Depends = f.Deadlocks[i].Depends || there(of, f.Deadlocks[i]) < 0
	}
	for _, d := range of {
		if there(f.Deadlocks, d) < 0 {
			d.Depends = true
			f.Deadlocks = append(f.Deadlocks, d)
		}
	}
}

// judge tells expectations that fail in all ways from those that fail in some.
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

// certain reports whether an expectation is about what the model knows: not
// about the words in which a client is told of a loss, and with faults only about
// steps that have come to their end before the first one.
func (f *Forecast) certain(sc *scenario.Scenario, at scenario.Place) bool {
	lost := slices.ContainsFunc(f.Moments, func(m Foreseen) bool { return m.Moment == scenario.Lost || m.Moment == scenario.Failed })
	switch {
	case lost && at == sc.Expect.LogPlace:
		return false
	case !f.Faulty:
		return true
	}
	asked, ended := map[instance]bool{}, 0
	for _, m := range f.Moments {
		switch {
		case m.Place != at:
			continue
		case m.At >= f.FaultAt:
			return false
		}
		i := instanceOf(m.Event)
		i.moment = ""
		switch {
		case m.Moment == scenario.Asked:
			asked[i] = true
		case m.Moment.Ends() && asked[i]:
			ended++
		}
	}
	want := 0
	for _, c := range sc.Clients {
		for _, s := range c.Steps {
			if s.Place == at {
				want += c.Count * c.Repeat
			}
		}
	}
	return want > 0 && ended >= want
}
