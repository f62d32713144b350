package simulate

import (
	"slices"
	"sync"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"

	"etcd-lock/internal/locks"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// ledger writes down what happens in the order of cause and effect, and what the
// clients saw of their locks, to be judged when it is over.
//
// An unlock takes effect in etcd before its reply is back, so the next holder
// may hear of its grant first. Were each written down when it is heard of, a
// grant could stand above the release that it follows from. So a grant waits for
// the releases of its locks that are on their way, but not for longer than
// replies take: one whose client was cut off is no reason to hold up others.
type ledger struct {
	begin time.Time
	clock *Clock
	log   func(outcome.Event)

	mu        sync.Mutex
	events    []outcome.Event
	steps     []*outcome.StepResult
	holds     []*recordedHold
	waits     []verify.Wait
	releasing map[string][]*release // by lock name
	over      bool
}

// recordedHold is a hold, and where the step stands that took it.
type recordedHold struct {
	verify.Hold
	place scenario.Place
	ended bool
	known time.Duration // likewise, by the clock
}

// clocks is a moment by all clocks of a run. Leases know real time only, so that
// is what the locks are judged by.
type clocks struct{ real, run, scenario time.Duration }

// release is one that is on its way.
type release struct{ done chan struct{} }

func newLedger(clock *Clock, log func(outcome.Event)) *ledger {
	return &ledger{
		begin:     time.Now(),
		clock:     clock,
		log:       log,
		releasing: map[string][]*release{},
	}
}

// now is the real time since the run began.
func (l *ledger) now() time.Duration { return time.Since(l.begin) }

func (l *ledger) instant() clocks {
	run, scenario := l.clock.read()
	return clocks{l.now(), run, scenario}
}

// waited says in e how long it took from an instant to now.
func (i clocks) waited(e *outcome.Event, now clocks) {
	e.Waited, e.Passed = now.run-i.run, now.scenario-i.scenario
}

// say adds an event.
func (l *ledger) say(e outcome.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(e)
}

// add is say for one who holds l.mu.
func (l *ledger) add(e outcome.Event) {
	if l.over {
		return
	}
	e.At = l.clock.Elapsed()
	l.events = append(l.events, e)
	if l.log != nil {
		l.log(e)
	}
}

// finish ends the log: what becomes of locks when their sessions are closed is
// not part of it.
func (l *ledger) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// begins notes a step that takes locks.
func (l *ledger) begins(s *outcome.StepResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, s)
}

// comes adds an event that is an outcome of a step.
func (l *ledger) comes(s *outcome.StepResult, e outcome.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Moment == scenario.Lost && slices.Contains(s.Outcomes, scenario.Lost) {
		return // heard of before
	}
	if !l.over {
		s.Notes(e)
	}
	l.add(e)
}

// granted notes that the step's client was told just now that it has what it
// asked for.
func (l *ledger) granted(s *outcome.StepResult, e outcome.Event) {
	l.awaitReleases(e.Locks)
	l.comes(s, e)
}

// awaitReleases waits for releases of locks that are on their way by now.
func (l *ledger) awaitReleases(of []rwlock.LockRequest) {
	var before []*release
	l.mu.Lock()
	for _, lock := range of {
		before = append(before, l.releasing[lock.Name]...)
	}
	l.mu.Unlock()
	if len(before) == 0 {
		return
	}
	t := time.NewTimer(locks.ReplyTime)
	defer t.Stop()
	for _, r := range before {
		select {
		case <-r.done:
		case <-t.C:
			return
		}
	}
}

// release does what releases locks, and then notes what it says came of that.
func (l *ledger) release(locks []rwlock.LockRequest, do func() outcome.Event) {
	r := &release{done: make(chan struct{})}
	l.mu.Lock()
	for _, lock := range locks {
		l.releasing[lock.Name] = append(l.releasing[lock.Name], r)
	}
	l.mu.Unlock()
	e := do()
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(r.done)
	l.add(e)
	for _, lock := range locks {
		l.releasing[lock.Name] = slices.DeleteFunc(l.releasing[lock.Name], func(o *release) bool { return o == r })
	}
}

// held notes a client's holds, a lock each by its name in etcd.
func (l *ledger) held(client string, locks []rwlock.LockRequest, at scenario.Place, s verify.Stage) []*recordedHold {
	l.mu.Lock()
	defer l.mu.Unlock()
	var holds []*recordedHold
	for _, lock := range locks {
		s.Mode = lock.Mode
		holds = append(holds, &recordedHold{Hold: verify.Hold{Client: client, Lock: lock.Name, Stages: []verify.Stage{s}}, place: at})
	}
	l.holds = append(l.holds, holds...)
	return holds
}

// changed notes a new stage of a hold.
func (l *ledger) changed(holds []*recordedHold, s verify.Stage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	holds[0].Stages = append(holds[0].Stages, s)
}

// ended notes that a client claims its holds no longer, or could not since the
// deadline of its session.
func (l *ledger) ended(holds []*recordedHold, deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range holds {
		if !h.ended {
			h.ended, h.Known, h.known = true, l.now(), l.clock.Elapsed()
			h.End = min(h.Known, deadline.Sub(l.begin))
		}
	}
}

// confirmed notes that etcd has released holds.
func (l *ledger) confirmed(holds []*recordedHold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range holds {
		if h.Released == 0 {
			h.Released = l.now()
		}
	}
}

// waited notes a wait in vain.
func (l *ledger) waited(w verify.Wait, locks []rwlock.LockRequest, deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Ended = min(l.now(), deadline.Sub(l.begin))
	for _, lock := range locks {
		w.Lock, w.Mode = lock.Name, lock.Mode
		l.waits = append(l.waits, w)
	}
}
