package inspect

import "slices"

// maxEffort bounds, in steps of a search, what is done to say something better
// that could also be said worse: a circle shorter, a count exactly.
const maxEffort = 4 << 20

// components are the sessions in knots: two are in the same one if each waits
// for the other, directly or not. A knot comes after all that it waits for.
// It is Kosaraju's algorithm, on a stack of its own, since a queue is a path as
// long as itself.
func (g *graph) components() [][]int32 {
	finished := make([]int32, 0, len(g.sessions))
	back := g.search(true)
	for v := range int32(len(g.sessions)) {
		finished = back.descend(v, finished)
	}
	var components [][]int32
	ahead := g.search(false)
	for _, v := range slices.Backward(finished) {
		if knot := ahead.descend(v, nil); len(knot) > 0 {
			slices.Sort(knot)
			components = append(components, knot)
		}
	}
	return components
}

// descend discovers v and all beyond it, depth first, and appends them to
// finished as they are left. It appends nothing if v was discovered before.
func (s *search) descend(v int32, finished []int32) []int32 {
	if s.discover(v) {
		finished = s.beyond(v, finished)
	}
	return finished
}

// beyond is descend for a session that is discovered already.
func (s *search) beyond(v int32, finished []int32) []int32 {
	for stack := []cursor{{session: v}}; len(stack) > 0; {
		top := &stack[len(stack)-1]
		if w, ok := s.next(top); ok {
			stack = append(stack, cursor{session: w})
			continue
		}
		finished = append(finished, top.session)
		stack = stack[:len(stack)-1]
	}
	return finished
}

// circle is a shortest circle in a graph that is one knot. It begins with the
// oldest of its sessions. In a huge knot, it is the shortest one through some
// of its sessions.
func (g *graph) circle() []Edge {
	var shortest []Edge
	s := g.search(false)
	for v := range int32(len(g.sessions)) {
		if len(shortest) == 2 || s.steps > maxEffort {
			break
		}
		s.reset()
		if found := s.circle(v); shortest == nil || len(found) < len(shortest) {
			shortest = found
		}
	}
	return shortest
}

// circle is the shortest circle through v, breadth first: v itself is not
// discovered until the circle closes.
func (s *search) circle(v int32) []Edge {
	for queue := []int32{v}; len(queue) > 0; queue = queue[1:] {
		found := s.neighbours(queue[0])
		if slices.Contains(found, v) {
			return s.path(v, v)
		}
		queue = append(queue, found...)
	}
	return nil
}

// path is the way by which to was discovered, from the session from on.
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
