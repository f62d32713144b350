package inspect

// search discovers the sessions of a graph along its edges, each one once.
//
// A request is blocked by everything before it, or by every writer before it.
// So what one request of a queue is blocked by, a later one is too, but for
// readers among it, and a search that discovers each session once need not look
// at it again: for each queue it keeps how far all has been discovered, and how
// far all writers have. That makes a search of all edges, of which there are as
// many as the square of the requests, take steps as the number of requests. It
// holds in whatever order the search goes, breadth or depth first.
type search struct {
	g     *graph
	back  bool // from blockers to waiters, rather than from waiters to blockers
	seen  []uint32
	via   []arc  // how each session that was seen was discovered
	marks []mark // of each queue
	round uint32 // what seen and marks hold of earlier rounds is void
	steps int
}

// mark is where a queue has yet to be looked at: from its beginning up to there
// all is discovered or, going back, from there to its end.
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

// discover notes that a session has been seen, and reports whether that is new.
func (s *search) discover(session int32) bool {
	if s.seen[session] == s.round {
		return false
	}
	s.seen[session] = s.round
	return true
}

// cursor goes over the neighbours of one session: those along its requests, and
// then those along what runs inside.
type cursor struct{ session, at int32 }

// next discovers a neighbour, if there is one left.
func (s *search) next(c *cursor) (int32, bool) {
	own := s.g.own[c.session]
	for ; int(c.at) < len(own); c.at++ {
		s.steps++
		if session, ok := s.along(own[c.at]); ok {
			return session, true
		}
	}
	arcs := s.g.inside[c.session]
	if s.back {
		arcs = s.g.outside[c.session]
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

// neighbours discovers all neighbours of a session that are left.
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

// along discovers a neighbour along one request.
func (s *search) along(n int32) (int32, bool) {
	if s.back {
		return s.waiter(n)
	}
	if s.g.waits(n) {
		return s.blocker(n)
	}
	return 0, false
}

// blocker discovers one that n waits for.
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

// waiter discovers one that waits for n.
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

// follow discovers what is at the other end of an arc.
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
