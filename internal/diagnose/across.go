package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"etcd-lock/internal/inspect"
)

// A request can also wait for keys that are not in its queue: see inspect.Lock.Others.
// Those that are requests for other locks are nodes of their own queues. Any other key
// is in the graph as a lock with one holder, so that its session, or the key itself if
// it has no lease, is a vertex as any other.

// maxAcross bounds the arcs from one lock to other keys.
const maxAcross = 1 << 20

// otherKeys returns the keys in the way of requests that are not requests in the locks,
// as locks.
func otherKeys(locks []inspect.Lock) []inspect.Lock {
	others := map[string]inspect.Request{}
	for _, l := range locks {
		for _, o := range l.Others {
			others[o.Key] = o
		}
	}
	if len(others) == 0 {
		return nil
	}
	for _, l := range locks {
		for _, r := range l.Queue {
			delete(others, r.Key)
		}
	}
	var keys []inspect.Lock
	for _, o := range others {
		o.Holding = true
		keys = append(keys, inspect.Lock{ID: o.Lock, Queue: []inspect.Request{o}})
	}
	slices.SortFunc(keys, func(a, b inspect.Lock) int { return strings.Compare(a.Queue[0].Key, b.Queue[0].Key) })
	return keys
}

// findAcross finds the arcs from requests to the other keys that they wait for.
func (g *graph) findAcross() {
	nodes := map[string]int32{} // of the other keys
	for i, l := range g.locks {
		for _, o := range l.Others {
			nodes[o.Key] = -1
			g.inWayOf[o.Key] = append(g.inWayOf[o.Key], int32(i))
		}
	}
	if len(nodes) == 0 {
		return
	}
	for n := range g.nodes {
		if key := g.request(int32(n)).Key; nodes[key] == -1 {
			nodes[key] = int32(n)
		}
	}
	for i, l := range g.locks {
		others := l.Others[:min(len(l.Others), max(1, maxAcross/max(1, len(l.Queue))))]
		for n := g.queues[i]; n < g.queues[i+1] && len(others) > 0; n++ {
			if !g.nodes[n].holding {
				g.addAcross(n, others, nodes)
			}
		}
	}
}

func (g *graph) addAcross(n int32, others []inspect.Request, nodes map[string]int32) {
	for _, o := range others {
		a := arc{waiter: n, blocker: nodes[o.Key]}
		switch {
		case !g.request(n).WaitsFor(o):
		case g.nodes[a.blocker].session == g.nodes[n].session:
			g.itself[n] = a.blocker
		case !g.again(n):
			g.addExtra(a)
			g.across = append(g.across, a)
		}
	}
}

// self returns the request of n's own session that n waits for, if there is one.
func (g *graph) self(n int32) (int32, bool) {
	first := g.nodes[n].first
	if g.again(n) && g.nodes[first].holding {
		return first, true
	}
	other, ok := g.itself[n]
	return other, ok
}

// other finds what is wrong with a key that is no lock request, given its lock in the
// graph: it is in the way of some.
func (e *examiner) other(i int) {
	n := e.queues[i]
	r, s := e.request(n), e.sessionOf(n)
	f := Finding{
		Kind: OtherKey, Severity: Warning, Sessions: []*inspect.Session{s}, Requests: []*inspect.Request{r},
		Behind: e.behindRequest(n),
	}
	advice := advice{remedies: func() []Remedy { return usable(e.remove(s, r)) }}
	if r.Cut {
		f.Severity = Notice
	}
	if state := s.Lease.Of(r.Key).State; !r.LeaseUnknown && (r.Lease == 0 || state.Outlived() || state == inspect.LeaseOverdue) {
		f.Severity = Critical
	}
	for _, lock := range e.inWayOf[r.Key] {
		f.Locks = append(f.Locks, e.locks[lock].ID)
		f.Detached = f.Detached || e.locks[lock].IsDetached(*r)
		f.Uncertain = f.Uncertain || slices.ContainsFunc(e.locks[lock].Queue, func(q inspect.Request) bool { return q.MayIgnore(*r) })
	}
	if len(f.Locks) == 0 {
		return
	}
	kind := fmt.Sprint(f.Severity, f.Detached, r.Cut, e.inWayOf[r.Key])
	if known := e.alike[kind]; known != nil {
		known.join(f, advice)
		return
	}
	f.More += e.locks[e.inWayOf[r.Key][0]].MoreOthers
	d := &draft{Finding: f, advice: advice}
	e.alike[kind] = d
	e.others = append(e.others, d)
}

// through discovers one more neighbour along one request, whether within its queue or
// not.
func (s *search) through(n int32) (int32, bool) {
	if session, ok := s.along(n); ok {
		return session, true
	}
	arcs := s.g.extra[s.g.nodes[n].session]
	if s.back {
		arcs = s.g.extraTo[s.g.nodes[n].session]
	}
	for _, a := range arcs {
		near := a.waiter
		if s.back {
			near = a.blocker
		}
		if near == n {
			if session, ok := s.follow(a); ok {
				return session, true
			}
		}
	}
	return 0, false
}
