package diagnose

import (
	"cmp"
	"slices"
	"sort"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// graph is the wait-for graph. Its vertices are sessions, because a client that
// waits for one lock does not release another; its edges are those of the
// requests. The edges are not stored: in one queue their number is the square of
// its length. They are derived from the queues, see search.
//
// A session's second request for a lock does not count as waiting. Either the
// session runs several tasks at once, which do not wait for each other, and then
// its waits are no reason to keep the locks it holds; or it waits for itself,
// which is a separate finding. Without these edges no cycle lies within one
// queue, whose order excludes it; with them, two clients that share a busy lock
// among their tasks would look like a deadlock.
type graph struct {
	locks    []inspect.Lock
	sessions []inspect.Session  // by their oldest request
	byLease  map[int64]int32    // the sessions, by their leases
	byKey    map[string]int32   // those without one, by the keys of their requests
	nodes    []node             // the requests of all locks, queue by queue
	queues   []int32            // where each lock's queue begins in nodes, and where the last one ends
	own      [][]int32          // of each session, its nodes by place
	extra    map[int32][]arc    // of each session, arcs that do not lie within a queue: to the processes that it holds a lock for, and to other keys in its way
	extraTo  map[int32][]arc    // the same arcs by their other end
	across   []arc              // those to other keys
	inWayOf  map[string][]int32 // the locks that have a key among their Others
	itself   map[int32]int32    // of requests that wait for another key of their own session: the node of that key
}

// node is a request.
type node struct {
	revision       int64
	session, lock  int32
	first          int32 // the first request of the session in this queue
	write, holding bool
}

// arc is why one session cannot continue before another one does: the node of
// the session that waits and the node of the session that it waits for.
type arc struct{ waiter, blocker int32 }

// newGraph returns the graph of locks. A brief one has sessions with as many requests as say
// who they are.
func newGraph(locks []inspect.Lock, leases map[int64]inspect.Lease, brief bool) *graph {
	keys := otherKeys(locks)
	g := &graph{
		locks: append(slices.Clip(locks), keys...), byLease: map[int64]int32{}, byKey: map[string]int32{}, queues: make([]int32, 0, len(locks)+len(keys)+1),
		extra: map[int32][]arc{}, extraTo: map[int32][]arc{}, itself: map[int32]int32{}, inWayOf: map[string][]int32{},
	}
	count := 0
	for i := range g.locks {
		count += len(g.locks[i].Queue)
	}
	g.nodes = make([]node, 0, count)
	for i, l := range g.locks {
		g.queues = append(g.queues, int32(len(g.nodes)))
		for j := range l.Queue {
			r := &l.Queue[j]
			g.nodes = append(g.nodes, node{revision: r.Revision, lock: int32(i), write: r.Mode != keyspace.Read, holding: !r.Waiting()})
		}
	}
	g.queues = append(g.queues, int32(len(g.nodes)))
	g.group(leases, brief)
	g.findFirsts()
	g.findInside()
	g.findAcross()
	return g
}

// group groups the requests into sessions, in the order of their oldest requests.
func (g *graph) group(leases map[int64]inspect.Lease, brief bool) {
	order := g.byPlace()
	var sizes []int32 // of the sessions
	for _, n := range order {
		id := g.request(n).Session()
		s := g.vertex(id)
		if s < 0 {
			s = int32(len(sizes))
			g.identify(id, s)
			sizes = append(sizes, 0)
		}
		g.nodes[n].session = s
		sizes[s]++
	}
	g.own = make([][]int32, len(sizes))
	all := make([]int32, len(order))
	for s, size := range sizes {
		g.own[s], all = all[:0:size], all[size:]
	}
	for _, n := range order {
		s := g.nodes[n].session
		g.own[s] = append(g.own[s], n)
	}
	g.sessions = make([]inspect.Session, len(sizes))
	requests := make([]*inspect.Request, 0, len(order))
	for s, own := range g.own {
		id := g.request(own[0]).Session()
		if brief && g.areAlike(own) {
			own = own[:1]
		}
		first := len(requests)
		requests = g.appendRequests(requests, own)
		g.sessions[s] = inspect.Session{ID: id, Lease: leases[id.Lease], Requests: slices.Clip(requests[first:])}
	}
}

// byPlace returns the nodes of all queues by place.
func (g *graph) byPlace() []int32 {
	type place struct { // beside each other, since looking each of them up takes longer than to compare them
		revision int64
		node     int32
	}
	places := make([]place, len(g.nodes))
	for n := range places {
		places[n] = place{g.nodes[n].revision, int32(n)}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.revision, b.revision), cmp.Compare(a.node, b.node))
	})
	order := make([]int32, len(places))
	for i, p := range places {
		order[i] = p.node
	}
	return order
}

// appendRequests appends the requests of a session, given its nodes, to others.
func (g *graph) appendRequests(to []*inspect.Request, own []int32) []*inspect.Request {
	for _, n := range own {
		to = append(to, g.request(n))
	}
	return to
}

// areAlike reports whether each request of a session says the same of its client.
func (g *graph) areAlike(own []int32) bool {
	first := g.request(own[0])
	for _, n := range own[1:] {
		r := g.request(n)
		if r.Owned != first.Owned || r.Owner.Client() != first.Owner.Client() || r.Kept() != first.Kept() {
			return false
		}
	}
	return true
}

