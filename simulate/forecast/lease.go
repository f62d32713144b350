package forecast

import (
	"slices"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/plan"
)

// A lease expires at the earliest this share of the TTL after the last message from
// the client: clients renew their leases three times in each TTL.
const earliestExpiryNum, earliestExpiryDen = 2, 3

// A lease expires later than its TTL: etcd looks for expired leases now and then, and
// raises TTLs that are shorter than its elections take.
const (
	expiryDelay = time.Second
	minTTL      = 2 * time.Second
)

// resume continues after a pause. The client learns what it lost during the pause.
func (a *actor) resume(s plan.Step) {
	a.paused = false
	a.say(s.Resumed(a.Name))
	a.endSilence()
	a.notifyAllLost()
	a.goOn()
}

func (a *actor) close(s plan.Step) {
	a.left, a.expired = true, true
	a.say(s.Closed(a.Name))
	a.dequeueAll()
	a.goOn()
}

func (a *actor) cutOff() {
	a.cut = true
	a.silence()
}

func (a *actor) heal() {
	a.cut = false
	a.endSilence()
	a.sendDelayed()
}

// sendDelayed sends the messages that could not be sent.
func (a *actor) sendDelayed() {
	delayed := a.delayed
	a.delayed = nil
	for _, do := range delayed {
		a.send(do)
	}
}

// silence is called when etcd no longer hears from the client. Its lease expires if
// that lasts.
func (a *actor) silence() {
	if a.silent {
		return
	}
	a.silent = true
	a.expiry++
	number, life := a.expiry, a.TTL
	if a.delay > 0 {
		least := a.TTL * earliestExpiryNum / earliestExpiryDen
		life = least + time.Duration(a.dice.Int64N(int64(max(a.TTL, a.passing(minTTL))+a.passing(expiryDelay)-least)))
	}
	a.after(life, func() {
		if a.expiry == number && !a.expired {
			a.expire()
		}
	})
}

// endSilence is called when etcd may hear from the client again.
func (a *actor) endSilence() {
	if !a.paused && !a.cut && !a.left {
		a.silent = false
		a.expiry++
	}
}

// expire is called when the lease expires. A client that is not paused knows that by
// its own clock.
func (a *actor) expire() {
	a.expired = true
	a.dequeueAll()
	if a.paused {
		a.late = append(a.late, a)
	}
	if !a.paused && !a.left {
		a.notifyAllLost()
		if r := a.pending; r != nil {
			r.fail(rwlock.ErrSessionExpired)
		}
		a.sendDelayed()
	}
}

// dequeueAll removes all requests of the client.
func (a *actor) dequeueAll() {
	for _, r := range a.requests {
		r.over = true
		a.dequeue(r)
	}
}

func (a *actor) notifyAllLost() {
	for _, r := range a.requests {
		if r.over && a.expired && a.holds[r.entries[0].Name] == r {
			a.notifyLost(r)
		}
	}
}

func (a *actor) notifyLost(r *request) {
	r.addOutcome(plan.LostEvent(r.result, 0, rwlock.ErrLost))
}

// fence notes which paused clients still believe to hold what r holds now.
func (w *world) fence(r *request) {
	for _, a := range w.late {
		if !a.paused {
			continue
		}
		for _, e := range r.entries {
			late := a.holds[e.Name]
			if late != nil && w.fenced[late] == nil && conflict(late, e) {
				w.fenced[late] = r.actor
			}
		}
	}
}

func conflict(r *request, with *entry) bool {
	return slices.ContainsFunc(r.entries, func(e *entry) bool { return e.Name == with.Name && excludes(e.LockRequest, with.LockRequest) })
}
