package inspect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"etcd-lock/internal/keyspace"
)

// randomSnapshot makes up locks. Few sessions and locks make circles, requests
// of one transaction share a revision, and some say that they run under a key.
func randomSnapshot(rng *rand.Rand) Snapshot {
	sessions, locks := 1+rng.IntN(12), 1+rng.IntN(5)
	queues := make([][]Request, locks)
	var keys []string
	revision := int64(1)
	for i := range rng.IntN(30) {
		if rng.IntN(4) > 0 {
			revision++
		}
		lock := rng.IntN(locks)
		r := Request{
			Lock: LockID{Layout: keyspace.RWLock, Name: strconv.Itoa(lock)}, Revision: revision,
			Mode: keyspace.Read + keyspace.Mode(rng.IntN(2)), Lease: int64(rng.IntN(sessions + 1)),
		}
		r.Key = keyspace.Encode(r.Lock.Name, r.Mode, strconv.Itoa(i))
		r.Modified = r.Revision + int64(rng.IntN(20)/19)
		if len(keys) > 0 && rng.IntN(6) == 0 {
			r.Owner.Under, r.Owned = keys[rng.IntN(len(keys))], true
		}
		keys = append(keys, r.Key)
		queues[lock] = append(queues[lock], r)
	}
	s := Snapshot{Revision: revision, Locks: []Lock{}}
	for i, queue := range queues {
		if len(queue) > 0 {
			s.Locks = append(s.Locks, newLock(LockID{Layout: keyspace.RWLock, Name: strconv.Itoa(i)}, queue))
		}
	}
	return s
}

func eachRandomSnapshot(t *testing.T, check func(t *testing.T, s Snapshot)) {
	t.Helper()
	for seed := range uint64(250) {
		s := randomSnapshot(rand.New(rand.NewPCG(seed, 7)))
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { check(t, s) })
		if t.Failed() {
			return
		}
	}
}

// plain is the wait-for graph by its definition, edge by edge: a session waits
// for whoever has a request that blocks its first one for a lock, and for what
// it runs.
type plain map[SessionID]map[SessionID]bool

func plainGraph(s Snapshot) plain {
	p := plain{}
	holding := map[string]SessionID{}
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			p[r.Session()] = map[SessionID]bool{}
			if r.Holding {
				holding[r.Key] = r.Session()
			}
		}
	}
	for _, l := range s.Locks {
		for i, r := range l.Queue {
			id := r.Session()
			if from, ok := holding[r.Owner.Under]; ok && from != id {
				p[from][id] = true
			}
			first := slices.IndexFunc(l.Queue, func(q Request) bool { return q.Session() == id })
			if l.Queue[first].Revision != r.Revision {
				continue
			}
			for _, b := range l.Blockers(i) {
				p[id][b.Session()] = true
			}
		}
	}
	return p
}

// distances are the edges on a shortest way from a session, one at least.
func (p plain) distances(from SessionID) map[SessionID]int {
	found := map[SessionID]int{}
	for steps, front := 1, []SessionID{from}; len(front) > 0; steps++ {
		var next []SessionID
		for _, v := range front {
			for w := range p[v] {
				if found[w] == 0 {
					found[w] = steps
					next = append(next, w)
				}
			}
		}
		front = next
	}
	return found
}

// TestSearchLaw: a search finds what there is a way to, in both directions.
func TestSearchLaw(t *testing.T) { eachRandomSnapshot(t, checkSearch) }

func checkSearch(t *testing.T, s Snapshot) {
	t.Helper()
	g, p := newGraph(s.Locks, nil), plainGraph(s)
	ahead, back := g.search(false), g.search(true)
	reached := map[[2]SessionID]bool{}
	for v, session := range g.sessions {
		ahead.reset()
		for _, w := range ahead.descend(int32(v), nil) {
			if w != int32(v) {
				reached[[2]SessionID{session.ID, g.sessions[w].ID}] = true
			}
		}
		for to := range p.distances(session.ID) {
			if to != session.ID && !reached[[2]SessionID{session.ID, to}] {
				t.Fatalf("no way found from %s to %s", session.ID, to)
			}
			delete(reached, [2]SessionID{session.ID, to})
		}
	}
	if len(reached) > 0 {
		t.Fatalf("ways found that are none: %v", reached)
	}
	for v := range g.sessions {
		back.reset()
		for _, w := range back.descend(int32(v), nil) {
			ahead.reset()
			if !slices.Contains(ahead.descend(w, nil), int32(v)) {
				t.Fatalf("back from %d to %d, but not ahead", v, w)
			}
		}
	}
}

// TestComponentsLaw: two sessions are in one component when there are ways both
// to and fro, a component comes after those it waits for, and its circle is a
// shortest one.
func TestComponentsLaw(t *testing.T) { eachRandomSnapshot(t, checkComponents) }

