package diagnose

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// lease finds what is wrong with the lease of a session.
func (e *examiner) lease(v int32) {
	s := &e.sessions[v]
	if !s.MissedRenewals() && s.Lease.State != inspect.LeaseGone && s.Lease.State != inspect.LeaseOverdue {
		return
	}
	requests := e.appendRequests(nil, e.own[v])
	f := Finding{Sessions: []*inspect.Session{s}, Requests: requests, Locks: e.locksOfLease(requests)}
	var a advice
	switch s.Lease.State {
	case inspect.LeaseGone:
		f.Kind, f.Severity = LeaseGone, Notice
		a.end = func() Effect { return e.effect(s.Attached()) }
	case inspect.LeaseOverdue:
		f.Kind, f.Severity = LeaseOverdue, Warning
		f.Remaining = s.Lease.Remaining
		a = e.endOf(s, func(r Remedy) Remedy { return r })
	default:
		f.Kind, f.Severity = Expiring, Warning
		f.Remaining = s.Lease.Remaining
		f.Due = e.now.Add(s.Lease.Remaining)
		a = e.endOf(s, ifDead)
	}
	f.Behind = e.behind(v)
	if f.Kind == LeaseOverdue && f.Behind > 0 {
		f.Severity = Critical
	}
	e.add(f, a)
}

// ifDead is a remedy for the case that its client is dead. A client whose lease is
// over has lost its locks already, and a key that is neither a request nor on a lease
// is of no client.
func ifDead(r Remedy) Remedy {
	s := r.Session
	if r.Look != nil {
		return r
	}
	switch s.Lease.State {
	case inspect.LeaseOverdue, inspect.LeaseMissing, inspect.LeaseUnattached, inspect.LeaseGone:
	default:
		r.IfDead = s.ID.Lease != 0 || s.Requests[0].IsRequest()
	}
	return r
}

// locksOfLease returns the locks of requests, and if none of them is a request, but all are
// other keys, the locks in whose way the first is.
func (e *examiner) locksOfLease(requests []*inspect.Request) []inspect.LockID {
	locks := locksOf(requests)
	if len(locks) > 0 || len(requests) == 0 {
		return locks
	}
	for _, lock := range e.inWayOf[requests[0].Key] {
		locks = append(locks, e.locks[lock].ID)
	}
	return locks
}

// locksOf returns the different locks of requests, in their order. Other keys are of none.
func locksOf(requests []*inspect.Request) []inspect.LockID {
	var locks []inspect.LockID
	seen := map[inspect.LockID]bool{}
	for _, r := range requests {
		if r.IsRequest() && !seen[r.Lock] {
			seen[r.Lock] = true
			locks = append(locks, r.Lock)
		}
	}
	return locks
}

// lock finds what is wrong with a lock: one finding of each kind, about the
// worst request.
func (e *examiner) lock(i int) {
	var holders, longHolds, maybeLong, longWaits, leaseless, missing, modified, selfWaits []int32
	for n := e.queues[i]; n < e.queues[i+1]; n++ {
		r := e.request(n)
		if r.Holding {
			holders = append(holders, n)
		}
		switch {
		case !r.Holding || !r.Lock.Layout.Waiters: // whether anybody waits is not known
		case e.longer(r, e.limits.Hold):
			longHolds = append(longHolds, n)
		case e.maybeLonger(r, e.limits.Hold):
			maybeLong = append(maybeLong, n)
		}
		if r.Waiting() && e.longer(r, e.limits.Wait) {
			longWaits = append(longWaits, n)
		}
		if r.Lease == 0 && r.Lock.Layout.Kind != layout.Record && r.Lock.Layout.Kind != layout.Semaphore {
			leaseless = append(leaseless, n)
		}
		if r.Lapsed(e.now) {
			e.lapsed(n)
		}
		if e.sessionOf(n).Lease.Of(r.Key).State.Outlived() {
			missing = append(missing, n)
		}
		// Elections write their keys again, and clients of mutexes ignore that.
		if r.Modified > r.Revision && r.Lock.Layout == layout.RWLock {
			modified = append(modified, n)
		}
		if _, ok := e.self(n); ok && r.Waiting() && r.Mode != keyspace.Slot { // of which one session can have several
			selfWaits = append(selfWaits, n)
		}
	}
	e.neverRemoved(leaseless, NoLease)
	e.neverRemoved(missing, LeaseMissing)
	e.longWait(longWaits, holders)
	e.longHold(longHolds, maybeLong)
	e.mixedLayouts(i)
	e.permits(i)
	e.modified(modified)
	e.selfWait(selfWaits)
}

