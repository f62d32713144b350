package inspect

import (
	"slices"
	"time"
)

// maxSteps bounds the events of an update of WatchSteps. It can have twice as many steps.
const maxSteps = 10_000

// Step is what one revision did to the locks, or that they were read anew. The steps of
// an Update lead from the snapshot before to its own, through each state in between.
type Step struct {
	Revision int64     // of the locks after it; two steps in a row can have the same one
	Time     time.Time // when the watch saw it; zero in history
	Other    int       // Snapshot.Other after it
	Locks    []LockStep
	Events   int // how many of the update's events are of this step; they are in the order of the steps

	// Read has the locks as they were read anew, or as they are after steps that were dropped
	// for a slow receiver. The step has nothing else then.
	Read     *Snapshot
	Resynced Resync // why they were read anew; it did not happen if they were read for the first time
}

// LockStep is what a step did to one lock.
type LockStep struct {
	Gone  []Placed // requests that left the queue, or were replaced under their key; with their places before
	Put   []Placed // requests that are new in the queue, or have changed; with their places after
	After Lock     // without its queue
	Aside bool     // Others, MoreOthers or Candidates have changed
}

// Placed is a request at its place in the queue.
type Placed struct {
	Place   int
	Request Request
	Joined  bool // of Put: it is new in the queue
	Moved   bool // of Put: nothing but its standing has changed, with Seen and Saw
}

// noteSteps has the state note from now on what each revision does.
func (s *state) noteSteps() { s.noting, s.noted = true, s.other }

// takeSteps returns what was noted since the last call.
func (s *state) takeSteps() []Step {
	steps := s.steps
	s.steps, s.usual = nil, len(steps)
	return steps
}

// noteStep notes what edits have done to locks, and how many events that made.
func (s *state) noteStep(events int, at time.Time) {
	if !s.noting {
		return
	}
	step := Step{Revision: s.revision, Time: at, Other: s.other, Events: events}
	for _, e := range s.edits {
		if l, ok := e.step(); ok {
			if step.Locks == nil {
				step.Locks = make([]LockStep, 0, len(s.edits))
			}
			step.Locks = append(step.Locks, l)
		}
	}
	if len(step.Locks)+events > 0 || step.Other != s.noted {
		s.noted = step.Other
		if s.steps == nil {
			s.steps = make([]Step, 0, max(1, s.usual))
		}
		s.steps = append(s.steps, step)
	}
}

// step returns what an edit has done to its lock. It reports false if that is nothing.
func (e *edit) step() (LockStep, bool) {
	lock := e.lock.Lock
	l := LockStep{Gone: e.gone, After: lock}
	l.After.Queue = nil
	put := func(r Request, joined, moved bool) {
		i, ok := position(lock.Queue, r)
		if ok && !slices.ContainsFunc(l.Put, func(p Placed) bool { return p.Place == i }) {
			l.Put = append(l.Put, Placed{Place: i, Request: lock.Queue[i], Joined: joined, Moved: moved})
		}
	}
	for _, r := range e.rewritten {
		put(r, false, false)
	}
	for _, r := range e.added {
		put(r, true, false)
	}
	for _, i := range e.moved {
		put(lock.Queue[i], false, true)
	}
	l.Aside = len(lock.Queue) > 0 && (lock.MoreOthers != e.before.MoreOthers ||
		!slices.Equal(lock.Others, e.before.Others) || !slices.Equal(lock.Candidates, e.before.Candidates))
	return l, len(l.Gone)+len(l.Put) > 0 || l.Aside
}

// places returns requests of a queue with their places in it.
func places(queue, requests []Request) []Placed {
	all := make([]Placed, 0, len(requests))
	for _, r := range requests {
		i, _ := position(queue, r)
		all = append(all, Placed{Place: i, Request: r})
	}
	return all
}

// edit is what one revision does to one lock: to its queue, or to the keys in the way
// of its requests.
type edit struct {
	lock      *tracked
	deleted   []Request
	detached  []string  // the keys of those of deleted whose keys still exist
	rewritten []Request // they keep their places
	gave, got []Event   // of those of rewritten that are semaphores: of slots
	added     []Request
	reach     int  // requests of the queue that may be marked as holding
	before    Lock // with the keys in the way before; its queue may have changed since

	gone  []Placed // deleted, with the places in the queue before; if steps are noted
	moved []int    // the indexes of requests that have begun to hold, or to wait again
}

// changesQueue reports whether the edit changes the lock's queue.
func (e *edit) changesQueue() bool { return len(e.deleted)+len(e.rewritten)+len(e.added) > 0 }

// emptied returns the edit without its contents, to be used again: with the room of those
// that nothing else has.
func (e *edit) emptied() *edit {
	clear(e.deleted)
	clear(e.rewritten)
	clear(e.added)
	*e = edit{deleted: e.deleted[:0], rewritten: e.rewritten[:0], added: e.added[:0]}
	return e
}

func (s *state) leave(r Request, detached bool) {
	e := s.editOf(s.track(r.Lock))
	e.deleted = append(e.deleted, r)
	if detached {
		e.detached = append(e.detached, r.Key)
	}
}

// editOf returns the edit of a lock by the revision that is being applied.
func (s *state) editOf(t *tracked) *edit {
	if t.edit != nil {
		return t.edit
	}
	if n := len(s.spare); n > 0 {
		t.edit, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		t.edit = &edit{}
	}
	t.edit.lock = t
	s.edits = append(s.edits, t.edit)
	return t.edit
}

// editAll has locks be looked at again by the revision that is being applied.
func (s *state) editAll(ids []LockID) {
	for _, id := range ids {
		s.editOf(s.track(id))
	}
}

// notQuiet leaves out those of the events from the n-th on that are quiet.
func notQuiet(changes []Event, n int) []Event {
	return changes[:n+len(slices.DeleteFunc(changes[n:], Event.quiet))]
}

// toTell returns the indexes of requests that have moved, or have joined and wait.
func (e *edit) toTell() []int {
	told := e.moved
	for _, r := range e.added {
		if i, _ := position(e.lock.Queue, r); !e.lock.Queue[i].Holding { // the others have moved
			told = append(told[:len(told):len(told)], i)
		}
	}
	if len(told) > len(e.moved) {
		slices.Sort(told)
	}
	return told
}
