package deterministic

import (
	"slices"
	"testing"
)

// shrink takes out of a plan that fails what it fails without.
func shrink(t *testing.T, p plan, o outcome) (plan, outcome) {
	t.Helper()
	for progress := true; progress; {
		progress = false
		for _, smaller := range p.smaller() {
			if so := run(t, smaller, false); so.fails(o.Failures[0].Kind) {
				p, progress = smaller, true
				break
			}
		}
	}
	return p, run(t, p, true)
}

// fails reports whether there is a failure of this kind.
func (o outcome) fails(kind string) bool {
	return slices.ContainsFunc(o.Failures, func(f failure) bool { return f.Kind == kind })
}

// smaller returns the plans with one part less, or with a part that is simpler. Those
// with the largest parts less come first.
func (p plan) smaller() []plan {
	var all []plan
	with := func(change func(*plan)) {
		next := p.clone()
		change(&next)
		all = append(all, next)
	}
	for i := range p.Actors {
		with(func(q *plan) { q.Actors = slices.Delete(q.Actors, i, i+1) })
	}
	for i := range p.Faults {
		with(func(q *plan) { q.Faults = slices.Delete(q.Faults, i, i+1) })
	}
	if p.Inspect {
		with(func(q *plan) { q.Inspect = false })
	}
	for i, a := range p.Actors {
		for k := range a.Visits {
			with(func(q *plan) { q.Actors[i].Visits = slices.Delete(q.Actors[i].Visits, k, k+1) })
		}
	}
	for i, a := range p.Actors {
		for k, v := range a.Visits {
			for _, s := range v.simpler() {
				with(func(q *plan) { q.Actors[i].Visits[k] = s })
			}
		}
	}
	if p.Members > 1 {
		with(func(q *plan) { q.Members = 1 })
	}
	return all
}

func (p plan) clone() plan {
	p.Faults = slices.Clone(p.Faults)
	p.Actors = slices.Clone(p.Actors)
	for i := range p.Actors {
		p.Actors[i].Visits = slices.Clone(p.Actors[i].Visits)
	}
	return p
}

// simpler returns visits that do less than v.
func (v visit) simpler() []visit {
	var all []visit
	if len(v.Locks) > 1 {
		for i := range v.Locks {
			s := v
			s.Locks = slices.Delete(slices.Clone(v.Locks), i, i+1)
			all = append(all, s)
		}
	}
	for _, flag := range []func(*visit) *bool{
		func(v *visit) *bool { return &v.Try },
		func(v *visit) *bool { return &v.Downgradable },
		func(v *visit) *bool { return &v.Change },
		func(v *visit) *bool { return &v.Close },
	} {
		s := v
		if *flag(&s) {
			*flag(&s) = false
			all = append(all, s)
		}
	}
	if v.Weight > 1 {
		s := v
		s.Weight = 1
		all = append(all, s)
	}
	if v.Patience > 0 {
		s := v
		s.Patience = 0
		all = append(all, s)
	}
	return all
}