// longer reports whether a request has waited or held for longer than limit.
func (e *examiner) longer(r *inspect.Request, limit time.Duration) bool {
	began := r.Start().NotAfter
	return !began.IsZero() && e.now.Sub(began) > limit
}

// maybeLonger reports whether it may have: it began at some time since then.
func (e *examiner) maybeLonger(r *inspect.Request, limit time.Duration) bool {
	began := r.Start().NotBefore
	return !began.IsZero() && e.now.Sub(began) > limit
}

// age sets how long the request of a finding has waited or held: what is certain if
// that is over the threshold, else what is possible.
func (e *examiner) age(f *Finding, limit time.Duration) {
	start := f.Requests[0].Start()
	began, bound := start.Since()
	if bound == inspect.AgeAtMost && e.longer(f.Requests[0], limit) {
		began, bound = start.NotAfter, inspect.AgeAtLeast
	}
	f.Began, f.Age, f.Bound, f.Threshold = began, e.now.Sub(began), bound, limit
}

// about returns the beginning of a finding about a request, and about more of
// the same.
func (e *examiner) about(n int32, same []int32, kind Kind, severity Severity) Finding {
	r := e.request(n)
	return Finding{
		Kind: kind, Severity: severity, More: len(same) - 1,
		Locks: []inspect.LockID{r.Lock}, Sessions: []*inspect.Session{e.sessionOf(n)}, Requests: []*inspect.Request{r},
		Behind: e.behindRequest(n),
	}
}

// neverRemoved adds a finding about requests that no lease ends.
func (e *examiner) neverRemoved(found []int32, kind Kind) {
	if len(found) == 0 {
		return
	}
	f := e.about(found[0], found, kind, Warning)
	if f.Behind > 0 {
		f.Severity = Critical
	}
	e.add(f, advice{remedies: func() []Remedy { return usable(ifDead(e.remove(f.Sessions[0], f.Requests[0]))) }})
}

// lapsed adds a finding about a record whose holder has not renewed it in time.
func (e *examiner) lapsed(n int32) {
	f := e.about(n, []int32{n}, Lapsed, Notice)
	f.Age = e.now.Sub(f.Requests[0].Term.Ends())
	e.add(f, advice{})
}

func (e *examiner) longWait(found, holders []int32) {
	if len(found) == 0 {
		return
	}
	n := e.oldest(found)
	f := e.about(n, found, LongWait, Warning)
	e.age(&f, e.limits.Wait)
	for _, h := range holders {
		f.Holders = append(f.Holders, e.sessionOf(h))
	}
	f.Root = e.root(n, holders)
	e.add(f, advice{remedies: func() []Remedy {
		if len(holders) == 0 {
			return e.remediesFor(n)
		}
		return e.remediesForHolders(holders)
	}})
}

// root returns what a waiting request waits for in the end, given the holders of
// its lock.
func (e *examiner) root(n int32, holders []int32) Root {
	b := e.blockers[e.nodes[n].session]
	held := slices.ContainsFunc(holders, func(h int32) bool { return e.nodes[h].session == b.session })
	switch {
	case e.deadlocked[b.session] >= 0:
		return Root{Deadlock: true}
	case held || b.session == e.nodes[n].session:
		return Root{}
	default:
		return Root{Entry: Entry{Request: *e.request(b.arc.blocker), Session: e.sessionOf(b.arc.blocker)}}
	}
}

// longHold adds a finding about long holds or, if there are none, about those that
// may be long. The latter may have been granted a moment ago, after a long wait, so
// nothing is advised.
func (e *examiner) longHold(found, maybe []int32) {
	certain := len(found) > 0
	if !certain {
		found = maybe
	}
	if len(found) == 0 {
		return
	}
	n := e.oldest(found)
	f := e.about(n, found, LongHold, Notice)
	e.age(&f, e.limits.Hold)
	var a advice
	if f.Behind > 0 && certain {
		f.Severity = Warning
		a.remedies = func() []Remedy { return e.remediesFor(n) }
	}
	e.add(f, a)
}

