package record

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/lockset"
	"etcd-lock/simulate/scenario"
)

// distribute distributes visits to as few clients as can do them, each one step after
// the other.
func (r *recorder) distribute(all []*visit) [][]*visit {
	var clients [][]*visit
	for _, v := range all {
		fits := slices.IndexFunc(clients, func(client []*visit) bool {
			return !slices.ContainsFunc(client, func(before *visit) bool { return r.conflict(before, v) })
		})
		if fits < 0 {
			fits = len(clients)
			clients = append(clients, nil)
		}
		clients[fits] = append(clients[fits], v)
	}
	return clients
}

// conflict reports whether no client could have made both visits: it would have had to
// wait for v when it did something about before, or to request a lock that it held, or it would
// have been told two numbers of permits of a semaphore.
func (r *recorder) conflict(before, v *visit) bool {
	during := func(at time.Duration) bool { return at != none && at > v.asked && at < v.waited(r.opts.Until) }
	if before.waited(r.opts.Until) > v.asked || during(before.gone) {
		return true
	}
	for _, c := range before.changes {
		if during(c.at) {
			return true
		}
	}
	if before.isToldOtherwise(v) {
		return true
	}
	exists := before.gone == none || before.gone > v.asked
	return exists && slices.ContainsFunc(v.locks, func(l rwlock.LockRequest) bool { return lockset.Has(before.locks, l.Name) })
}

// isToldOtherwise reports whether v and another visit say two numbers of permits of a semaphore.
func (v *visit) isToldOtherwise(other *visit) bool {
	return slices.ContainsFunc(v.locks, func(l rwlock.LockRequest) bool {
		return slices.ContainsFunc(other.locks, func(o rwlock.LockRequest) bool { return o.Name == l.Name && o.Permits != l.Permits })
	})
}

// action is the steps that a client does at a time.
type action struct {
	at, until time.Duration // until when the client is busy
	steps     []scenario.Step
	last      bool // no step can follow
}

// client returns the client that makes visits.
func (r *recorder) client(visits []*visit) scenario.Client {
	var actions []action
	for _, v := range visits {
		actions = append(actions, r.actions(v)...)
	}
	slices.SortStableFunc(actions, func(a, b action) int { return cmp.Compare(a.at, b.at) })
	now := millis(actions[0].at)
	c := scenario.Client{Count: 1, TTL: scenario.DefaultTTL, Repeat: 1, After: fixed(now)}
	for _, a := range actions {
		if at := millis(a.at); at > now {
			c.Steps = append(c.Steps, scenario.Step{Do: scenario.Wait, For: fixed(at - now)})
			now = at
		}
		c.Steps = append(c.Steps, a.steps...)
		now = max(now, millis(a.until))
		if a.last {
			break
		}
	}
	if last := c.Steps[len(c.Steps)-1]; last.Do == scenario.Crash {
		c.TTL = crashTTL
	}
	return c
}

func millis(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func fixed(d time.Duration) scenario.Span { return scenario.Span{From: d, To: d} }

// actions returns what a client did in a visit.
func (r *recorder) actions(v *visit) []action {
	waited := v.waited(r.opts.Until)
	acquire, unlock := v.acquireStep(), v.unlockStep()
	if v.granted == none {
		acquire.Within = fixed(max(millis(waited-v.asked), time.Millisecond))
		return []action{{at: v.asked, until: waited, steps: []scenario.Step{acquire, unlock}}}
	}
	if wait := waited - v.asked; wait > maxDefaultWait {
		acquire.Within = fixed((scenario.DefaultWithin + 2*wait).Round(time.Second))
	}
	all := []action{{at: v.asked, until: waited, steps: []scenario.Step{acquire}}}
	for _, c := range v.changes {
		mode := map[scenario.Action]rwlock.Mode{scenario.Upgrade: rwlock.Write, scenario.Downgrade: rwlock.Read}[c.do]
		all = append(all, action{at: c.at, until: c.at, steps: []scenario.Step{{Do: c.do, Locks: []rwlock.LockRequest{{Name: v.locks[0].Name, Mode: mode}}}}})
	}
	switch {
	case v.how == scenario.Lost:
		at := max(v.gone-crashTTL, waited)
		all = append(all, action{at: at, until: at, steps: []scenario.Step{{Do: scenario.Crash}}, last: true})
	case v.gone != none:
		all = append(all, action{at: v.gone, until: v.gone, steps: []scenario.Step{unlock}})
	default:
		at := r.opts.Until + minSpacing // when those who wait at the end have given up
		all = append(all, action{at: at, until: at, steps: []scenario.Step{unlock}})
	}
	return all
}

// acquireStep returns the step that acquires the locks of the visit.
func (v *visit) acquireStep() scenario.Step {
	s := scenario.Step{Do: scenario.Together, Locks: v.locks}
	if len(v.locks) == 1 {
		s.Do = map[rwlock.Mode]scenario.Action{rwlock.Read: scenario.Read, rwlock.Write: scenario.Write, rwlock.Slot: scenario.Slot}[v.locks[0].Mode]
	}
	return s
}

// unlockStep returns the step that releases the locks of the visit.
func (v *visit) unlockStep() scenario.Step {
	s := scenario.Step{Do: scenario.Unlock}
	for _, l := range v.locks {
		s.Locks = append(s.Locks, rwlock.LockRequest{Name: l.Name})
	}
	return s
}
