package simulate

import (
	"math/rand/v2"
	"slices"
	"time"

	"etcd-lock/rwlock"
)

// world is a scenario in virtual time: clients, the queues that etcd would keep
// of their requests, and what is due to happen.
type world struct {
	now    time.Duration
	agenda agenda
	order  uint64 // of what is due at the same time
	dice   *rand.Rand
	delay  time.Duration // a message takes up to so long; 0 for none

	locks    map[string]*queue
	revision int64
	actors   []*actor
	active   int      // actors that are not done
	late     []*actor // whose leases ran out in a pause

	result    Result
	results   []*StepResult
	fenced    map[*bid]*actor // late holders, and whose token fences them
	deadlocks []*Deadlock
}

// newWorld is the scenario before its start. Messages take up to delay, drawn
// with the number of the variation.
func newWorld(sc *Scenario, seed uint64, delay time.Duration, variation uint64) *world {
	w := &world{
		dice:   rand.New(rand.NewPCG(seed, variation)),
		delay:  delay,
		locks:  map[string]*queue{},
		fenced: map[*bid]*actor{},
		result: Result{Scenario: sc.Name, Seed: seed, Speed: 1},
	}
	w.say(Event{Moment: Preparing, Line: logPrepare})
	for _, s := range plan(sc, seed) {
		w.enter(s)
	}
	for i, at := range planFaults(sc, seed) {
		w.at(at, func() { w.fault(sc.Faults[i]) })
	}
	return w
}

// run lets time pass until all clients are done.
func (w *world) run() {
	for w.active > 0 && len(w.agenda) > 0 {
		next := w.agenda.next()
		w.now = next.at
		next.do()
	}
	w.finish()
}

// at puts something on the agenda.
func (w *world) at(t time.Duration, do func()) {
	w.order++
	w.agenda.add(&due{at: max(t, w.now), order: w.order, do: do})
}

// in is at, from now on.
func (w *world) in(d time.Duration, do func()) { w.at(w.now+d, do) }

// message is how long the next one takes.
func (w *world) message() time.Duration {
	if w.delay == 0 {
		return 0
	}
	return time.Duration(w.dice.Int64N(int64(w.delay)))
}

// say adds an event.
func (w *world) say(e Event) {
	e.At = w.now
	w.result.Events = append(w.result.Events, e)
}

// finish puts the result together.
func (w *world) finish() {
	for _, s := range w.results {
		w.result.Steps = append(w.result.Steps, *s)
	}
	for _, a := range w.actors {
		for _, b := range a.bids {
			if other := w.fenced[b]; other != nil {
				w.say(Event{Client: a.name, Moment: Fenced, Place: b.turn.Place, Token: b.revision, Line: fencedLine(a.name, other.name)})
			}
		}
	}
}

// fault makes a fault. Members that go away are not modelled.
func (w *world) fault(f Fault) {
	w.say(Event{Moment: Faulty, Place: f.Place, Line: f.String()})
	for _, a := range w.actors {
		switch {
		case !about(clientsOf(f), a.name):
		case f.Do == FaultCut:
			a.cutOff()
		case f.Do == FaultHeal:
			a.heal()
		}
	}
}

// clientsOf are a fault's clients, as about looks for names.
func clientsOf(f Fault) []rwlock.Want {
	var names []rwlock.Want
	for _, c := range f.Clients {
		names = append(names, rwlock.Want{Name: c})
	}
	return names
}

// queue is a lock's requests in etcd's order.
type queue struct {
	claims  []*claim
	writers int
}

// claim is a request for one lock.
type claim struct {
	rwlock.Want
	*bid
}

// bid is what one step asked for: a claim for each of its locks.
type bid struct {
	actor    *actor
	turn     turn
	result   *StepResult
	asked    time.Duration
	claims   []*claim
	revision int64 // its token, once etcd has it
	queued   bool
	free     bool // nobody is ahead any more
	held     bool // and the client knows
	over     bool // it was given up, or given back, or is lost
}

// lock is the queue of a name.
func (w *world) lock(name string) *queue {
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
func (w *world) blockers(b *bid) []*claim {
	var all []*claim
	for _, c := range b.claims {
		for _, other := range w.lock(c.Name).claims {
			if other.bid == b {
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
func (w *world) mustWait(b *bid) bool {
	for _, c := range b.claims {
		q := w.lock(c.Name)
		if q.writers > 0 || c.Mode == rwlock.Write && len(q.claims) > 0 {
			return true
		}
	}
	return false
}

// join puts a bid at the end of its queues.
func (w *world) join(b *bid) {
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
func (w *world) leave(b *bid) {
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
func (w *world) admit(name string) {
	for i, c := range w.lock(name).claims {
		if c.Mode == rwlock.Write && i > 0 {
			return
		}
		if b := c.bid; !b.free && (len(b.claims) == 1 || len(w.blockers(b)) == 0) {
			b.grant()
		}
		if c.Mode == rwlock.Write {
			return
		}
	}
}