// mixedLayouts adds a finding if the lock's name is that of another lock, and clients of
// one do not wait for those of the other.
func (e *examiner) mixedLayouts(i int) {
	for j := i - 1; j >= 0 && e.locks[j].ID.Name == e.locks[i].ID.Name; j-- {
		a, b := e.locks[j].ID.Layout, e.locks[i].ID.Layout
		switch {
		case a.OneKey() != b.OneKey():
			e.mixed(e.queues[j], e.queues[i])
		case a.Kind == layout.Queue && b == layout.RWLock:
			e.unaware(j, i)
		case a == layout.RWLock && b.Kind == layout.Queue:
			e.unaware(i, j)
		case a == layout.RWLock && b.Kind == layout.Permits, a.Kind == layout.Permits && b == layout.RWLock:
			e.unawareOfSlots(j, i)
		case a.Kind == layout.Queue && b.Kind == layout.Permits:
			e.unaware(j, i)
		case a.Kind == layout.Permits && b.Kind == layout.Queue:
			e.unaware(i, j)
		}
	}
}

// unaware adds a finding if a queue has a request of package rwlock behind it, which does
// not wait for requests of a queue of the same name that are earlier. In any other order,
// the later request waits.
func (e *examiner) unaware(queue, rw int) {
	for n := e.queues[rw]; n < e.queues[rw+1]; n++ {
		if first := e.queues[queue]; e.request(n).Owned && e.nodes[n].revision > e.nodes[first].revision {
			e.mixed(first, n)
			return
		}
	}
}

// unawareOfSlots adds a finding if one of two queues has a request that does not wait for the
// first one of the other, which is earlier. Only some writers of etcd's recipe do.
func (e *examiner) unawareOfSlots(a, b int) {
	first, other := e.queues[a], e.queues[b]
	if e.nodes[other].revision < e.nodes[first].revision {
		b, first = a, other
	}
	for n := e.queues[b]; n < e.queues[b+1]; n++ {
		if !e.request(n).WaitsFor(*e.request(first)) {
			e.mixed(first, n)
			return
		}
	}
}

// mixed adds a finding about two requests that do not exclude each other.
func (e *examiner) mixed(nodes ...int32) {
	f := Finding{Kind: MixedLayouts, Severity: Warning}
	for _, n := range nodes {
		r := e.request(n)
		f.Locks = append(f.Locks, r.Lock)
		f.Sessions = append(f.Sessions, e.sessionOf(n))
		f.Requests = append(f.Requests, r)
	}
	e.add(f, advice{})
}

func (e *examiner) modified(found []int32) {
	if len(found) == 0 {
		return
	}
	f := e.about(found[0], found, Modified, Warning)
	r := f.Requests[0]
	if lock := e.locks[e.nodes[found[0]].lock]; r.Holding && len(lock.Queue) > 1 {
		f.Severity = Critical
	}
	e.add(f, advice{remedies: func() []Remedy { return []Remedy{e.remove(f.Sessions[0], r)} }})
}

func (e *examiner) selfWait(found []int32) {
	if len(found) == 0 {
		return
	}
	held, _ := e.self(found[0])
	wanted := e.request(found[0])
	f, a := e.about(held, found, SelfWait, Warning), advice{}
	if !wanted.Start().NotBefore.IsZero() && !e.longer(wanted, e.limits.Wait) {
		f.Severity = Notice // a healthy client with several tasks at once looks like this all the time
	} else {
		a.remedies = func() []Remedy {
			return append(usable(e.endFor(f.Sessions[0], f.Requests[0])), usable(e.remove(f.Sessions[0], wanted))...)
		}
	}
	f.Requests = append(f.Requests, wanted)
	f.Locks = locksOf(f.Requests)
	e.add(f, a)
}

// oldest returns the request that has waited or held for longest.
func (e *examiner) oldest(nodes []int32) int32 {
	return slices.MinFunc(nodes, func(a, b int32) int {
		return cmp.Or(e.request(a).Start().Compare(e.request(b).Start()), cmp.Compare(a, b))
	})
}
