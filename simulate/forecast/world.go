package forecast

import (
	"math/rand/v2"
	"slices"
	"time"

	"etcd-lock/simulate/internal/logline"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// world simulates a scenario in virtual time: its clients, the queues of their
// requests in etcd, and what is due to happen.
type world struct {
	now    time.Duration
	agenda plan.Agenda
	order  uint64 // of what is due at the same time
	dice   *rand.Rand
	speed  float64       // of the scenario's time, in which all durations are
	delay  time.Duration // the longest time that a message takes; 0 for none

	locks    map[string]*queue
	revision int64
	actors   []*actor
	active   int      // how many actors are not done
	late     []*actor // whose leases expired while they were paused

	result    outcome.Result
	results   []*outcome.StepResult
	fenced    map[*request]*actor // late holders, and whose token fences them
	deadlocks []*Deadlock
}

// newWorld returns a scenario before its start. Messages take up to delay in real time,
// which is drawn from the seed and the number of the variation.
func newWorld(sc *scenario.Scenario, p plan.Plan, opts Options, delay time.Duration, variation uint64) *world {
	w := &world{
		dice:   rand.New(rand.NewPCG(opts.Seed, variation)),
		speed:  opts.Speed,
		locks:  map[string]*queue{},
		fenced: map[*request]*actor{},
		result: outcome.Result{Scenario: sc.Name, Seed: opts.Seed, Speed: opts.Speed},
	}
	w.delay = w.passing(delay)
	w.say(outcome.Event{Moment: scenario.Preparing, Line: logline.Preparing})
	for _, s := range p.Scripts {
		w.addActor(s)
	}
	for i, at := range p.FaultAt {
		w.at(at, func() { w.inject(sc.Faults[i]) })
	}
	return w
}

// run lets time pass until all clients are done.
func (w *world) run() {
	for w.active > 0 && w.agenda.Len() > 0 {
		next := w.agenda.Next()
		w.now = next.At
		next.Do()
	}
	w.finish()
}

// at schedules do at a time.
func (w *world) at(t time.Duration, do func()) {
	w.order++
	w.agenda.Add(&plan.Due{At: max(t, w.now), Order: w.order, Do: do})
}

// after schedules do after d from now.
func (w *world) after(d time.Duration, do func()) { w.at(plan.Later(w.now, d), do) }

// passing returns how much of the scenario's time passes in d of real time.
func (w *world) passing(d time.Duration) time.Duration { return plan.Bounded(float64(d) * w.speed) }

// messageTime draws how long a message takes.
func (w *world) messageTime() time.Duration {
	if w.delay == 0 {
		return 0
	}
	return time.Duration(w.dice.Int64N(int64(w.delay)))
}

// say adds an event.
func (w *world) say(e outcome.Event) {
	e.At = w.now
	w.result.Events = append(w.result.Events, e)
}

// finish completes the result.
func (w *world) finish() {
	for _, s := range w.results {
		w.result.Steps = append(w.result.Steps, *s)
	}
	for _, a := range w.actors {
		for _, r := range a.requests {
			if other := w.fenced[r]; other != nil {
				w.say(outcome.Event{
					Client: a.Name, Moment: scenario.Fenced, Place: r.step.Place, Token: r.revision,
					Line: logline.Fenced(a.Name, other.Name),
				})
			}
		}
	}
}

// inject injects a fault. The failure of members is not simulated.
func (w *world) inject(f scenario.Fault) {
	w.say(outcome.Event{Moment: scenario.Faulty, Place: f.Place, Line: f.String()})
	for _, a := range w.actors {
		switch {
		case !slices.Contains(f.Clients, a.Name):
		case f.Do == scenario.FaultCut:
			a.cutOff()
		case f.Do == scenario.FaultHeal:
			a.heal()
		}
	}
}
