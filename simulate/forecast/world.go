package forecast

import (
	"math/rand/v2"
	"slices"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// World is a scenario in virtual time: clients, the queues that etcd would keep
// of their requests, and what is due to happen.
type World struct {
	Now    time.Duration
	agenda plan.Agenda
	order  uint64 // of what is due at the same time
	dice   *rand.Rand
	delay  time.Duration // a message takes up to so long; 0 for none

	locks    map[string]*queue
	revision int64
	actors   []*actor
	active   int      // actors that are not done
	late     []*actor // whose leases ran out in a pause

	Result    outcome.Result
	results   []*outcome.StepResult
	fenced    map[*request]*actor // late holders, and whose token fences them
	deadlocks []*Deadlock
}

// NewWorld is the scenario before its start. Messages take up to delay, drawn
// with the number of the variation.
func NewWorld(sc *scenario.Scenario, seed uint64, delay time.Duration, variation uint64) *World {
	w := &World{
		dice:   rand.New(rand.NewPCG(seed, variation)),
		delay:  delay,
		locks:  map[string]*queue{},
		fenced: map[*request]*actor{},
		Result: outcome.Result{Scenario: sc.Name, Seed: seed, Speed: 1},
	}
	w.say(outcome.Event{Moment: scenario.Preparing, Line: scenario.LogPrepare})
	for _, s := range plan.Scripts(sc, seed) {
		w.enter(s)
	}
	for i, at := range plan.FaultTimes(sc, seed) {
		w.at(at, func() { w.fault(sc.Faults[i]) })
	}
	return w
}

// Run lets time pass until all clients are done.
func (w *World) Run() {
	for w.active > 0 && len(w.agenda) > 0 {
		next := w.agenda.Next()
		w.Now = next.At
		next.Do()
	}
	w.finish()
}

// at puts something on the agenda.
func (w *World) at(t time.Duration, do func()) {
	w.order++
	w.agenda.Add(&plan.Due{At: max(t, w.Now), Order: w.order, Do: do})
}

// in is at, from now on.
func (w *World) in(d time.Duration, do func()) { w.at(w.Now+d, do) }

// message is how long the next one takes.
func (w *World) message() time.Duration {
	if w.delay == 0 {
		return 0
	}
	return time.Duration(w.dice.Int64N(int64(w.delay)))
}

// say adds an event.
func (w *World) say(e outcome.Event) {
	e.At = w.Now
	w.Result.Events = append(w.Result.Events, e)
}

// finish puts the result together.
func (w *World) finish() {
	for _, s := range w.results {
		w.Result.Steps = append(w.Result.Steps, *s)
	}
	for _, a := range w.actors {
		for _, b := range a.bids {
			if other := w.fenced[b]; other != nil {
				w.say(outcome.Event{Client: a.Name, Moment: scenario.Fenced, Place: b.turn.Place, Token: b.revision, Line: outcome.FencedLine(a.Name, other.Name)})
			}
		}
	}
}

// fault makes a fault. Members that go away are not modelled.
func (w *World) fault(f scenario.Fault) {
	w.say(outcome.Event{Moment: scenario.Faulty, Place: f.Place, Line: f.String()})
	for _, a := range w.actors {
		switch {
		case !scenario.About(clientsOf(f), a.Name):
		case f.Do == scenario.FaultCut:
			a.cutOff()
		case f.Do == scenario.FaultHeal:
			a.heal()
		}
	}
}

// clientsOf are a fault's clients, as about looks for names.
func clientsOf(f scenario.Fault) []rwlock.LockRequest {
	var names []rwlock.LockRequest
	for _, c := range f.Clients {
		names = append(names, rwlock.LockRequest{Name: c})
	}
	return names
}

// queue is a lock's requests in etcd's order.
type queue struct {
	claims  []*place
	writers int
}

// place is a request for one lock.
type place struct {
	rwlock.LockRequest
	*request
}

// request is what one step asked for: a claim for each of its locks.
type request struct {
	actor    *actor
	turn     plan.Step
	result   *outcome.StepResult
	asked    time.Duration
	claims   []*place
	revision int64 // its token, once etcd has it
	queued   bool
	free     bool // nobody is ahead any more
	held     bool // and the client knows
	over     bool // it was given up, or given back, or is lost
}

// lock is the queue of a name.
func (w *World) lock(name string) *queue {
	q := w.locks[name]
	if q == nil {
		q = &queue{}
		w.locks[name] = q
	}
	return q
}

// blocks reports whether one ahead keeps one behind it waiting.
func blocks(ahead, behind rwlock.Mode) bool { return ahead == rwlock.Write || behind == rwlock.Write }

// blockers are the claims that keep b waiting.
func (w *World) blockers(b *request) []*place {
	var all []*place
	for _, c := range b.claims {
		for _, other := range w.lock(c.Name).claims {
			if other.request == b {
				break
			}
			if blocks(other.Mode, c.Mode) {
				all = append(all, other)
			}
		}
	}
	return all
}

// mustWait reports whether a bid that comes now has to wait.
func (w *World) mustWait(b *request) bool {
	for _, c := range b.claims {
		q := w.lock(c.Name)
		if q.writers > 0 || c.Mode == rwlock.Write && len(q.claims) > 0 {
			return true
		}
	}
	return false
}

// join puts a bid at the end of its queues.
func (w *World) join(b *request) {
	w.revision++
	b.revision, b.queued = w.revision, true
	for _, c := range b.claims {
		q := w.lock(c.Name)
		q.claims = append(q.claims, c)
		if c.Mode == rwlock.Write {
			q.writers++
		}
	}
}

// leave takes a bid out of its queues and lets in who waited for it.
func (w *World) leave(b *request) {
	if !b.queued {
		return
	}
	b.queued = false
	for _, c := range b.claims {
		q := w.lock(c.Name)
		i := slices.Index(q.claims, c)
		q.claims = slices.Delete(q.claims, i, i+1)
		if c.Mode == rwlock.Write {
			q.writers--
		}
	}
	for _, c := range b.claims {
		w.admit(c.Name)
	}
}

// admit tells those who are at the head of a queue by now.
func (w *World) admit(name string) {
	for i, c := range w.lock(name).claims {
		if c.Mode == rwlock.Write && i > 0 {
			return
		}
		if b := c.request; !b.free && (len(b.claims) == 1 || len(w.blockers(b)) == 0) {
			b.grant()
		}
		if c.Mode == rwlock.Write {
			return
		}
	}
}
