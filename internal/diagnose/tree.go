package diagnose

import (
	"cmp"
	"slices"
)

// forest is the wait-for graph as trees.
//
// A root is a session that others wait for and that waits for no other. A
// component that waits for nothing outside it has no such session; its oldest
// session is the root then. Every session that waits for another one is in the
// tree of the root that is the fewest edges away, below a session that it waits
// for directly; edges by which it would appear twice are left out.
type forest struct {
	parents []int32 // of each session; itself at a root and of one that is in no tree
	behind  []int32 // of each session, how many are below it
	arcs    []arc   // of each session, to its parent
	roots   []int32 // by age
	order   []int32 // the sessions in the trees, each after its parent
}

// grow builds the forest, given the graph's components.
func (g *graph) grow(components [][]int32) *forest {
	f := &forest{parents: make([]int32, len(g.sessions)), behind: make([]int32, len(g.sessions))}
	for v := range f.parents {
		f.parents[v] = int32(v)
	}
	f.roots = g.rootsOf(components)
	f.spread(g.search(true))
	for _, v := range slices.Backward(f.order) {
		if parent := f.parents[v]; parent != v {
			f.behind[parent] += f.behind[v] + 1
		}
	}
	return f
}

// rootsOf returns the roots, by age. In the order of the components, a component
// that is not reached from any before it waits for none of them; it has a root
// if it is in the way of a session that keeps others waiting.
func (g *graph) rootsOf(components [][]int32) []int32 {
	var roots, found []int32
	inTheWay := g.search(false)
	for v, blocking := range g.blocking() {
		if blocking {
			found = inTheWay.descend(int32(v), found[:0])
		}
	}
	back := g.search(true)
	for _, component := range components {
		if found = back.descend(component[0], found[:0]); len(found) > 0 && inTheWay.seen[component[0]] == inTheWay.round {
			roots = append(roots, component[0])
		}
	}
	slices.Sort(roots)
	return roots
}

// blocking reports for each session whether it keeps another one waiting for a
// lock. A nested process does not keep the holder of its lock waiting in this
// sense.
func (g *graph) blocking() []bool {
	blocking := make([]bool, len(g.sessions))
	for i := range g.locks {
		var all, writers int64 // the revisions of the last waiters
		for n := g.queues[i+1] - 1; n >= g.queues[i]; n-- {
			nd := g.nodes[n]
			if nd.revision < writers || nd.write && nd.revision < all {
				blocking[nd.session] = true
			}
			if g.waits(n) {
				all = max(all, nd.revision)
			}
			if g.waits(n) && nd.write {
				writers = max(writers, nd.revision)
			}
		}
	}
	for _, a := range g.across {
		blocking[g.nodes[a.blocker].session] = true
	}
	return blocking
}

// spread builds the trees, breadth first from all roots at once.
func (f *forest) spread(s *search) {
	for _, v := range f.roots {
		s.discover(v)
	}
	f.order = slices.Clone(f.roots)
	for i := 0; i < len(f.order); i++ {
		children := s.neighbours(f.order[i])
		slices.SortFunc(children, func(a, b int32) int { return cmp.Compare(s.via[a].waiter, s.via[b].waiter) })
		for _, v := range children {
			f.parents[v] = f.order[i]
		}
		f.order = append(f.order, children...)
	}
	f.arcs = s.via
}

// rootBlocker is what a session waits for in the end: the first session up its
// tree that is in a deadlock, or the root. It may be the session itself.
type rootBlocker struct {
	session int32
	arc     arc // the last one on the way there; undefined when it is the session itself
}

// rootBlockers returns the root blocker of each session.
func (f *forest) rootBlockers(deadlocked func(int32) bool) []rootBlocker {
	blockers := make([]rootBlocker, len(f.parents))
	for v := range blockers {
		blockers[v].session = int32(v)
	}
	for _, v := range f.order {
		parent := f.parents[v]
		if parent == v || deadlocked(v) {
			continue
		}
		blockers[v] = blockers[parent]
		if blockers[parent].session == parent {
			blockers[v].arc = f.arcs[v]
		}
	}
	return blockers
}
