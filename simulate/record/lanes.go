// Package record makes a scenario of what was seen of the locks in an etcd.
package record

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/scenario"
)

// lanes deals visits out to as few clients as can do them, each one thing after
// the other.
func (r *recorder) lanes(all []*visit) [][]*visit {
	var lanes [][]*visit
	for _, v := range all {
		fits := slices.IndexFunc(lanes, func(lane []*visit) bool {
			return !slices.ContainsFunc(lane, func(before *visit) bool { return r.clashes(before, v) })
		})
		if fits < 0 {
			fits = len(lanes)
			lanes = append(lanes, nil)
		}
		lanes[fits] = append(lanes[fits], v)
	}
	return lanes
}

// clashes reports whether one client could not have done both: it waits for one
// when it does something about the other, or holds a lock that it asks for.
func (r *recorder) clashes(before, v *visit) bool {
	during := func(at time.Duration) bool { return at != none && at > v.asked && at < v.waited(r.opts.Until) }
	if before.waited(r.opts.Until) > v.asked || during(before.gone) {
		return true
	}
	for _, c := range before.changes {
		if during(c.at) {
			return true
		}
	}
	still := before.gone == none || before.gone > v.asked
	return still && slices.ContainsFunc(v.locks, func(l rwlock.LockRequest) bool { return scenario.About(before.locks, l.Name) })
}

// action is something that a client does at a time.
type action struct {
	at, until time.Duration // until when it takes
	steps     []scenario.Step
	ends      bool // the client
}

// client does what a lane has.
func (r *recorder) client(lane []*visit) scenario.Client {
	var deeds []action
	for _, v := range lane {
		deeds = append(deeds, r.actions(v)...)
	}
	slices.SortStableFunc(deeds, func(a, b action) int { return cmp.Compare(a.at, b.at) })
	c := scenario.Client{Count: 1, TTL: scenario.DefaultTTL, Repeat: 1}
	now := millis(deeds[0].at)
	c.After = scenario.Span{From: now, To: now}
	for _, d := range deeds {
		if at := millis(d.at); at > now {
			c.Steps = append(c.Steps, scenario.Step{Do: scenario.Wait, For: scenario.Span{From: at - now, To: at - now}})
			now = at
		}
		c.Steps = append(c.Steps, d.steps...)
		now = max(now, millis(d.until))
		if d.ends {
			break
		}
	}
	if last := c.Steps[len(c.Steps)-1]; last.Do == scenario.Crash {
		c.TTL = recordTTL
	}
	return c
}

func millis(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// actions are what a client did in a visit.
func (r *recorder) actions(v *visit) []action {
	waited := v.waited(r.opts.Until)
	unlock := scenario.Step{Do: scenario.Unlock}
	for _, l := range v.locks {
		unlock.Locks = append(unlock.Locks, rwlock.LockRequest{Name: l.Name})
	}
	take := scenario.Step{Do: scenario.Together, Locks: v.locks}
	if len(v.locks) == 1 {
		take.Do = scenario.Read
		if v.locks[0].Mode == rwlock.Write {
			take.Do = scenario.Write
		}
	}
	if v.granted == none {
		d := max(millis(waited-v.asked), time.Millisecond)
		take.Within = scenario.Span{From: d, To: d}
		return []action{{at: v.asked, until: waited, steps: []scenario.Step{take, unlock}}}
	}
	if wait := waited - v.asked; wait > recordWithin {
		d := (scenario.DefaultWithin + 2*wait).Round(time.Second)
		take.Within = scenario.Span{From: d, To: d}
	}
	all := []action{{at: v.asked, until: waited, steps: []scenario.Step{take}}}
	for _, c := range v.changes {
		mode := map[scenario.Action]rwlock.Mode{scenario.Upgrade: rwlock.Write, scenario.Downgrade: rwlock.Read}[c.do]
		all = append(all, action{at: c.at, until: c.at, steps: []scenario.Step{{Do: c.do, Locks: []rwlock.LockRequest{{Name: v.locks[0].Name, Mode: mode}}}}})
	}
	switch {
	case v.how == scenario.Lost:
		at := max(v.gone-recordTTL, waited)
		all = append(all, action{at: at, until: at, steps: []scenario.Step{{Do: scenario.Crash}}, ends: true})
	case v.gone != none:
		all = append(all, action{at: v.gone, until: v.gone, steps: []scenario.Step{unlock}})
	default:
		at := r.opts.Until + recordSpacing // when those who wait at the end have given up
		all = append(all, action{at: at, until: at, steps: []scenario.Step{unlock}})
	}
	return all
}
