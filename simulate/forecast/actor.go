package forecast

import (
	"context"
	"slices"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/logline"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// actor is a client in a world.
type actor struct {
	plan.Script
	*world
	next     int                 // the index of its next step
	requests []*request          // all that were granted, or orphaned by a crash
	holds    map[string]*request // that it has not released, by lock
	pending  *request            // that was neither granted nor withdrawn
	expiry   uint64              // the number of the last plan for its lease to expire
	silent   bool                // etcd does not hear from it
	expired  bool                // its lease is gone
	left     bool                // it crashed, or closed its session
	paused   bool
	cut      bool
	delayed  []func() // what happens when messages get through again
}

func (w *world) addActor(s plan.Script) {
	a := &actor{Script: s, world: w, holds: map[string]*request{}}
	w.actors = append(w.actors, a)
	w.active++
	w.say(outcome.Event{Client: a.Name, Moment: scenario.Ready, Line: logline.Ready(len(w.actors))})
	w.at(s.After, a.step)
}

// step runs the next step.
func (a *actor) step() {
	if a.next >= len(a.Steps) {
		a.active--
		return
	}
	s := a.Steps[a.next]
	a.next++
	switch s.Do {
	case scenario.Read, scenario.Write, scenario.Slot, scenario.Together:
		a.acquire(s)
	case scenario.Wait:
		a.after(s.WaitFor, a.step)
	case scenario.Upgrade, scenario.Downgrade, scenario.Unlock:
		a.use(s)
	case scenario.Pause:
		a.paused = true
		a.say(s.Paused(a.Name))
		a.silence()
		a.goOn()
	case scenario.Resume:
		a.resume(s)
	case scenario.Crash:
		a.crash(s)
		a.goOn()
	case scenario.Close:
		a.send(func() { a.close(s) })
	}
}

// goOn runs the next step after everything that is due now.
func (a *actor) goOn() { a.after(0, a.step) }

// send calls do when a message has reached etcd, or the client.
func (a *actor) send(do func()) {
	if a.cut && !a.expired {
		a.delayed = append(a.delayed, do)
		return
	}
	a.after(a.messageTime(), do)
}

// begin notes a step that requests something.
func (a *actor) begin(s plan.Step) *request {
	r := &request{actor: a, step: s, asked: a.now, result: s.Result(a.Name)}
	a.results = append(a.results, r.result)
	a.say(s.Asked(a.Name))
	return r
}

func (a *actor) acquire(s plan.Step) {
	r := a.begin(s)
	if a.expired {
		r.fail(rwlock.ErrSessionExpired)
		return
	}
	a.pending = r
	for _, l := range s.Locks {
		r.entries = append(r.entries, &entry{LockRequest: l, request: r})
	}
	a.after(s.GiveUpAfter, func() { r.giveUp(context.DeadlineExceeded) })
	if s.CancelAfter > 0 {
		a.after(s.CancelAfter, func() { r.giveUp(context.Canceled) })
	}
	if s.CrashAfter > 0 {
		a.after(s.CrashAfter, r.orphan)
	}
	a.send(r.arrive)
}

// arrive is called when etcd has the request.
func (r *request) arrive() {
	a := r.actor
	wait := a.mustWait(r)
	switch {
	case r.over:
		return
	case a.expired:
		r.fail(rwlock.ErrSessionExpired)
		return
	case r.step.Try && wait:
		r.fail(rwlock.ErrLocked)
		return
	}
	a.enqueue(r)
	if !wait {
		r.grant()
		return
	}
	r.addOutcome(r.step.Waiting(a.Name))
	a.findDeadlock(a)
}

// grant grants the request and notifies the client.
func (r *request) grant() {
	a := r.actor
	r.first = true
	a.send(func() {
		if r.over {
			return
		}
		r.held, a.pending = true, nil
		a.requests = append(a.requests, r)
		for _, e := range r.entries {
			a.holds[e.Name] = r
		}
		a.fence(r)
		r.addOutcome(r.step.Granted(a.Name, r.revision))
		a.goOn()
	})
}

// addOutcome adds an event that is an outcome of the step.
func (r *request) addOutcome(e outcome.Event) {
	if e.Moment == scenario.Lost && slices.Contains(r.result.Outcomes, scenario.Lost) {
		return // known already
	}
	if e.Moment != scenario.Lost || !r.held {
		e.Waited = r.actor.now - r.asked
		e.Passed = e.Waited
	}
	r.result.Add(e)
	r.actor.say(e)
}

// giveUp ends a request that was not granted in time.
func (r *request) giveUp(err error) {
	if !r.over && !r.held {
		r.fail(err)
	}
}

// orphan ends the client of a request that was not granted in time. The request stays
// until the lease expires.
func (r *request) orphan() {
	if r.over || r.held {
		return
	}
	a := r.actor
	r.over, a.pending, a.requests = true, nil, append(a.requests, r)
	a.endDeadlocks(a, scenario.Crashed)
	a.crash(r.step)
	a.next = len(a.Steps)
	a.goOn()
}

func (a *actor) crash(s plan.Step) {
	a.left, a.paused = true, false
	a.say(s.Crashed(a.Name))
	a.silence()
}

// fail ends a request. Its client goes on after the step that would have released it.
func (r *request) fail(err error) {
	a := r.actor
	r.over, a.pending = true, nil
	e := r.step.NotDone(a.Name, err)
	r.addOutcome(e)
	a.endDeadlocks(a, e.Moment)
	a.dequeue(r)
	a.next = r.step.End + 1
	a.goOn()
}

// use runs a step about what the client holds, if it was granted at all.
func (a *actor) use(s plan.Step) {
	r := a.holds[s.Locks[0].Name]
	if r == nil {
		a.goOn()
		return
	}
	upgrade := r
	if s.Do == scenario.Upgrade {
		upgrade = a.begin(s)
	}
	for _, l := range s.Locks {
		if s.Do == scenario.Unlock {
			delete(a.holds, l.Name)
		}
	}
	a.send(func() {
		switch {
		case r.over && s.Do == scenario.Upgrade:
			upgrade.addOutcome(s.NotDone(a.Name, rwlock.ErrLost))
		case r.over:
			a.notifyLost(r)
			a.say(s.Failed(a.Name, rwlock.ErrLost))
		case s.Do == scenario.Upgrade:
			a.upgrade(s, upgrade, r.entries[0])
		case s.Do == scenario.Downgrade:
			a.downgrade(s, r.entries[0])
		default:
			r.over = true
			a.say(s.Released(a.Name))
			a.dequeue(r)
		}
		a.goOn()
	})
}

func (a *actor) upgrade(s plan.Step, upgrade *request, e *entry) {
	q := a.lock(e.Name)
	switch {
	case e.Mode == rwlock.Read && len(q.entries) > 1:
		upgrade.addOutcome(s.NotDone(a.Name, rwlock.ErrLocked))
		return
	case e.Mode == rwlock.Read:
		e.Mode = rwlock.Write
		q.writers++
		a.revision++
		e.revision = a.revision
	}
	upgrade.revision = e.revision
	upgrade.addOutcome(s.Granted(a.Name, e.revision))
}

func (a *actor) downgrade(s plan.Step, e *entry) {
	a.say(s.Downgraded(a.Name))
	if e.Mode == rwlock.Write {
		e.Mode = rwlock.Read
		a.lock(e.Name).writers--
		a.grantFirst(e.Name)
	}
}