func checkComponents(t *testing.T, s Snapshot) {
	t.Helper()
	g, p := newGraph(s.Locks, nil), plainGraph(s)
	at := map[SessionID]int{}
	for i, knot := range g.components() {
		for _, v := range knot {
			at[g.sessions[v].ID] = i
		}
		if len(knot) > 1 {
			checkCircle(t, p, g, knot)
		}
	}
	for v := range p {
		for w := range p.distances(v) {
			both := p.distances(w)[v] > 0
			if both != (at[v] == at[w]) || at[w] > at[v] {
				t.Fatalf("%s in component %d waits for %s in %d; both ways: %v", v, at[v], w, at[w], both)
			}
		}
	}
}

func checkCircle(t *testing.T, p plain, g *graph, knot []int32) {
	t.Helper()
	shortest := len(knot)
	for _, v := range knot {
		id := g.sessions[v].ID
		shortest = min(shortest, p.distances(id)[id])
	}
	circle := g.among(knot).circle()
	if len(circle) != shortest {
		t.Fatalf("circle %s, but there is one of %d", linked(circle), shortest)
	}
	checkPath(t, p, circle)
	for _, e := range circle {
		if e.To == circle[0].From && e != circle[len(circle)-1] || g.ids[e.From] < g.ids[circle[0].From] {
			t.Fatalf("circle %s goes on, or does not begin with its oldest", linked(circle))
		}
	}
	if circle[len(circle)-1].To != circle[0].From {
		t.Fatalf("circle %s does not close", linked(circle))
	}
}

func checkPath(t *testing.T, p plain, path []Edge) {
	t.Helper()
	for i, e := range path {
		if !p[e.From][e.To] || i > 0 && path[i-1].To != e.From {
			t.Fatalf("%s is no way", linked(path))
		}
		ok := blocks(e.Blocker, e.Waiter) && e.Waiter.Lock == e.Blocker.Lock && !e.Waiter.Holding && e.Blocker.Holding == (e.Kind == EdgeHard)
		if e.Kind == EdgeInside {
			ok = e.Blocker.Owner.Under == e.Waiter.Key && e.Waiter.Holding
		}
		if !ok || e.Waiter.Session() != e.From || e.Blocker.Session() != e.To {
			t.Fatalf("no such edge: %+v", e)
		}
	}
}

// TestForestLaw: whoever waits for another one is in one tree, below one that it
// waits for, as near to a root as can be.
func TestForestLaw(t *testing.T) { eachRandomSnapshot(t, checkForest) }

func checkForest(t *testing.T, s Snapshot) {
	t.Helper()
	d, p := Diagnose(s, nil, Thresholds{}, epoch), plainGraph(s)
	depths := map[SessionID]int{}
	var visit func(b *Blocker) int
	visit = func(b *Blocker) int {
		below := 0
		if _, twice := depths[b.Session.ID]; twice {
			t.Fatalf("%s is there twice", b.Session.ID)
		}
		depths[b.Session.ID] = b.Depth
		for _, child := range b.Children {
			checkPath(t, p, []Edge{child.Edge})
			if child.Edge.From != child.Session.ID || child.Edge.To != b.Session.ID || child.Depth != b.Depth+1 {
				t.Fatalf("%+v below %s", child, b.Session.ID)
			}
			below += 1 + visit(child)
		}
		if b.Depth > 0 && b.Behind != below {
			t.Fatalf("%d behind %s, want %d", b.Behind, b.Session.ID, below)
		}
		return below
	}
	roots := map[SessionID]bool{}
	for _, root := range d.Roots {
		visit(root)
		roots[root.Session.ID] = true
		if want := p.behind(root.Session.ID); root.Behind != want {
			t.Fatalf("%d behind the root %s, want %d", root.Behind, root.Session.ID, want)
		}
	}
	for v := range p {
		nearest := 0
		for w, n := range p.distances(v) {
			if roots[w] && (nearest == 0 || n < nearest) {
				nearest = n
			}
		}
		if depth, ok := depths[v]; !roots[v] && (depth != nearest || ok != (nearest > 0)) {
			t.Fatalf("%s is at depth %d (%v), want %d", v, depth, ok, nearest)
		}
	}
	checkWaitersShown(t, s, depths)
}

// behind is how many others have a way to v.
func (p plain) behind(v SessionID) int {
	n := 0
	for w := range p {
		if w != v && p.distances(w)[v] > 0 {
			n++
		}
	}
	return n
}

func checkWaitersShown(t *testing.T, s Snapshot, depths map[SessionID]int) {
	t.Helper()
	for _, l := range s.Locks {
		for i, r := range l.Queue {
			first := slices.IndexFunc(l.Queue, func(q Request) bool { return q.Session() == r.Session() })
			if l.Queue[first].Revision != r.Revision {
				continue
			}
			for _, b := range l.Blockers(i) {
				for _, id := range []SessionID{r.Session(), b.Session()} {
					if _, ok := depths[id]; !ok {
						t.Fatalf("%s is in no tree, but %s waits for %s", id, r.Session(), b.Session())
					}
				}
			}
		}
	}
}

