package simulate

import (
	"slices"
	"sync"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// ledger collects the events of a run in the order of cause and effect, and the holds
// and waits of the clients, which are judged when it is over.
//
// An unlock takes effect in etcd before its reply is back, so the next holder may be
// notified of its grant first. If both were logged as they are noticed, a grant could
// come before the release that made way for it. So a grant is logged after the
// releases of its locks that are under way, but waits no longer for them than replies
// take: a release whose client was cut off must not hold up others.
type ledger struct {
	begin time.Time
	clock *Clock
	log   func(outcome.Event)

	mu        sync.Mutex
	events    []outcome.Event
	steps     []*outcome.StepResult
	holds     []*notedHold
	waits     []verify.Wait
	releasing map[string][]*release // by lock name
	finished  bool
}

// notedHold is a hold that is noted while it lasts.
type notedHold struct {
	verify.Hold
	place     scenario.Place // of the step that acquired it
	ended     bool
	learnedAt time.Duration // when the client knew that it had ended, by the run's clock
}

// instant is a point in time by all clocks of a run. Locks are judged by the real
// one, because leases know no other.
type instant struct{ real, run, scenario time.Duration }

// release is a release that is under way.
type release struct{ done chan struct{} }

// replyTime is how long a grant waits for releases that may have made way for it.
const replyTime = time.Second

func newLedger(clock *Clock, log func(outcome.Event)) *ledger {
	return &ledger{
		begin:     time.Now(),
		clock:     clock,
		log:       log,
		releasing: map[string][]*release{},
	}
}

// now returns the real time since the run began.
func (l *ledger) now() time.Duration { return time.Since(l.begin) }

func (l *ledger) instant() instant {
	run, scenario := l.clock.read()
	return instant{l.now(), run, scenario}
}

// waited sets in e how long it was from i to now.
func (i instant) waited(e *outcome.Event, now instant) {
	e.Waited, e.Passed = now.run-i.run, now.scenario-i.scenario
}

// say adds an event.
func (l *ledger) say(e outcome.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(e)
}

// add adds an event. The caller holds l.mu.
func (l *ledger) add(e outcome.Event) {
	if l.finished {
		return
	}
	e.At = l.clock.Elapsed()
	l.events = append(l.events, e)
	if l.log != nil {
		l.log(e)
	}
}

// finish ends the log. The locks that are released when the sessions are closed are
// not part of it.
func (l *ledger) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = true
}

// begins notes a step that requests locks.
func (l *ledger) begins(s *outcome.StepResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, s)
}

// addOutcome adds an event that is an outcome of a step.
func (l *ledger) addOutcome(s *outcome.StepResult, e outcome.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Moment == scenario.Lost && slices.Contains(s.Outcomes, scenario.Lost) {
		return // known already
	}
	if !l.finished {
		s.Add(e)
	}
	l.add(e)
}

// granted adds the event of a grant that the client was notified of just now.
func (l *ledger) granted(s *outcome.StepResult, e outcome.Event) {
	l.awaitReleases(e.Locks)
	l.addOutcome(s, e)
}

// awaitReleases waits for the releases of locks that are under way now.
func (l *ledger) awaitReleases(locks []rwlock.LockRequest) {
	var before []*release
	l.mu.Lock()
	for _, lock := range locks {
		before = append(before, l.releasing[lock.Name]...)
	}
	l.mu.Unlock()
	if len(before) == 0 {
		return
	}
	t := time.NewTimer(replyTime)
	defer t.Stop()
	for _, r := range before {
		select {
		case <-r.done:
		case <-t.C:
			return
		}
	}
}

// release calls do, which releases locks, and adds the event that it returns.
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

// held notes the holds of a client, one for each lock, by their names in etcd.
func (l *ledger) held(client string, locks []rwlock.LockRequest, at scenario.Place, s verify.Stage) []*notedHold {
	l.mu.Lock()
	defer l.mu.Unlock()
	var holds []*notedHold
	for _, lock := range locks {
		s.Mode, s.Weight, s.Permits = lock.Mode, lock.Weight, lock.Permits
		holds = append(holds, &notedHold{Hold: verify.Hold{Client: client, Lock: lock.Name, Stages: []verify.Stage{s}}, place: at})
	}
	l.holds = append(l.holds, holds...)
	return holds
}

// changed notes an upgrade or a downgrade of a hold. It is none if the hold is like that
// already, as after an upgrade that was refused.
func (l *ledger) changed(holds []*notedHold, s verify.Stage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := holds[0]; h.Stages[len(h.Stages)-1].Mode != s.Mode {
		h.Stages = append(h.Stages, s)
	}
}

// ended notes that a client no longer claims its holds. It could not claim them after
// the deadline of its session either.
func (l *ledger) ended(holds []*notedHold, deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range holds {
		if !h.ended {
			h.ended, h.Known, h.learnedAt = true, l.now(), l.clock.Elapsed()
			h.End = min(h.Known, deadline.Sub(l.begin))
		}
	}
}

// confirmed notes that etcd has confirmed the release of holds.
func (l *ledger) confirmed(holds []*notedHold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range holds {
		if h.Released == 0 {
			h.Released = l.now()
		}
	}
}

// waited notes a wait for locks that were not granted.
func (l *ledger) waited(w verify.Wait, locks []rwlock.LockRequest, deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Ended = min(l.now(), deadline.Sub(l.begin))
	for _, lock := range locks {
		w.Lock, w.Mode = lock.Name, lock.Mode
		l.waits = append(l.waits, w)
	}
}

// noted returns what was noted of a hold.
func (l *ledger) noted(h verify.Hold) *notedHold {
	i := slices.IndexFunc(l.holds, func(n *notedHold) bool {
		return n.Client == h.Client && n.Lock == h.Lock && n.Stages[0] == h.Stages[0]
	})
	if i < 0 {
		return &notedHold{}
	}
	return l.holds[i]
}

// place returns the place of the step that acquired the last of the holds.
func (l *ledger) place(holds []verify.Hold) scenario.Place {
	if len(holds) == 0 {
		return scenario.Place{}
	}
	return l.noted(holds[len(holds)-1]).place
}