// findFirsts finds, for each request, the first one of its session in the same
// queue.
func (g *graph) findFirsts() {
	firsts := make([]int32, len(g.sessions))
	for s := range firsts {
		firsts[s] = -1
	}
	for n := range g.nodes {
		nd := &g.nodes[n]
		if first := firsts[nd.session]; first < g.queues[nd.lock] {
			firsts[nd.session] = int32(n)
		}
		nd.first = firsts[nd.session]
	}
}

// findInside finds the sessions that hold a lock for a nested process, which is a
// session too. Only the nested process reports this: see Owner.Under.
func (g *graph) findInside() {
	inner := map[string][]int32{} // by the key that they run under
	for n := range g.nodes {
		if under := g.request(int32(n)).Owner.Value().Under; under != "" {
			inner[under] = append(inner[under], int32(n))
		}
	}
	if len(inner) == 0 {
		return
	}
	for n := range g.nodes {
		r := g.request(int32(n))
		if !r.IsRequest() {
			continue
		}
		for _, m := range inner[r.Key] {
			if g.nodes[m].session != g.nodes[n].session && g.nodes[n].holding {
				g.addExtra(arc{waiter: int32(n), blocker: m})
			}
		}
	}
}

func (g *graph) addExtra(a arc) {
	from, to := g.nodes[a.waiter].session, g.nodes[a.blocker].session
	g.extra[from] = append(g.extra[from], a)
	g.extraTo[to] = append(g.extraTo[to], a)
}

func (g *graph) request(n int32) *inspect.Request {
	lock := g.nodes[n].lock
	return &g.locks[lock].Queue[n-g.queues[lock]]
}

// sessionOf returns the session of a request.
func (g *graph) sessionOf(n int32) *inspect.Session { return &g.sessions[g.nodes[n].session] }

// session returns the session with that ID, which has to be in the graph.
func (g *graph) session(id inspect.SessionID) *inspect.Session { return &g.sessions[g.vertex(id)] }

// vertex returns the index of the session with that ID, or -1 if it is not in the graph.
func (g *graph) vertex(id inspect.SessionID) int32 {
	v, ok := g.byLease[id.Lease]
	if id.Lease == 0 {
		v, ok = g.byKey[id.Key]
	}
	if !ok {
		return -1
	}
	return v
}

func (g *graph) identify(id inspect.SessionID, v int32) {
	if id.Lease == 0 {
		g.byKey[id.Key] = v
	} else {
		g.byLease[id.Lease] = v
	}
}

// again reports whether a request is not its session's first one for its lock.
// All requests of one transaction count as first.
func (g *graph) again(n int32) bool {
	return g.nodes[g.nodes[n].first].revision < g.nodes[n].revision
}

// waits reports whether a request keeps its session waiting.
func (g *graph) waits(n int32) bool { return !g.nodes[n].holding && !g.again(n) }

// before returns the end of the requests that are earlier than n in its queue.
// Requests of n's revision are not earlier.
func (g *graph) before(n int32) int32 {
	begin := g.queues[g.nodes[n].lock]
	if n == begin || g.nodes[n-1].revision < g.nodes[n].revision { // few requests are of one transaction
		return n
	}
	return begin + int32(sort.Search(int(n-begin), func(i int) bool {
		return g.nodes[begin+int32(i)].revision >= g.nodes[n].revision
	}))
}

// after returns the beginning of the requests that are later than n in its
// queue. Requests of n's revision are not later.
func (g *graph) after(n int32) int32 {
	end := g.queues[g.nodes[n].lock+1]
	if n+1 == end || g.nodes[n].revision < g.nodes[n+1].revision {
		return n + 1
	}
	return n + 1 + int32(sort.Search(int(end-n-1), func(i int) bool {
		return g.nodes[n+1+int32(i)].revision > g.nodes[n].revision
	}))
}

// edge returns the exported form of an arc.
func (g *graph) edge(a arc) Edge {
	e := Edge{
		From:    g.sessionOf(a.waiter),
		To:      g.sessionOf(a.blocker),
		Waiter:  *g.request(a.waiter),
		Blocker: *g.request(a.blocker),
	}
	switch {
	case e.Waiter.Holding:
		e.Kind = EdgeInside
	case e.Blocker.Holding:
		e.Kind = EdgeHard
	default:
		e.Kind = EdgeSoft
	}
	return e
}

// among returns the subgraph of some of the sessions. Its edges point to sessions
// of the subgraph, which have no leases and not all of their requests.
func (g *graph) among(sessions []int32) *graph {
	var nodes []int32
	for _, s := range sessions {
		nodes = append(nodes, g.own[s]...)
	}
	slices.Sort(nodes)
	var locks []inspect.Lock
	for i, n := range nodes {
		lock := g.locks[g.nodes[n].lock]
		if i == 0 || g.nodes[nodes[i-1]].lock != g.nodes[n].lock {
			locks = append(locks, inspect.Lock{ID: lock.ID, Others: slices.DeleteFunc(slices.Clone(lock.Others), func(o inspect.Request) bool {
				_, in := slices.BinarySearch(sessions, g.vertex(o.Session()))
				return !in
			})})
		}
		last := &locks[len(locks)-1]
		last.Queue = append(last.Queue, *g.request(n))
	}
	return newGraph(locks, nil, true)
}
