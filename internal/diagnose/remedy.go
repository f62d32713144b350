package diagnose

import (
	"slices"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

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
//
// Of software that keeps more than locks on its lease, the key of one lock is deleted, or
// its own command is the remedy.
func (e *examiner) newEnd(s *inspect.Session) Remedy {
	if r, ok := e.notAlone(s); ok {
		return e.remove(s, r)
	}
	if s.Lease.State.Outlived() {
		return e.remove(s, append(s.Holds(), s.Requests...)[0])
	}
	if s.ID.Lease == 0 {
		return e.remove(s, s.Requests[0])
	}
	return Remedy{Target: Target{Lease: s.ID.Lease}, Session: s, Effect: e.effect(s.Attached())}
}

// notAlone returns the request to remove if the session must not be ended: one whose
// removal lets others go on, if there is any.
func (e *examiner) notAlone(s *inspect.Session) (*inspect.Request, bool) {
	revocable := func(r *inspect.Request) bool {
		return !r.Cut && (!r.IsRequest() || r.Lock.Layout.Release.How == layout.Revoke)
	}
	i := slices.IndexFunc(s.Requests, func(r *inspect.Request) bool { return !revocable(r) })
	if i < 0 {
		return nil, false
	}
	if j := slices.IndexFunc(s.Requests, func(r *inspect.Request) bool { return r.Holding && revocable(r) }); j >= 0 {
		i = j
	}
	return s.Requests[i], true
}

// OtherKeys returns those of the keys of leases that are not requests, sorted.
func (d Diagnosis) OtherKeys(keys map[int64][]string) map[int64][]string {
	others := make(map[int64][]string, len(keys))
	for lease, all := range keys {
		s, ok := d.Session(inspect.SessionID{Lease: lease})
		if !ok || len(all) == 0 {
			continue
		}
		requests := make(map[string]bool, len(s.Requests))
		for _, r := range s.Requests {
			requests[r.Key] = true
		}
		others[lease] = slices.DeleteFunc(slices.Clone(all), func(key string) bool { return requests[key] })
		slices.Sort(others[lease])
	}
	return others
}

// WithOthers returns the remedy with Others, given the other keys of leases, as far as
// these are known.
func (r Remedy) WithOthers(others map[int64][]string) Remedy {
	r.Others = slices.Clip(others[r.Target.Lease])
	return r
}

// remove returns the remedy that deletes one request. What the end of one for a lock that was
// not read does is not known, so there is none.
func (e *examiner) remove(s *inspect.Session, r *inspect.Request) Remedy {
	if r.IsRequest() && r.Lock.Layout.Release.How == layout.Advise {
		if look := r.Lock.Layout.Look(r.Lock.Name); look != "" && mayBeDead(s) {
			return Remedy{Command: look, Look: r, Session: s}
		}
		return Remedy{Command: r.Lock.Layout.Command(r.Lock.Name), Session: s, Effect: e.effect([]*inspect.Request{r})}
	}
	if r.Cut || r.IsRequest() && r.Lock.Layout.Release.How == layout.Refuse {
		return Remedy{Session: s, Effect: e.effect([]*inspect.Request{r})}
	}
	return Remedy{Target: Target{Key: r.Key}, Session: s, Effect: e.effect([]*inspect.Request{r})}
}

// mayBeDead reports whether the client of a session may be dead by what is known of its lease.
func mayBeDead(s *inspect.Session) bool {
	return s.MissedRenewals() || s.Lease.State.Outlived() || s.Lease.State == inspect.LeaseOverdue
}

// effect returns what deleting requests does.
func (e *examiner) effect(requests []*inspect.Request) Effect {
	p := e.previewer.Preview(requests)
	effect := Effect{Releases: p.Gone}
	for _, r := range p.Granted {
		effect.Grants = append(effect.Grants, Entry{Request: r, Session: e.session(r.Session())})
	}
	return effect
}

// endFor returns what ends a session as far as one of its requests is concerned: if the
// session must not be ended, the removal of that request.
func (e *examiner) endFor(s *inspect.Session, r *inspect.Request) Remedy {
	if e.outlasts(s, r) {
		return e.remove(s, r)
	}
	return e.end(s)
}

// outlasts reports whether a request is to be removed by itself: its session must not be ended,
// or the end of that would not remove it.
func (e *examiner) outlasts(s *inspect.Session, r *inspect.Request) bool {
	_, ok := e.notAlone(s)
	return ok || s.Lease.Of(r.Key).State.Outlived()
}

// remediesFor returns what helps those who wait for the session of a request: to end its
// root blocker.
func (e *examiner) remediesFor(n int32) []Remedy {
	v, r := e.nodes[n].session, e.request(n)
	if b := e.blockers[v]; b.session != v {
		v = b.session
		if e.deadlocked[v] < 0 {
			r = e.request(b.arc.blocker)
		}
	}
	if i := e.deadlocked[v]; i >= 0 {
		return e.deadlocks[i].remedies
	}
	return usable(ifDead(e.endFor(&e.sessions[v], r)))
}

// remediesForRoot returns what helps those who wait for a root on the way to some locks.
// It caches nothing, since a diagnosis does not change once it is made.
func (e *examiner) remediesForRoot(s *inspect.Session, way map[inspect.LockID]bool) []Remedy {
	if i := e.deadlocked[e.vertex(s.ID)]; i >= 0 {
		return e.deadlocks[i].remedies
	}
	onWay := func(r *inspect.Request) bool { return way[r.Lock] }
	if i := slices.IndexFunc(s.Holds(), onWay); i >= 0 {
		if r := s.Holds()[i]; e.outlasts(s, r) {
			return usable(e.remove(s, r))
		}
	}
	return usable(e.newEnd(s))
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
			remedies = append(remedies, e.remediesFor(n)...)
		}
	}
	return remedies
}

// usable returns the remedy, unless nothing may be done from outside.
func usable(r Remedy) []Remedy {
	if r.Command == "" && r.Target == (Target{}) {
		return nil
	}
	return []Remedy{r}
}

// endOf is the advice to end a session.
func (e *examiner) endOf(s *inspect.Session, remedy func(Remedy) Remedy) advice {
	return advice{
		end:      func() Effect { return e.effect(s.Attached()) },
		remedies: func() []Remedy { return usable(remedy(e.end(s))) },
	}
}
