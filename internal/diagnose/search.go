package diagnose

// search discovers the sessions of a graph along its edges, each one once.
//
// A request is blocked by all earlier requests, or by all earlier writers. So
// whatever blocks one request of a queue also blocks a later one, except for
// readers, and a search that discovers each session once need not look at it
// again: for each queue it keeps how far everything has been discovered, and how
// far all writers have. So a search takes steps in the number of requests, while
// the number of edges is the square of that. This holds in whatever order the
// search goes, breadth first or depth first.
type search struct {
	g     *graph
	back  bool // from blockers to waiters, rather than from waiters to blockers
	seen  []uint32
	via   []arc  // how each session that was seen was discovered
	marks []mark // of each queue
	stack []cursor
	round uint32 // entries of seen and marks of earlier rounds are void
	steps int

	within []bool // the sessions that it is limited to; nil: it is not
}

// mark is the position in a queue up to which everything is discovered: from its
// beginning or, going back, from its end.
type mark struct {
	all, writers int32
	round        uint32
}

func (g *graph) search(back bool) *search {
	return &search{
		g: g, back: back, round: 1,
		seen:  make([]uint32, len(g.sessions)),
		via:   make([]arc, len(g.sessions)),
		marks: make([]mark, len(g.locks)),
	}
}

// reset forgets what was discovered.
func (s *search) reset() { s.round++ }

// limit limits the search to some sessions, until unlimit.
func (s *search) limit(to []int32) {
	if s.within == nil {
		s.within = make([]bool, len(s.g.sessions))
	}
	for _, v := range to {
		s.within[v] = true
	}
}

// unlimit ends what limit began. The search is for parts of the graph from then on.
func (s *search) unlimit(to []int32) {
	for _, v := range to {
		s.within[v] = false
	}
}

// discover marks a session as seen, and reports whether it was not before.
func (s *search) discover(session int32) bool {
	if s.seen[session] == s.round || s.within != nil && !s.within[session] {
		return false
	}
	s.seen[session] = s.round
	return true
}

// cursor iterates over the neighbours of one session: first those along its
// requests in their queues, then the others.
type cursor struct{ session, at int32 }

// next discovers one more neighbour, if there is one left.
func (s *search) next(c *cursor) (int32, bool) {
	own := s.g.own[c.session]
	for ; int(c.at) < len(own); c.at++ {
		s.steps++
		if session, ok := s.along(own[c.at]); ok {
			return session, true
		}
	}
	arcs := s.g.extra[c.session]
	if s.back {
		arcs = s.g.extraTo[c.session]
	}
	for int(c.at) < len(own)+len(arcs) {
		a := arcs[int(c.at)-len(own)]
		c.at++
		s.steps++
		if session, ok := s.follow(a); ok {
			return session, true
		}
	}
	return 0, false
}

// neighbours discovers all remaining neighbours of a session.
func (s *search) neighbours(v int32) []int32 {
	var found []int32
	for c := (cursor{session: v}); ; {
		w, ok := s.next(&c)
		if !ok {
			return found
		}
		found = append(found, w)
	}
}

// along discovers one more neighbour along one request.
func (s *search) along(n int32) (int32, bool) {
	if s.back {
		return s.waiter(n)
	}
	if s.g.waits(n) {
		return s.blocker(n)
	}
	return 0, false
}

// blocker discovers one more session that the request n waits for.
func (s *search) blocker(n int32) (int32, bool) {
	m := s.mark(n)
	at := &m.all
	if !s.g.nodes[n].write {
		m.writers = max(m.writers, m.all)
		at = &m.writers
	}
	for end := s.g.before(n); *at < end; {
		b := *at
		*at++
		s.steps++
		if !s.g.nodes[n].write && !s.g.nodes[b].write {
			continue
		}
		if session, ok := s.follow(arc{waiter: n, blocker: b}); ok {
			return session, true
		}
	}
	return 0, false
}

// waiter discovers one more session that waits for the request n.
func (s *search) waiter(n int32) (int32, bool) {
	m := s.mark(n)
	at := &m.all
	if !s.g.nodes[n].write {
		m.writers = min(m.writers, m.all)
		at = &m.writers
	}
	for begin := s.g.after(n); *at > begin; {
		*at--
		w := *at
		s.steps++
		if !s.g.nodes[n].write && !s.g.nodes[w].write || !s.g.waits(w) {
			continue
		}
		if session, ok := s.follow(arc{waiter: w, blocker: n}); ok {
			return session, true
		}
	}
	return 0, false
}

func (s *search) mark(n int32) *mark {
	lock := s.g.nodes[n].lock
	m := &s.marks[lock]
	if m.round != s.round {
		at := s.g.queues[lock]
		if s.back {
			at = s.g.queues[lock+1]
		}
		*m = mark{all: at, writers: at, round: s.round}
	}
	return m
}

// follow discovers the session at the other end of an arc.
func (s *search) follow(a arc) (int32, bool) {
	session := s.g.nodes[a.blocker].session
	if s.back {
		session = s.g.nodes[a.waiter].session
	}
	if !s.discover(session) {
		return 0, false
	}
	s.via[session] = a
	return session, true
}
