package diagnose

import (
	"slices"

	"etcd-lock/internal/inspect"
)

// Account is the part of a diagnosis that concerns one name.
type Account struct {
	Locks    []inspect.Lock // of that name: in one layout or both, or none when it is free
	Chains   [][]Edge       // for each of Locks with a waiter: from its last waiter to a root, by the fewest edges; none from a waiter that is in a deadlock and so a root itself
	Roots    []Blocker      // of the trees of everything that the name waits for, directly or not
	Cycles   [][]Edge       // deadlocks among them
	Findings []Finding      // about the name's locks, and about what keeps their requests waiting
	Remedies []Remedy       // for the first few of Roots, and of holders for whom others may wait without a trace, whether anything is wrong or not
}

// About returns the part of the diagnosis that concerns a name. What the name
// waits for may lie with locks of other names.
func (d Diagnosis) About(name string) Account {
	v := d.view(name)
	a := Account{Locks: v.locks, Chains: v.chains}
	a.Roots = only(d.Roots, func(b Blocker) bool { return v.has(b.Session) })
	a.Cycles = only(d.Cycles, func(cycle []Edge) bool { return v.has(cycle[0].From) })
	a.Findings = only(d.Findings, v.concerns)
	for _, root := range a.Roots[:min(len(a.Roots), maxRemedies)] {
		a.Remedies = append(a.Remedies, d.examiner.remediesForRoot(root.Session, v.way)...)
	}
	for _, l := range a.Locks {
		a.Remedies = append(a.Remedies, d.remediesForUnrecorded(l, maxRemedies-len(a.Remedies))...)
	}
	a.Remedies = d.possible(a.Remedies)
	return a
}

// remediesForUnrecorded returns what ends the holders of a lock for which others may wait
// without leaving a key, at most so many.
func (d Diagnosis) remediesForUnrecorded(l inspect.Lock, most int) []Remedy {
	if l.ID.Layout.Waiters {
		return nil
	}
	var remedies []Remedy
	for i := range l.Queue {
		if r := &l.Queue[i]; r.Holding && !r.Encrypted && len(remedies) < most {
			remedies = append(remedies, usable(d.examiner.remove(d.examiner.session(r.Session()), r))...)
		}
	}
	return remedies
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
	name   string
	locks  []inspect.Lock
	chains [][]Edge
	way    map[inspect.LockID]bool // the name's locks, and those that the sessions of the view wait for
	search *search                 // has seen the sessions with requests for the name, and those that they wait for
}

// has reports whether a session is in the view.
func (v view) has(s *inspect.Session) bool {
	return v.search.seen[v.search.g.vertex(s.ID)] == v.search.round
}

func (d Diagnosis) view(name string) view {
	v := view{name: name, way: map[inspect.LockID]bool{}}
	if d.examiner == nil {
		return v
	}
	s := d.examiner.search(false)
	v.search = s
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
	way := make([]bool, len(d.examiner.locks))
	for _, session := range found {
		for _, n := range d.examiner.own[session] {
			if lock := d.examiner.nodes[n].lock; !way[lock] && d.examiner.waits(n) {
				way[lock] = true
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
	return f.OfCluster() || slices.ContainsFunc(f.Locks, ofName) ||
		slices.ContainsFunc(f.Locks, onWay) && slices.ContainsFunc(f.Sessions, v.has)
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

// RootLeases returns the first most leases of some of Roots: of sessions that others wait
// for and that wait for none themselves, as far as the snapshot shows. Deadlocks are left
// out.
func (d Diagnosis) RootLeases(roots []Blocker, most int) []int64 {
	var leases []int64
	for _, b := range roots {
		id := b.Session.ID
		if len(leases) < most && b.Behind > 0 && id.Lease != 0 && d.examiner.deadlocked[d.examiner.vertex(id)] < 0 {
			leases = append(leases, id.Lease)
		}
	}
	return leases
}

// Nested returns requests that wait, at most so many, whose clients run under a lock that
// was not read, as they report: its holder waits for them, and who waits for that lock is
// not seen, so they can be in a deadlock. With a name, they are those that wait for the
// same as it.
func (d Diagnosis) Nested(name string, most int) []inspect.Request {
	read := d.Snapshot.Prefixes
	var roots []Blocker
	if name != "" {
		roots = d.About(name).Roots
	}
	var nested []inspect.Request
	for _, l := range d.Snapshot.Locks {
		for i := range l.Queue {
			r := &l.Queue[i]
			if !r.Waiting() {
				continue
			}
			if under := r.Owner.Value().Under; under == "" || read.Has(under) {
				continue
			}
			if name == "" || l.ID.Name == name || haveOneOf(d.About(l.ID.Name).Roots, roots) {
				if nested = append(nested, *r); len(nested) == most {
					return nested
				}
			}
		}
	}
	return nested
}

func haveOneOf(roots, others []Blocker) bool {
	return slices.ContainsFunc(roots, func(b Blocker) bool {
		return slices.ContainsFunc(others, func(o Blocker) bool { return o.Session.ID == b.Session.ID })
	})
}
