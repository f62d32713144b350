package diagnose

import (
	"cmp"
	"slices"

	"etcd-lock/internal/inspect"
)

// deadlock is a component of sessions that wait for each other.
type deadlock struct {
	component []int32
	cycle     []Edge // a shortest one in it
	remedies  []Remedy
}

// deadlocks returns the components in which a session waits: a cycle of programs
// that report to run inside each other is none.
func (g *graph) deadlocks(components [][]int32, parts sides) []deadlock {
	var found []deadlock
	s := g.search(false)
	for _, component := range components {
		if len(component) == 1 {
			continue
		}
		if g.hasSlots(component) {
			for _, stuck := range g.stuck(component, parts) {
				found = append(found, deadlock{component: stuck, cycle: g.cycleAmong(stuck)})
			}
			continue
		}
		cycle := g.shortestCycle(component, s)
		if slices.ContainsFunc(cycle, func(e Edge) bool { return e.Kind != EdgeInside }) {
			found = append(found, deadlock{component: component, cycle: cycle})
		}
	}
	slices.SortFunc(found, func(a, b deadlock) int { return cmp.Compare(a.component[0], b.component[0]) })
	return found
}

// deadlock adds the finding of a deadlock, with its remedies.
func (e *examiner) deadlock(d *deadlock) {
	f := Finding{Kind: Deadlock, Severity: Critical, Cycle: d.cycle}
	var members []int32
	shown := map[string]bool{}
	for i := range d.cycle {
		edge := &d.cycle[i]
		members = append(members, e.vertex(edge.From.ID))
		f.Sessions = append(f.Sessions, edge.From)
		for _, r := range []*inspect.Request{&edge.Waiter, &edge.Blocker} {
			if !shown[r.Key] {
				shown[r.Key] = true
				f.Requests = append(f.Requests, r)
			}
		}
	}
	f.Locks = locksOf(f.Requests)
	f.Behind = e.behind(members...)
	if !e.brief {
		d.remedies = e.remediesForDeadlock(d)
	}
	e.add(f, advice{remedies: func() []Remedy { return d.remedies }})
}

// remediesForDeadlock returns remedies that each end one member of the cycle, as
// a whole: a member that only loses its wait would keep the locks it holds.
//
// The best is the member whose end resolves the whole component and costs least:
// a member that waits, rather than one that holds a lock for a program that
// waits, because that program would continue unprotected, while the program's
// own end makes the holder unlock; one that holds few locks; and one that has
// waited least.
func (e *examiner) remediesForDeadlock(d *deadlock) []Remedy {
	type member struct {
		edge                   Edge
		nested, partial, holds int
	}
	var members []member
	for _, edge := range d.cycle {
		m := member{edge: edge, holds: len(edge.From.Holds())}
		if edge.Kind == EdgeInside {
			m.nested = 1
		}
		if !e.resolves(d, edge.From.ID) {
			m.partial = 1
		}
		members = append(members, m)
	}
	slices.SortStableFunc(members, func(a, b member) int {
		return cmp.Or(
			cmp.Compare(a.nested, b.nested),
			cmp.Compare(a.partial, b.partial),
			cmp.Compare(a.holds, b.holds),
			cmp.Compare(b.edge.Waiter.Revision, a.edge.Waiter.Revision),
		)
	})
	var remedies []Remedy
	for _, m := range members[:min(len(members), maxRemedies)] {
		remedies = append(remedies, usable(e.endMember(d.cycle, m.edge))...)
	}
	return remedies
}

// resolves reports whether the end of a session leaves no deadlock in its
// component. A cycle that is the whole component has no smaller one in it, being
// a shortest. For a huge component it reports true without looking.
func (e *examiner) resolves(d *deadlock, id inspect.SessionID) bool {
	if len(d.component) == len(d.cycle) || len(d.component)*len(d.cycle) > maxEffort {
		return true
	}
	others := slices.DeleteFunc(slices.Clone(d.component), func(v int32) bool { return e.sessions[v].ID == id })
	return len(e.parts.componentsWithin(others)) == len(others)
}

// endMember returns the remedy that ends the session from which an edge of a
// cycle starts.
func (e *examiner) endMember(cycle []Edge, out Edge) Remedy {
	r := e.end(out.From)
	for _, edge := range cycle {
		if edge.Kind == EdgeInside && edge.To == out.From {
			r.Unlocks = append(r.Unlocks, Entry{Request: edge.Waiter, Session: edge.From})
		}
	}
	if out.Kind == EdgeInside {
		r.Unprotected = out.To
	}
	return r
}
