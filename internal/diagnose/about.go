package diagnose

import (
	"slices"

	"etcd-lock/internal/inspect"
)

// Account is the part of a diagnosis that concerns one name.
type Account struct {
	Locks    []inspect.Lock // of that name: in one layout or both, or none when it is free
	Chains   [][]Edge       // for each of Locks with a waiter: from its last waiter to a root, by the fewest edges; none from a waiter that is in a deadlock and so a root itself
	Roots    []*Blocker     // the trees of everything that the name waits for, directly or not
	Cycles   [][]Edge       // deadlocks among them
	Findings []Finding      // about the name's locks, and about what keeps their requests waiting
	Remedies []Remedy       // for the first few of Roots, whether anything is wrong or not
}

// About returns the part of the diagnosis that concerns a name. What the name
// waits for may lie with locks of other names.
func (d Diagnosis) About(name string) Account {
	v := d.view(name)
	a := Account{Locks: v.locks, Chains: v.chains}
	a.Roots = only(d.Roots, func(b *Blocker) bool { return v.sessions[b.Session.ID] })
	a.Cycles = only(d.Cycles, func(cycle []Edge) bool { return v.sessions[cycle[0].From.ID] })
	a.Findings = only(d.Findings, v.concerns)
	for _, root := range a.Roots[:min(len(a.Roots), maxRemedies)] {
		a.Remedies = append(a.Remedies, d.examiner.remediesForRoot(root.Session, v.way)...)
	}
	a.Remedies = d.possible(a.Remedies)
	return a
}

func only[T any](all []T, want func(T) bool) []T {
	var some []T
	for _, x := range all {
		if want(x) {
			some = append(some, x)
		}
	}
	return some
}

// view is the part of the wait-for graph that is reachable from one name.
type view struct {
	name     string
	locks    []inspect.Lock
	chains   [][]Edge
	sessions map[inspect.SessionID]bool // those with requests for the name, and those that they wait for
	way      map[inspect.LockID]bool    // the name's locks, and those that these sessions wait for
}

func (d Diagnosis) view(name string) view {
	v := view{name: name, sessions: map[inspect.SessionID]bool{}, way: map[inspect.LockID]bool{}}
	if d.examiner == nil {
		return v
	}
	s := d.examiner.search(false)
	var found []int32
	for i, l := range d.examiner.locks {
		if l.ID.Name != name {
			continue
		}
		v.locks = append(v.locks, l)
		v.way[l.ID] = true
		last := int32(-1)
		for n := d.examiner.queues[i]; n < d.examiner.queues[i+1]; n++ {
			found = s.descend(d.examiner.nodes[n].session, found)
			if d.examiner.waits(n) {
				last = n
			}
		}
		if chain := d.chain(last); len(chain) > 0 {
			v.chains = append(v.chains, chain)
		}
	}
	for _, session := range found {
		v.sessions[d.examiner.sessions[session].ID] = true
		for _, n := range d.examiner.own[session] {
			if d.examiner.waits(n) {
				v.way[d.examiner.request(n).Lock] = true
			}
		}
	}
	return v
}

// concerns reports whether a finding is about the name, about a session that it waits
// for and a lock on the way to that session, or about etcd itself.
func (v view) concerns(f Finding) bool {
	ofName := func(id inspect.LockID) bool { return id.Name == v.name }
	onWay := func(id inspect.LockID) bool { return v.way[id] }
	seen := func(s *inspect.Session) bool { return v.sessions[s.ID] }
	return f.OfCluster() || slices.ContainsFunc(f.Locks, ofName) ||
		slices.ContainsFunc(f.Locks, onWay) && slices.ContainsFunc(f.Sessions, seen)
}

// chain returns a shortest way from a waiting request to the root of a tree. It
// is empty when the request's session is such a root, being in a deadlock.
func (d Diagnosis) chain(n int32) []Edge {
	roots := map[inspect.SessionID]bool{}
	for _, b := range d.Roots {
		roots[b.Session.ID] = true
	}
	g := d.examiner
	if n < 0 || roots[g.request(n).Session()] {
		return nil
	}
	from := g.nodes[n].session
	s := g.search(false)
	s.discover(from)
	var queue []int32
	for w, ok := s.through(n); ok; w, ok = s.through(n) {
		queue = append(queue, w)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		if roots[g.sessions[queue[0]].ID] {
			return s.path(from, queue[0])
		}
		queue = append(queue, s.neighbours(queue[0])...)
	}
	return nil
}

// RootLeases returns the leases of the sessions that others wait for and that wait for
// none themselves, as far as the snapshot shows: the first most of those that keep a name
// waiting or, if it is empty, that keep most sessions waiting. Deadlocks are left out.
func (d Diagnosis) RootLeases(name string, most int) []int64 {
	roots := d.Roots
	if name != "" {
		roots = d.About(name).Roots
	}
	var leases []int64
	for _, b := range roots {
		id := b.Session.ID
		if len(leases) < most && b.Behind > 0 && id.Lease != 0 && d.examiner.deadlocked[d.examiner.ids[id]] < 0 {
			leases = append(leases, id.Lease)
		}
	}
	return leases
}
