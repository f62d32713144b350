package inspect

import "strings"

// maxCures bounds for how many holders of a lock cures are told.
const maxCures = 8

// end is the remedy that ends a session. It is made once for each: a session may
// hold as many locks as there are findings that it cures.
func (e *examiner) end(s *Session) Remedy {
	r, ok := e.ends[s.ID]
	if !ok {
		r = e.newEnd(s)
		e.ends[s.ID] = r
	}
	return r
}

// newEnd makes what end keeps. A session without a lease is a single request,
// so that is deleted.
func (e *examiner) newEnd(s *Session) Remedy {
	if s.ID.Lease == 0 {
		return e.remove(s.Requests[0])
	}
	p := e.snapshot.without(s.Requests)
	return Remedy{
		Text:     "end the session of " + e.who(s.Requests[0]) + ": " + e.effects(p),
		Args:     []string{"release", "--lease", s.ID.String()},
		Etcdctl:  []string{"lease", "revoke", s.ID.String()},
		Releases: p.Gone,
		Grants:   p.Granted,
	}
}

// remove is the remedy that deletes one request.
func (e *examiner) remove(r Request) Remedy {
	p := e.snapshot.without([]Request{r})
	etcdctl := []string{"del", r.Key}
	if strings.HasPrefix(r.Key, "-") {
		etcdctl = []string{"del", "--", r.Key}
	}
	whose := ""
	if r.Lease != 0 || r.Owned {
		whose = " of " + e.who(r)
	}
	return Remedy{
		Text:     "delete " + r.Key + whose + ": " + e.effects(p),
		Args:     []string{"release", "--key", r.Key},
		Etcdctl:  etcdctl,
		Releases: p.Gone,
		Grants:   p.Granted,
	}
}

// effects says what a release does.
func (e *examiner) effects(p Preview) string {
	var held, waited, next, does []string
	for _, r := range p.Gone {
		if r.Holding {
			held = append(held, claim(r))
		} else {
			waited = append(waited, claim(r))
		}
	}
	for _, r := range p.Granted {
		next = append(next, e.who(r)+" gets "+claim(r))
	}
	if len(held) > 0 {
		does = append(does, "releases "+list(held))
	}
	if len(waited) > 0 {
		does = append(does, "gives up its wait for "+list(waited))
	}
	text := strings.Join(does, ", and ")
	if len(next) > 0 {
		text += "; next: " + list(next)
	}
	return text
}

// cure is what helps those who wait for a session: to end what it waits for in
// the end.
func (e *examiner) cure(v int32) []Remedy {
	v = e.culprits[v].session
	if i := e.stuck[v]; i >= 0 {
		return e.deadlocks[i].remedies
	}
	return []Remedy{e.end(&e.sessions[v])}
}

// uproot is what helps those who wait for a root. It keeps nothing, since a
// diagnosis, once made, does not change.
func (e *examiner) uproot(s *Session) []Remedy {
	if i := e.stuck[e.ids[s.ID]]; i >= 0 {
		return e.deadlocks[i].remedies
	}
	return []Remedy{e.newEnd(s)}
}

// cures are the cures for the holders of a lock. Before somebody else gets it,
// all of them have to go.
func (e *examiner) cures(holders []int32) []Remedy {
	var remedies []Remedy
	done := map[int32]bool{}
	for _, n := range holders {
		v := e.culprits[e.nodes[n].session].session
		if i := e.stuck[v]; i >= 0 {
			v = e.deadlocks[i].knot[0]
		}
		if len(done) < maxCures && !done[v] {
			done[v] = true
			remedies = append(remedies, e.cure(v)...)
		}
	}
	return remedies
}
