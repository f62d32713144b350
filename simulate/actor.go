package simulate

import (
	"context"
	"fmt"
	"slices"

	"etcd-lock/rwlock"
)

// actor is a client in a world.
type actor struct {
	script
	*world
	next   int
	bids   []*bid          // all that it got
	holds  map[string]*bid // that it has not given back, by lock
	asking *bid            // that is neither granted nor given up
	expiry uint64          // the number of the last plan for its lease to run out
	quiet  bool            // etcd does not hear of it
	dead   bool            // its lease is gone
	left   bool            // it crashed, or closed its session
	paused bool
	cut    bool
	stuck  []func() // what happens when a message gets through that cannot now
}

func (w *world) enter(s script) {
	a := &actor{script: s, world: w, holds: map[string]*bid{}}
	w.actors = append(w.actors, a)
	w.active++
	w.say(Event{Client: a.name, Moment: Ready, Line: fmt.Sprintf("%s%d", logReady, len(w.actors))})
	w.at(s.after, a.step)
}

// step does the next step.
func (a *actor) step() {
	if a.next >= len(a.steps) {
		a.active--
		return
	}
	t := a.steps[a.next]
	a.next++
	switch t.Do {
	case Read, Write, Together:
		a.acquire(t)
	case Wait:
		a.in(t.wait, a.step)
	case Upgrade, Downgrade, Unlock:
		a.use(t)
	case Pause:
		a.paused = true
		a.say(a.event(t, Paused, "paused "+a.name))
		a.silence()
		a.goOn()
	case Resume:
		a.resume(t)
	case Crash:
		a.crash(t)
		a.goOn()
	case Close:
		a.reach(func() { a.close(t) })
	}
}

// goOn does the next step when all that is due by now has happened.
func (a *actor) goOn() { a.in(0, a.step) }

func (a *actor) event(t turn, m Moment, line string) Event {
	return Event{Client: a.name, Moment: m, Do: t.Do, Place: t.Place, Round: t.round, Locks: t.Locks, Line: line}
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
func (a *actor) begin(t turn) *bid {
	b := &bid{actor: a, turn: t, asked: a.now, result: &StepResult{Client: a.name, Step: t.Step, Round: t.round}}
	a.results = append(a.results, b.result)
	a.say(a.event(t, Asked, asking(a.name, t.Step)))
	return b
}

func (a *actor) acquire(t turn) {
	b := a.begin(t)
	if a.dead {
		b.fail(rwlock.ErrSessionExpired)
		return
	}
	a.asking = b
	for _, l := range t.Locks {
		b.claims = append(b.claims, &claim{Want: l, bid: b})
	}
	a.in(t.within, func() { b.giveUp(context.DeadlineExceeded) })
	if t.cancel > 0 {
		a.in(t.cancel, func() { b.giveUp(context.Canceled) })
	}
	if t.crash > 0 {
		a.in(t.crash, b.orphan)
	}
	a.reach(b.arrive)
}

// arrive is when etcd has the request.
func (b *bid) arrive() {
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
	b.comes(a.event(b.turn, Waiting, ""))
	a.findDeadlock(a)
}

// grant lets the client know that it has what it asked for.
func (b *bid) grant() {
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

func (b *bid) granted(t turn) {
	e := b.actor.event(t, Granted, got(b.actor.name, t.Step))
	e.Token = b.revision
	b.comes(e)
}

// comes adds an event that is an outcome of the step.
func (b *bid) comes(e Event) {
	if e.Moment == Lost && slices.Contains(b.result.Outcomes, Lost) {
		return // heard of before
	}
	if e.Moment != Lost || !b.held {
		e.Waited = b.actor.now - b.asked
		e.Passed = e.Waited
	}
	b.result.notes(e)
	b.actor.say(e)
}

// giveUp ends a bid that was not granted by now.
func (b *bid) giveUp(err error) {
	if !b.over && !b.held {
		b.fail(err)
	}
}

// orphan ends the client of a bid that was not granted by now. The bid stays
// until the lease runs out.
func (b *bid) orphan() {
	if b.over || b.held {
		return
	}
	a := b.actor
	b.over, a.asking, a.bids = true, nil, append(a.bids, b)
	a.endDeadlocks(a, Crashed)
	a.crash(b.turn)
	a.next = len(a.steps)
	a.goOn()
}

func (a *actor) crash(t turn) {
	a.left, a.paused = true, false
	a.say(a.event(t, Crashed, "crashed "+a.name))
	a.silence()
}

// fail ends a bid, whose client goes on behind what it would have done with it.
func (b *bid) fail(err error) {
	a := b.actor
	b.over, a.asking = true, nil
	e := a.event(b.turn, outcome(err), not(a.name, b.turn.Step, err))
	e.Err = err
	b.comes(e)
	a.endDeadlocks(a, e.Moment)
	a.leave(b)
	a.next = b.turn.end + 1
	a.goOn()
}

// use does a step about what is held, if it came to be held at all.
func (a *actor) use(t turn) {
	b := a.holds[t.Locks[0].Name]
	if b == nil {
		a.goOn()
		return
	}
	ask := b
	if t.Do == Upgrade {
		ask = a.begin(t)
	}
	for _, l := range t.Locks {
		if t.Do == Unlock {
			delete(a.holds, l.Name)
		}
	}
	a.reach(func() {
		switch {
		case b.over && t.Do == Upgrade:
			ask.comes(a.event(t, Lost, not(a.name, t.Step, rwlock.ErrLost)))
		case b.over:
			a.tellLost(b)
			a.say(a.event(t, Failed, not(a.name, t.Step, rwlock.ErrLost)))
		case t.Do == Upgrade:
			a.upgrade(t, ask, b.claims[0])
		case t.Do == Downgrade:
			a.downgrade(t, b.claims[0])
		default:
			b.over = true
			a.say(a.event(t, Released, logReleased+a.name))
			a.leave(b)
		}
		a.goOn()
	})
}

func (a *actor) upgrade(t turn, ask *bid, c *claim) {
	q := a.lock(c.Name)
	switch {
	case c.Mode == rwlock.Read && len(q.claims) > 1:
		e := a.event(t, Refused, not(a.name, t.Step, rwlock.ErrLocked))
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

func (a *actor) downgrade(t turn, c *claim) {
	a.say(a.event(t, Downgraded, "downgraded lock "+a.name))
	if c.Mode == rwlock.Write {
		c.Mode = rwlock.Read
		a.lock(c.Name).writers--
		a.admit(c.Name)
	}
}
