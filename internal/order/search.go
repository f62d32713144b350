package order

import "slices"

// Potential is a deadlock that could happen: each client holds what the one before it, and
// the first what the last one, requested. The clients were seen to do so, each for itself.
type Potential struct {
	Classes []string // what is held, of each story
	Stories []Story
}

// Potentials returns the deadlocks that could happen by what was learnt, the shortest first.
// Of a cycle with others inside it, it returns those inside.
func (l *Learner) Potentials() []Potential {
	s := search{Learner: l, tries: l.limits.Tries}
	var nodes []node
	for n := range l.edges {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, node.compare)
	for length := 2; length <= l.limits.Length; length++ {
		for _, n := range nodes {
			s.first, s.length = n, length
			s.follow([]node{n})
		}
	}
	return s.found
}

// search looks for cycles.
type search struct {
	*Learner
	first  node
	length int
	tries  int
	found  []Potential
	cycles [][]node // that were found
}

// follow looks for cycles that begin with a path. Each is found from its first node alone.
func (s *search) follow(path []node) {
	if s.tries--; s.tries < 0 || len(s.found) == s.limits.Found {
		return
	}
	next := s.edges[path[len(path)-1]]
	if len(path) == s.length {
		if next[s.first] != nil && !s.known(path) {
			s.try(path)
		}
		return
	}
	var nodes []node
	for n := range next {
		if n.compare(s.first) > 0 && !slices.Contains(path, n) {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, node.compare)
	for _, n := range nodes {
		s.follow(append(path[:len(path):len(path)], n))
	}
}

// known reports whether all nodes of a cycle that was found are in a path.
func (s *search) known(path []node) bool {
	return slices.ContainsFunc(s.cycles, func(c []node) bool {
		return len(c) < len(path) && !slices.ContainsFunc(c, func(n node) bool { return !slices.Contains(path, n) })
	})
}

// try looks for clients that could be in a cycle at the same time.
func (s *search) try(path []node) {
	chosen := make([]*Story, 0, len(path))
	if !s.choose(path, &chosen) {
		return
	}
	s.cycles = append(s.cycles, path)
	p := Potential{}
	for i, story := range chosen {
		p.Classes = append(p.Classes, path[i].class)
		p.Stories = append(p.Stories, *story)
	}
	s.found = append(s.found, p)
}

// choose adds a story for each of the remaining edges of a cycle, if it can.
func (s *search) choose(path []node, chosen *[]*Story) bool {
	i := len(*chosen)
	if i == len(path) {
		last, first := (*chosen)[i-1], (*chosen)[0]
		// Requests of one revision are in the same place of all queues: alone, they make no cycle.
		return blocks(last, first) && slices.ContainsFunc(*chosen, func(s *Story) bool { return !s.Together })
	}
	e := s.edges[path[i]][path[(i+1)%len(path)]]
	for _, shape := range e.order {
		for _, story := range e.shapes[shape] {
			if s.tries--; s.tries < 0 {
				return false
			}
			if i > 0 && !blocks((*chosen)[i-1], story) || slices.ContainsFunc(*chosen, story.excludes) {
				continue
			}
			*chosen = append(*chosen, story)
			if s.choose(path, chosen) {
				return true
			}
			*chosen = (*chosen)[:i]
		}
	}
	return false
}

// blocks reports whether a client would wait for what the next one holds.
func blocks(s, next *Story) bool { return s.Wanted.excludes(next.holds()[0]) }
