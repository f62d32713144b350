package diagnose

import (
	"slices"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// A request for a semaphore waits until some of those ahead of it are gone, whichever they are.
// The graph has an edge to each of them, because each may be what it waits for in the end. So a
// component of it may be no deadlock: a holder outside may give back as many permits as are
// needed.

// hasSlots reports whether a session of a component waits for a semaphore.
func (g *graph) hasSlots(component []int32) bool {
	return slices.ContainsFunc(component, func(v int32) bool {
		return slices.ContainsFunc(g.own[v], func(n int32) bool { return g.waits(n) && g.request(n).Mode == keyspace.Slot })
	})
}

// stuck returns the parts of a component that can never continue: not even if all sessions
// outside of it end, and all within it that can continue then. When that takes too long to find
// out, it returns none. The parts are searched with those searches.
func (g *graph) stuck(component []int32, parts sides) [][]int32 {
	within := map[int32]bool{}
	for _, v := range component {
		within[v] = true
	}
	steps := 0
	for progress := true; progress && len(within) > 0; {
		progress = false
		for _, v := range component {
			if within[v] && g.canContinue(v, within, &steps) {
				delete(within, v)
				progress = true
			}
			if steps > maxEffort {
				return nil
			}
		}
	}
	rest := slices.DeleteFunc(slices.Clone(component), func(v int32) bool { return !within[v] })
	return slices.DeleteFunc(parts.componentsWithin(rest), func(part []int32) bool { return len(part) == 1 })
}

// canContinue reports whether a session waits for none of those within, or for permits that are
// free once all others are gone. It counts its steps.
func (g *graph) canContinue(v int32, within map[int32]bool, steps *int) bool {
	for _, a := range g.extra[v] {
		if within[g.nodes[a.blocker].session] {
			return false
		}
	}
	return !slices.ContainsFunc(g.own[v], func(n int32) bool { return g.waits(n) && g.staysBlocked(n, within, steps) })
}

// staysBlocked reports whether a request waits as long as the sessions within keep theirs.
func (g *graph) staysBlocked(n int32, within map[int32]bool, steps *int) bool {
	r := g.request(n)
	o := r.Owner.Value()
	taken, total := o.Weight, o.Permits
	for b := g.queues[g.nodes[n].lock]; b < g.before(n); b++ {
		*steps++
		if !within[g.nodes[b].session] {
			continue
		}
		if r.Mode != keyspace.Slot {
			if g.nodes[n].write || g.nodes[b].write {
				return true
			}
			continue
		}
		o = g.request(b).Owner.Value()
		taken, total = taken+o.Weight, min(total, o.Permits)
		if taken > total {
			return true
		}
	}
	return false
}

// permits adds a finding if requests of a semaphore say different numbers of permits.
func (e *examiner) permits(i int) {
	begin, end := e.queues[i], e.queues[i+1]
	if begin == end || e.request(begin).Mode != keyspace.Slot {
		return
	}
	told := func(n int32) int { return e.request(n).Owner.Value().Permits }
	few, many := begin, begin
	for n := begin; n < end; n++ {
		switch p := told(n); {
		case p < told(few):
			few = n
		case p > told(many):
			many = n
		}
	}
	if few == many {
		return
	}
	f := Finding{Kind: PermitsDiffer, Severity: Warning, Locks: []inspect.LockID{e.locks[i].ID}}
	for _, n := range []int32{few, many} {
		f.Sessions = append(f.Sessions, e.sessionOf(n))
		f.Requests = append(f.Requests, e.request(n))
	}
	e.add(f, advice{})
}
