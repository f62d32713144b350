package diagnose

import "etcd-lock/internal/inspect"

// maxRemedies bounds for how many of the sessions in the way remedies are
// proposed.
const maxRemedies = 8

// end returns the remedy that ends a session. It is made once for each session,
// which may hold as many locks as there are findings that its end resolves.
func (e *examiner) end(s *inspect.Session) Remedy {
	r, ok := e.ends[s.ID]
	if !ok {
		r = e.newEnd(s)
		e.ends[s.ID] = r
	}
	return r
}

// newEnd makes the remedy that end caches. A session without a lease is a single
// request, so that request is deleted; of one whose lease is missing, which cannot
// be revoked, the first request by which it holds a lock.
func (e *examiner) newEnd(s *inspect.Session) Remedy {
	if s.Lease.State == inspect.LeaseMissing {
		return e.remove(s, append(s.Holds(), s.Requests...)[0])
	}
	if s.ID.Lease == 0 {
		return e.remove(s, s.Requests[0])
	}
	return Remedy{Target: Target{Lease: s.ID.Lease}, Session: s, Effect: e.effect(s.Requests)}
}

// remove returns the remedy that deletes one request.
func (e *examiner) remove(s *inspect.Session, r inspect.Request) Remedy {
	return Remedy{Target: Target{Key: r.Key}, Session: s, Effect: e.effect([]inspect.Request{r})}
}

// effect returns what deleting requests does.
func (e *examiner) effect(requests []inspect.Request) Effect {
	p := e.snapshot.Preview(requests)
	effect := Effect{Releases: p.Gone}
	for _, r := range p.Granted {
		effect.Grants = append(effect.Grants, Entry{Request: r, Session: e.session(r.Session())})
	}
	return effect
}

// remediesForSession returns what helps those who wait for a session: to end its
// root blocker.
func (e *examiner) remediesForSession(v int32) []Remedy {
	v = e.blockers[v].session
	if i := e.deadlocked[v]; i >= 0 {
		return e.deadlocks[i].remedies
	}
	return []Remedy{ifDead(e.end(&e.sessions[v]))}
}

// remediesForRoot returns what helps those who wait for a root. It caches
// nothing, since a diagnosis does not change once it is made.
func (e *examiner) remediesForRoot(s *inspect.Session) []Remedy {
	if i := e.deadlocked[e.ids[s.ID]]; i >= 0 {
		return e.deadlocks[i].remedies
	}
	return []Remedy{e.newEnd(s)}
}

// remediesForHolders returns the remedies for the holders of a lock. All of them
// have to end before a waiter gets the lock.
func (e *examiner) remediesForHolders(holders []int32) []Remedy {
	var remedies []Remedy
	done := map[int32]bool{}
	for _, n := range holders {
		v := e.blockers[e.nodes[n].session].session
		if i := e.deadlocked[v]; i >= 0 {
			v = e.deadlocks[i].component[0]
		}
		if len(done) < maxRemedies && !done[v] {
			done[v] = true
			remedies = append(remedies, e.remediesForSession(v)...)
		}
	}
	return remedies
}
