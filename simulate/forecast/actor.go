package forecast

import (
	"context"
	"fmt"
	"slices"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// actor is a client in a world.
type actor struct {
	plan.Script
	*World
	next   int
	bids   []*request          // all that it got
	holds  map[string]*request // that it has not given back, by lock
	asking *request            // that is neither granted nor given up
	expiry uint64              // the number of the last plan for its lease to run out
	quiet  bool                // etcd does not hear of it
	dead   bool                // its lease is gone
	left   bool                // it crashed, or closed its session
	paused bool
	cut    bool
	stuck  []func() // what happens when a message gets through that cannot now
}

func (w *World) enter(s plan.Script) {
	a := &actor{Script: s, World: w, holds: map[string]*request{}}
	w.actors = append(w.actors, a)
	w.active++
	w.say(outcome.Event{Client: a.Name, Moment: scenario.Ready, Line: fmt.Sprintf("%s%d", scenario.LogReady, len(w.actors))})
	w.at(s.After, a.step)
}

// step does the next step.
func (a *actor) step() {
	if a.next >= len(a.Steps) {
		a.active--
		return
	}
	t := a.Steps[a.next]
	a.next++
	switch t.Do {
	case scenario.Read, scenario.Write, scenario.Together:
		a.acquire(t)
	case scenario.Wait:
		a.in(t.WaitFor, a.step)
	case scenario.Upgrade, scenario.Downgrade, scenario.Unlock:
		a.use(t)
	case scenario.Pause:
		a.paused = true
		a.say(a.event(t, scenario.Paused, "paused "+a.Name))
		a.stopRenewing()
		a.goOn()
	case scenario.Resume:
		a.resume(t)
	case scenario.Crash:
		a.crash(t)
		a.goOn()
	case scenario.Close:
		a.reach(func() { a.close(t) })
	}
}

// goOn does the next step when all that is due by now has happened.
func (a *actor) goOn() { a.in(0, a.step) }

func (a *actor) event(t plan.Step, m scenario.Moment, line string) outcome.Event {
	return outcome.Event{Client: a.Name, Moment: m, Do: t.Do, Place: t.Place, Round: t.Round, Locks: t.Locks, Line: line}
}

// reach does something when a message has come to etcd, or from it.
func (a *actor) reach(do func()) {
	if a.cut && !a.dead {
		a.stuck = append(a.stuck, do)
		return
	}
	a.in(a.message(), do)
}

// begin notes a step that asks for something.
func (a *actor) begin(t plan.Step) *request {
	b := &request{actor: a, turn: t, asked: a.Now, result: &outcome.StepResult{Client: a.Name, Step: t.Step, Round: t.Round}}
	a.results = append(a.results, b.result)
	a.say(a.event(t, scenario.Asked, outcome.AskingLine(a.Name, t.Step)))
	return b
}

func (a *actor) acquire(t plan.Step) {
	b := a.begin(t)
	if a.dead {
		b.fail(rwlock.ErrSessionExpired)
		return
	}
	a.asking = b
	for _, l := range t.Locks {
		b.claims = append(b.claims, &place{LockRequest: l, request: b})
	}
	a.in(t.GiveUpAfter, func() { b.giveUp(context.DeadlineExceeded) })
	if t.CancelAfter > 0 {
		a.in(t.CancelAfter, func() { b.giveUp(context.Canceled) })
	}
	if t.CrashAfter > 0 {
		a.in(t.CrashAfter, b.leaseToExpire)
	}
	a.reach(b.arrive)
}

// arrive is when etcd has the request.
func (b *request) arrive() {
	a := b.actor
	wait := a.mustWait(b)
	switch {
	case b.over:
		return
	case a.dead:
		b.fail(rwlock.ErrSessionExpired)
		return
	case b.turn.Try && wait:
		b.fail(rwlock.ErrLocked)
		return
	}
	a.join(b)
	if !wait {
		b.grant()
		return
	}
	b.comes(a.event(b.turn, scenario.Waiting, ""))
	a.findDeadlock(a)
}

// grant lets the client know that it has what it asked for.
func (b *request) grant() {
	a := b.actor
	b.free = true
	a.reach(func() {
		if b.over {
			return
		}
		b.held, a.asking = true, nil
		a.bids = append(a.bids, b)
		for _, c := range b.claims {
			a.holds[c.Name] = b
		}
		a.fence(b)
		b.granted(b.turn)
		a.goOn()
	})
}

func (b *request) granted(t plan.Step) {
	e := b.actor.event(t, scenario.Granted, outcome.GrantedLine(b.actor.Name, t.Step))
	e.Token = b.revision
	b.comes(e)
}

// comes adds an event that is an outcome of the step.
func (b *request) comes(e outcome.Event) {
	if e.Moment == scenario.Lost && slices.Contains(b.result.Outcomes, scenario.Lost) {
		return // heard of before
	}
	if e.Moment != scenario.Lost || !b.held {
		e.Waited = b.actor.Now - b.asked
		e.Passed = e.Waited
	}
	b.result.Notes(e)
	b.actor.say(e)
}

// giveUp ends a bid that was not granted by now.
func (b *request) giveUp(err error) {
	if !b.over && !b.held {
		b.fail(err)
	}
}

// leaseToExpire ends the client of a bid that was not granted by now. The bid stays
// until the lease runs out.
func (b *request) leaseToExpire() {
	if b.over || b.held {
		return
	}
	a := b.actor
	b.over, a.asking, a.bids = true, nil, append(a.bids, b)
	a.endDeadlocks(a, scenario.Crashed)
	a.crash(b.turn)
	a.next = len(a.Steps)
	a.goOn()
}

func (a *actor) crash(t plan.Step) {
	a.left, a.paused = true, false
	a.say(a.event(t, scenario.Crashed, "crashed "+a.Name))
	a.stopRenewing()
}

// fail ends a bid, whose client goes on behind what it would have done with it.
func (b *request) fail(err error) {
	a := b.actor
	b.over, a.asking = true, nil
	e := a.event(b.turn, outcome.Of(err), outcome.FailedLine(a.Name, b.turn.Step, err))
	e.Err = err
	b.comes(e)
	a.endDeadlocks(a, e.Moment)
	a.leave(b)
	a.next = b.turn.End + 1
	a.goOn()
}

// use does a step about what is held, if it came to be held at all.
func (a *actor) use(t plan.Step) {
	b := a.holds[t.Locks[0].Name]
	if b == nil {
		a.goOn()
		return
	}
	ask := b
	if t.Do == scenario.Upgrade {
		ask = a.begin(t)
	}
	for _, l := range t.Locks {
		if t.Do == scenario.Unlock {
			delete(a.holds, l.Name)
		}
	}
	a.reach(func() {
		switch {
		case b.over && t.Do == scenario.Upgrade:
			ask.comes(a.event(t, scenario.Lost, outcome.FailedLine(a.Name, t.Step, rwlock.ErrLost)))
		case b.over:
			a.tellLost(b)
			a.say(a.event(t, scenario.Failed, outcome.FailedLine(a.Name, t.Step, rwlock.ErrLost)))
		case t.Do == scenario.Upgrade:
			a.upgrade(t, ask, b.claims[0])
		case t.Do == scenario.Downgrade:
			a.downgrade(t, b.claims[0])
		default:
			b.over = true
			a.say(a.event(t, scenario.Released, scenario.LogReleased+a.Name))
			a.leave(b)
		}
		a.goOn()
	})
}

func (a *actor) upgrade(t plan.Step, ask *request, c *place) {
	q := a.lock(c.Name)
	switch {
	case c.Mode == rwlock.Read && len(q.claims) > 1:
		e := a.event(t, scenario.Refused, outcome.FailedLine(a.Name, t.Step, rwlock.ErrLocked))
		e.Err = rwlock.ErrLocked
		ask.comes(e)
		return
	case c.Mode == rwlock.Read:
		c.Mode = rwlock.Write
		q.writers++
		a.revision++
		c.revision = a.revision
	}
	ask.revision = c.revision
	ask.granted(t)
}

func (a *actor) downgrade(t plan.Step, c *place) {
	a.say(a.event(t, scenario.Downgraded, "downgraded lock "+a.Name))
	if c.Mode == rwlock.Write {
		c.Mode = rwlock.Read
		a.lock(c.Name).writers--
		a.admit(c.Name)
	}
}
