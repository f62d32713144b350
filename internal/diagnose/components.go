package diagnose

import "slices"

// maxEffort bounds, in steps of a search, the work that is spent on a better
// answer where a worse one is at hand: a shorter cycle, an exact count.
const maxEffort = 4 << 20

// components returns the strongly connected components of the wait-for graph:
// two sessions are in the same one if each waits for the other, directly or not.
// A component comes after all components that it waits for.
func (g *graph) components() [][]int32 { return g.sides().components(g.every()) }

// every returns all sessions.
func (g *graph) every() []int32 {
	every := make([]int32, len(g.sessions))
	for v := range every {
		every[v] = int32(v)
	}
	return every
}

// sides search a graph in both directions.
type sides struct{ back, ahead *search }

func (g *graph) sides() sides { return sides{g.search(true), g.search(false)} }

// components is that of a graph, for the sessions that both searches may discover. It is
// Kosaraju's algorithm, on an explicit stack, since a path can be as long as a queue.
func (s sides) components(sessions []int32) [][]int32 {
	finished := make([]int32, 0, len(sessions))
	for _, v := range sessions {
		finished = s.back.descend(v, finished)
	}
	var components [][]int32
	members := make([]int32, 0, len(sessions)) // most components are of one session
	for _, v := range slices.Backward(finished) {
		begin := len(members)
		if members = s.ahead.descend(v, members); len(members) > begin {
			component := members[begin:len(members):len(members)]
			slices.Sort(component)
			components = append(components, component)
		}
	}
	return components
}

// componentsWithin is components of some sessions without all others. The searches can be used
// for that again: they take memory in the number of locks.
func (s sides) componentsWithin(sessions []int32) [][]int32 {
	s.back.reset()
	s.ahead.reset()
	s.back.limit(sessions)
	s.ahead.limit(sessions)
	components := s.components(sessions)
	s.back.unlimit(sessions)
	s.ahead.unlimit(sessions)
	return components
}

// descend discovers v and all sessions beyond it, depth first, and appends them
// to finished in postorder. It appends nothing if v was discovered before.
func (s *search) descend(v int32, finished []int32) []int32 {
	if s.discover(v) {
		finished = s.beyond(v, finished)
	}
	return finished
}

// beyond is descend for a session that is discovered already.
func (s *search) beyond(v int32, finished []int32) []int32 {
	for s.stack = append(s.stack[:0], cursor{session: v}); len(s.stack) > 0; {
		top := &s.stack[len(s.stack)-1]
		if w, ok := s.next(top); ok {
			s.stack = append(s.stack, cursor{session: w})
			continue
		}
		finished = append(finished, top.session)
		s.stack = s.stack[:len(s.stack)-1]
	}
	return finished
}

// maxPassed is how many requests of others, for each of its own, a component may have in its
// queues and still be searched in the graph as it is: to pass over them takes time, while a
// graph of its own takes as much memory again.
const maxPassed = 8

// shortestCycle returns a shortest cycle of a component, starting at the oldest of
// its sessions. In a huge component, it returns the shortest cycle through some of
// the sessions. The search is one of the graph, to be used for all components.
func (g *graph) shortestCycle(component []int32, s *search) []Edge {
	own, passed := 0, 0
	for _, v := range component {
		own += len(g.own[v])
		for _, n := range g.own[v] {
			if lock := g.nodes[n].lock; g.nodes[n].first == n {
				passed += int(g.queues[lock+1] - g.queues[lock])
			}
		}
	}
	if passed > maxPassed*own {
		return g.cycleAmong(component)
	}
	return s.cycleWithin(component)
}

// cycleAmong is shortestCycle, with a graph of the component alone.
func (g *graph) cycleAmong(component []int32) []Edge {
	sub := g.among(component)
	cycle := sub.search(false).shortestCycle(sub.every())
	for i, e := range cycle { // they point into the subgraph
		cycle[i].From, cycle[i].To = g.session(e.From.ID), g.session(e.To.ID)
	}
	return cycle
}

// cycleWithin is shortestCycle, in the whole graph.
func (s *search) cycleWithin(component []int32) []Edge {
	s.limit(component)
	defer s.unlimit(component)
	return s.shortestCycle(component)
}

// shortestCycle returns the shortest of the cycles through some sessions.
func (s *search) shortestCycle(sessions []int32) []Edge {
	var shortest []Edge
	s.steps = 0
	for _, v := range sessions {
		if len(shortest) == 2 || s.steps > maxEffort {
			break
		}
		s.reset()
		if found := s.cycle(v); shortest == nil || len(found) < len(shortest) {
			shortest = found
		}
	}
	return shortest
}

// cycle returns the shortest cycle through v. It searches breadth first; v itself
// is not discovered until the cycle closes.
func (s *search) cycle(v int32) []Edge {
	for queue := []int32{v}; len(queue) > 0; queue = queue[1:] {
		found := s.neighbours(queue[0])
		if slices.Contains(found, v) {
			return s.path(v, v)
		}
		queue = append(queue, found...)
	}
	return nil
}

// path returns the edges along which to was discovered, starting at the session
// from.
func (s *search) path(from, to int32) []Edge {
	var edges []Edge
	for {
		a := s.via[to]
		edges = append(edges, s.g.edge(a))
		if to = s.g.nodes[a.waiter].session; to == from {
			slices.Reverse(edges)
			return edges
		}
	}
}
