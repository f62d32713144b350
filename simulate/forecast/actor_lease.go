package forecast

import (
	"slices"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/scenario"
)

// How long after the last sign of life etcd takes a lease away, as a share of the
// TTL at least: a client renews its lease three times in each.
const leastLeaseNum, leastLeaseDen = 2, 3

// Above a TTL, a lease is taken away late: etcd looks for it now and then, and
// grants no TTL that is shorter than its elections take.
const (
	leaseLate   = time.Second
	leastOfEtcd = 2 * time.Second
)

// resume goes on after a pause, and hears of what was lost in it.
func (a *actor) resume(t plan.Step) {
	a.paused = false
	a.say(a.event(t, scenario.Resumed, "resumed "+a.Name))
	a.renew()
	a.tellAllLost()
	a.goOn()
}

func (a *actor) close(t plan.Step) {
	a.left, a.dead = true, true
	a.say(a.event(t, scenario.Closed, "closed "+a.Name))
	a.drop()
	a.goOn()
}

func (a *actor) cutOff() {
	a.cut = true
	a.stopRenewing()
}

func (a *actor) heal() {
	a.cut = false
	a.renew()
	a.catchUp()
}

// catchUp lets messages through that could not go.
func (a *actor) catchUp() {
	stuck := a.stuck
	a.stuck = nil
	for _, do := range stuck {
		a.reach(do)
	}
}

// stopRenewing is when etcd hears no more of the client, whose lease runs out then.
func (a *actor) stopRenewing() {
	if a.quiet {
		return
	}
	a.quiet = true
	a.expiry++
	plan, life := a.expiry, a.TTL
	if a.delay > 0 {
		least := a.TTL * leastLeaseNum / leastLeaseDen
		life = least + time.Duration(a.dice.Int64N(int64(max(a.TTL, leastOfEtcd)+leaseLate-least)))
	}
	a.in(life, func() {
		if a.expiry == plan && !a.dead {
			a.die()
		}
	})
}

// renew is when etcd hears of the client again, in time or not.
func (a *actor) renew() {
	if !a.paused && !a.cut && !a.left {
		a.quiet = false
		a.expiry++
	}
}

// die is when the lease has run out. One that is not paused knows that by its
// own clock.
func (a *actor) die() {
	a.dead = true
	a.drop()
	if a.paused {
		a.late = append(a.late, a)
	}
	if !a.paused && !a.left {
		a.tellAllLost()
		if b := a.asking; b != nil {
			b.fail(rwlock.ErrSessionExpired)
		}
		a.catchUp()
	}
}

// drop takes all that the client holds out of the queues.
func (a *actor) drop() {
	for _, b := range a.bids {
		b.over = true
		a.leave(b)
	}
}

func (a *actor) tellAllLost() {
	for _, b := range a.bids {
		if b.over && a.dead && a.holds[b.claims[0].Name] == b {
			a.tellLost(b)
		}
	}
}

func (a *actor) tellLost(b *request) {
	e := a.event(b.turn, scenario.Lost, a.Name+" lost: "+rwlock.ErrLost.Error())
	e.Err = rwlock.ErrLost
	b.comes(e)
}

// fence notes who believes in what is b's by now.
func (w *World) fence(b *request) {
	for _, a := range w.late {
		if !a.paused {
			continue
		}
		for _, c := range b.claims {
			late := a.holds[c.Name]
			if late != nil && w.fenced[late] == nil && clash(late, c) {
				w.fenced[late] = b.actor
			}
		}
	}
}

func clash(b *request, with *place) bool {
	return slices.ContainsFunc(b.claims, func(c *place) bool { return c.Name == with.Name && blocks(c.Mode, with.Mode) })
}
