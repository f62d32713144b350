package simulate

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"etcd-lock/rwlock"
)

// ledger writes down what happens in the order of cause and effect, and watches
// that nobody believes in a lock beside another whom that excludes.
//
// An unlock takes effect in etcd before its reply is back, so the next holder
// may hear of its grant first. Were each written down when it is heard of, a
// grant could stand above the release that it follows from. So a grant waits for
// the releases of its locks that are on their way, but not for longer than
// replies take: one whose client was cut off is no reason to hold up others.
type ledger struct {
	begin time.Time
	log   func(Event)

	mu         sync.Mutex
	events     []Event
	steps      []*StepResult
	holders    map[string][]holder   // by lock name
	releasing  map[string][]*release // by lock name
	silent     map[string]bool       // clients that say no more
	violations []Failure
	fenced     int
	over       bool
}

// holder is a client that believes in a lock.
type holder struct {
	client string
	mode   rwlock.Mode
	token  int64
	place  Place
}

// release is one that is on its way.
type release struct{ done chan struct{} }

// replyTime is how long a grant waits for releases that may have made way for it.
const replyTime = time.Second

func newLedger(log func(Event)) *ledger {
	return &ledger{
		begin:     time.Now(),
		log:       log,
		holders:   map[string][]holder{},
		releasing: map[string][]*release{},
	}
}

// say adds an event.
func (l *ledger) say(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(e)
}

// add is say for one who holds l.mu.
func (l *ledger) add(e Event) {
	if l.over {
		return
	}
	e.At = time.Since(l.begin)
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
func (l *ledger) begins(s *StepResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, s)
}

// comes adds an event that is an outcome of a step.
func (l *ledger) comes(s *StepResult, e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Moment == Lost && slices.Contains(s.Outcomes, Lost) {
		return // heard of before
	}
	if !l.over {
		s.Outcomes = append(s.Outcomes, e.Moment)
		s.Waited, s.Token = max(s.Waited, e.Waited), max(s.Token, e.Token)
	}
	l.add(e)
}

// granted notes that the step's client has its locks.
func (l *ledger) granted(s *StepResult, e Event) {
	l.awaitReleases(e.Locks)
	l.comes(s, e)
	l.hold(e)
}

// awaitReleases waits for releases of locks that are on their way by now.
func (l *ledger) awaitReleases(locks []rwlock.Want) {
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

// release does what releases locks, and then notes what it says came of that.
func (l *ledger) release(locks []rwlock.Want, do func() Event) {
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

// hold adds a holder. The time between hold and drop lies within the time for
// which the client believes that the lock is its own, so two that overlap here
// did overlap. That is no harm where both exclude each other only if the one
// that came first has the smaller token, and so is fenced.
func (l *ledger) hold(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lock := range e.Locks {
		l.forget(e.Client, lock.Name) // an upgrade holds it already
		me := holder{client: e.Client, mode: lock.Mode, token: e.Token, place: e.Place}
		for _, other := range l.holders[lock.Name] {
			if lock.Mode == rwlock.Write || other.mode == rwlock.Write {
				l.overlap(lock.Name, other, me)
			}
		}
		l.holders[lock.Name] = append(l.holders[lock.Name], me)
	}
}

// overlap judges two that believe in one lock, of whom second came later. The
// caller holds l.mu.
func (l *ledger) overlap(lock string, first, second holder) {
	if first.token == 0 || first.token >= second.token {
		l.violations = append(l.violations, Failure{Place: second.place, Msg: fmt.Sprintf(
			"%s (%s, token %d) and %s (%s, token %d) held %q at the same time",
			first.client, first.mode, first.token, second.client, second.mode, second.token, lock)})
		return
	}
	l.fenced++
	l.add(Event{
		Client: first.client, Moment: Fenced, Place: first.place, Token: first.token,
		Locks: []rwlock.Want{{Name: lock, Mode: first.mode}},
		Line: fmt.Sprintf("%s fenced: its token %d for %q is smaller than %d of %s",
			first.client, first.token, lock, second.token, second.client),
	})
}

// drop notes that a client gives locks up.
func (l *ledger) drop(client string, locks []rwlock.Want) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lock := range locks {
		l.forget(client, lock.Name)
	}
}

// forget takes a holder away. The caller holds l.mu.
func (l *ledger) forget(client, lock string) {
	l.holders[lock] = slices.DeleteFunc(l.holders[lock], func(h holder) bool { return h.client == client })
}