// TestRemedyLaw: the first remedy of a finding resolves it, and does what it
// says.
func TestRemedyLaw(t *testing.T) { eachRandomSnapshot(t, checkRemedies) }

func checkRemedies(t *testing.T, s Snapshot) {
	t.Helper()
	for _, f := range Diagnose(s, nil, Thresholds{}, epoch).Findings {
		if len(f.Remedies) == 0 {
			continue
		}
		r := f.Remedies[0]
		after := removed(s, r.Releases)
		for _, again := range Diagnose(after, nil, Thresholds{}, epoch).Findings {
			if again.Kind == f.Kind && slices.Equal(again.Requests, f.Requests) {
				t.Fatalf("%q leaves %q", r.Text, f.Text)
			}
		}
		if got := newlyHolding(s, after); fmt.Sprint(keys(got)) != keys(r.Grants) {
			t.Fatalf("%q grants %s, want %s", r.Text, keys(r.Grants), keys(got))
		}
	}
}

// TestBestBreakerLaw: if the end of one session of a circle leaves no deadlock in
// its knot, that is what is proposed, unless it only runs one that waits.
func TestBestBreakerLaw(t *testing.T) { eachRandomSnapshot(t, checkBreakers) }

func checkBreakers(t *testing.T, s Snapshot) {
	t.Helper()
	e := newExaminer(s, nil, DefaultThresholds, epoch)
	for i := range e.deadlocks {
		d := &e.deadlocks[i]
		best := e.breakers(d)[0].Releases[0].Session()
		if e.untangles(d, best) {
			continue
		}
		for _, edge := range d.circle {
			if edge.Kind != EdgeInside && e.untangles(d, edge.From) {
				t.Fatalf("%s ends %s, but %s is enough", linked(d.circle), best, edge.From)
			}
		}
	}
}

func BenchmarkDiagnose(b *testing.B) {
	for _, size := range []struct{ locks, each int }{{10_000, 10}, {1, 100_000}, {50_000, 2}} {
		b.Run(fmt.Sprintf("locks=%d/each=%d", size.locks, size.each), func(b *testing.B) {
			s := chained(size.locks, size.each)
			b.ReportAllocs()
			for b.Loop() {
				Diagnose(s, nil, Thresholds{}, epoch)
			}
		})
	}
}

// chained is many locks, each held by one who also waits last for the lock
// before: one chain through all of them.
func chained(locks, each int) Snapshot {
	s := Snapshot{Locks: make([]Lock, 0, locks)}
	revision := int64(0)
	for i := range locks {
		id := LockID{Layout: keyspace.RWLock, Name: fmt.Sprintf("/lock/%06d", i)}
		queue := make([]Request, 0, each)
		for j := range each {
			revision++
			r := Request{Lock: id, Mode: keyspace.Read, Revision: revision, Modified: revision, Lease: revision, Since: epoch.AddDate(0, 0, -1)}
			if j%3 == 0 {
				r.Mode = keyspace.Write
			}
			if j == 0 && i > 0 {
				r.Lease--
			}
			r.Key = keyspace.Encode(id.Name, r.Mode, strconv.FormatInt(revision, 10))
			queue = append(queue, r)
		}
		s.Locks = append(s.Locks, newLock(id, queue))
	}
	return s
}

// TestBehindFallsBack: when counting exactly takes too long, the trees tell.
func TestBehindFallsBack(t *testing.T) {
	e := newExaminer(locksOf(t, "/a A.r1 B.r2 C.w3 D.w4\n/b E.w5"), nil, DefaultThresholds, epoch)
	e.back.steps = maxEffort + 1
	for v, want := range []int{2, 0, 0, 0, 0} {
		if got := e.behind(int32(v)); got != want {
			t.Errorf("%d behind session %d, want %d", got, v, want)
		}
		if got := e.behindRequest(e.own[v][0]); got != want {
			t.Errorf("%d behind the request of session %d, want %d", got, v, want)
		}
	}
}

// TestDeep: neither a long queue nor a long chain of locks is too deep.
func TestDeep(t *testing.T) {
	for _, size := range []struct{ locks, each int }{{1, 20_000}, {10_000, 2}} {
		d := Diagnose(chained(size.locks, size.each), nil, Thresholds{}, epoch)
		if len(d.Roots) != 1 || d.Roots[0].Behind != len(d.Sessions)-1 || len(d.Cycles) != 0 {
			t.Errorf("%+v: %d roots, %d cycles", size, len(d.Roots), len(d.Cycles))
		}
	}
}
