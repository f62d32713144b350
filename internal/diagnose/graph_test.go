package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
)

// plain is the wait-for graph by its definition, edge by edge: a session waits
// for whoever has a request that blocks its first one for a lock, and for what
// it runs.
type plain map[inspect.SessionID]map[inspect.SessionID]bool

func plainGraph(s inspect.Snapshot) plain {
	p := plain{}
	holding := map[string]inspect.SessionID{}
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			if p[r.Session()] == nil {
				p[r.Session()] = map[inspect.SessionID]bool{}
			}
			if r.Holding {
				holding[r.Key] = r.Session()
			}
		}
		for _, o := range l.Others {
			if p[o.Session()] == nil {
				p[o.Session()] = map[inspect.SessionID]bool{}
			}
		}
	}
	for _, l := range s.Locks {
		for i, r := range l.Queue {
			id := r.Session()
			if from, ok := holding[r.Owner.Value().Under]; ok && from != id {
				p[from][id] = true
			}
			first := slices.IndexFunc(l.Queue, func(q inspect.Request) bool { return q.Session() == id })
			if l.Queue[first].Revision != r.Revision {
				continue
			}
			for _, b := range l.Blockers(i) {
				if b.Session() != id { // which does not wait for itself
					p[id][b.Session()] = true
				}
			}
		}
	}
	return p
}

// distances are the edges on a shortest way from a session, one at least.
func (p plain) distances(from inspect.SessionID) map[inspect.SessionID]int {
	found := map[inspect.SessionID]int{}
	for steps, front := 1, []inspect.SessionID{from}; len(front) > 0; steps++ {
		var next []inspect.SessionID
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
func TestSearchLaw(t *testing.T) { locktest.EachRandom(t, checkSearch) }

// TestRequestsOfSessions wants those of a session that has requested another lock between two
// requests in one queue, with as many of others between them.
func TestRequestsOfSessions(t *testing.T) {
	d := Locks(locktest.Snapshot(t, "/a A.r1 B.w3 A.r4\n/b A.w2"), nil, Thresholds{}, locktest.Epoch)
	if got, want := locktest.Keys(d.Sessions[0].Requests), "/a/read/1 /b/write/2 /a/read/4"; got != want {
		t.Errorf("session A has %s, want %s", got, want)
	}
}

func checkSearch(t *testing.T, s inspect.Snapshot) {
	t.Helper()
	g, p := newGraph(s.Locks, nil, false), plainGraph(s)
	ahead, back := g.search(false), g.search(true)
	reached := map[[2]inspect.SessionID]bool{}
	for v, session := range g.sessions {
		ahead.reset()
		for _, w := range ahead.descend(int32(v), nil) {
			if w != int32(v) {
				reached[[2]inspect.SessionID{session.ID, g.sessions[w].ID}] = true
			}
		}
		for to := range p.distances(session.ID) {
			if to != session.ID && !reached[[2]inspect.SessionID{session.ID, to}] {
				t.Fatalf("no way found from %s to %s", session.ID, to)
			}
			delete(reached, [2]inspect.SessionID{session.ID, to})
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

// TestComponentsLaw: two sessions are in one component when there are ways in
// both directions, a component comes after those it waits for, and its cycle is
// a shortest one.
func TestComponentsLaw(t *testing.T) { locktest.EachRandom(t, checkComponents) }

func checkComponents(t *testing.T, s inspect.Snapshot) {
	t.Helper()
	g, p := newGraph(s.Locks, nil, false), plainGraph(s)
	at := map[inspect.SessionID]int{}
	for i, component := range g.components() {
		for _, v := range component {
			at[g.sessions[v].ID] = i
		}
		if len(component) > 1 {
			checkCycle(t, p, g, component)
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

func checkCycle(t *testing.T, p plain, g *graph, component []int32) {
	t.Helper()
	shortest := len(component)
	for _, v := range component {
		id := g.sessions[v].ID
		shortest = min(shortest, p.distances(id)[id])
	}
	for _, cycle := range [][]Edge{g.cycleAmong(component), g.search(false).cycleWithin(component)} {
		checkShortest(t, p, g, cycle, shortest)
	}
}

func checkShortest(t *testing.T, p plain, g *graph, cycle []Edge, shortest int) {
	t.Helper()
	if len(cycle) != shortest {
		t.Fatalf("cycle %s, but there is one of %d", linked(cycle), shortest)
	}
	checkPath(t, p, cycle)
	for _, e := range cycle {
		if e.To.ID == cycle[0].From.ID && e != cycle[len(cycle)-1] || g.vertex(e.From.ID) < g.vertex(cycle[0].From.ID) {
			t.Fatalf("cycle %s goes on, or does not begin with its oldest", linked(cycle))
		}
	}
	if cycle[len(cycle)-1].To.ID != cycle[0].From.ID {
		t.Fatalf("cycle %s does not close", linked(cycle))
	}
}

func checkPath(t *testing.T, p plain, path []Edge) {
	t.Helper()
	for i, e := range path {
		if !p[e.From.ID][e.To.ID] || i > 0 && path[i-1].To != e.From {
			t.Fatalf("%s is no way", linked(path))
		}
		blocks := e.Blocker.Revision < e.Waiter.Revision && (e.Blocker.Mode == keyspace.Write || e.Waiter.Mode == keyspace.Write)
		if e.Waiter.Lock != e.Blocker.Lock {
			blocks = e.Waiter.WaitsFor(e.Blocker)
		}
		ok := blocks && !e.Waiter.Holding && e.Blocker.Holding == (e.Kind == EdgeHard)
		if e.Kind == EdgeInside {
			ok = e.Blocker.Owner.Value().Under == e.Waiter.Key && e.Waiter.Holding
		}
		if !ok || e.Waiter.Session() != e.From.ID || e.Blocker.Session() != e.To.ID {
			t.Fatalf("no such edge: %+v", e)
		}
	}
}

// tree is a session in the forest, with those that cannot continue before it does.
type tree struct {
	session       *inspect.Session
	edge          Edge // to its parent
	depth, behind int
	children      []*tree
}

// trees returns the forest of a diagnosis as trees, in the order of its roots.
func trees(d Diagnosis) (roots []*tree) {
	f, all := d.examiner.forest, map[int32]*tree{}
	for _, v := range f.order {
		n := &tree{session: &d.Sessions[v], behind: int(f.behind[v])}
		if parent := all[f.parents[v]]; parent != nil {
			n.edge, n.depth = d.examiner.edge(f.arcs[v]), parent.depth+1
			parent.children = append(parent.children, n)
		}
		all[v] = n
	}
	for _, root := range d.Roots {
		n := all[d.examiner.vertex(root.Session.ID)]
		n.behind = root.Behind
		roots = append(roots, n)
	}
	return roots
}

// TestForestLaw: whoever waits for another one is in one tree, below one that it
// waits for, as near to a root as can be.
func TestForestLaw(t *testing.T) { locktest.EachRandom(t, checkForest) }

func checkForest(t *testing.T, s inspect.Snapshot) {
	t.Helper()
	d, p := Locks(s, nil, Thresholds{}, locktest.Epoch), plainGraph(s)
	depths := map[inspect.SessionID]int{}
	var visit func(b *tree) int
	visit = func(b *tree) int {
		below := 0
		if _, twice := depths[b.session.ID]; twice {
			t.Fatalf("%s is there twice", b.session.ID)
		}
		depths[b.session.ID] = b.depth
		for _, child := range b.children {
			checkPath(t, p, []Edge{child.edge})
			if child.edge.From != child.session || child.edge.To != b.session || child.depth != b.depth+1 {
				t.Fatalf("%+v below %s", child, b.session.ID)
			}
			below += 1 + visit(child)
		}
		if b.depth > 0 && b.behind != below {
			t.Fatalf("%d behind %s, want %d", b.behind, b.session.ID, below)
		}
		return below
	}
	roots := map[inspect.SessionID]bool{}
	for _, root := range trees(d) {
		visit(root)
		roots[root.session.ID] = true
		if want := p.behind(root.session.ID); root.behind != want {
			t.Fatalf("%d behind the root %s, want %d", root.behind, root.session.ID, want)
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
func (p plain) behind(v inspect.SessionID) int {
	n := 0
	for w := range p {
		if w != v && p.distances(w)[v] > 0 {
			n++
		}
	}
	return n
}

func checkWaitersShown(t *testing.T, s inspect.Snapshot, depths map[inspect.SessionID]int) {
	t.Helper()
	for _, l := range s.Locks {
		for i, r := range l.Queue {
			first := slices.IndexFunc(l.Queue, func(q inspect.Request) bool { return q.Session() == r.Session() })
			if l.Queue[first].Revision != r.Revision {
				continue
			}
			for _, b := range l.Blockers(i) {
				if b.Session() == r.Session() {
					continue
				}
				for _, id := range []inspect.SessionID{r.Session(), b.Session()} {
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
func TestRemedyLaw(t *testing.T) { locktest.EachRandom(t, checkRemedies) }

func checkRemedies(t *testing.T, s inspect.Snapshot) {
	t.Helper()
	for _, f := range Locks(s, nil, Thresholds{}, locktest.Epoch).Findings {
		if len(f.Remedies) == 0 {
			continue
		}
		r := f.Remedies[0]
		after := locktest.Removed(s, r.Releases)
		for _, again := range Locks(after, nil, Thresholds{}, locktest.Epoch).Findings {
			if again.Kind == f.Kind && locktest.Keys(again.Requests) == locktest.Keys(f.Requests) {
				t.Fatalf("%s leaves %s", remedy(r), data([]Finding{f}))
			}
		}
		granted := effect(Effect{Grants: r.Grants})
		if got := locktest.NewlyHolding(s, after); strings.ReplaceAll(granted, "+", "") != locktest.Keys(got) {
			t.Fatalf("%s, want to grant %s", remedy(r), locktest.Keys(got))
		}
	}
}

// TestBestRemedyLaw: if the end of one session of a cycle leaves no deadlock in
// its component, that is what is proposed first, unless the session only runs one
// that waits.
func TestBestRemedyLaw(t *testing.T) { locktest.EachRandom(t, checkBestRemedy) }

func checkBestRemedy(t *testing.T, s inspect.Snapshot) {
	t.Helper()
	e := newExaminer(s, nil, DefaultThresholds, locktest.Epoch, false)
	for i := range e.deadlocks {
		d := &e.deadlocks[i]
		best := e.remediesForDeadlock(d)[0].Session.ID
		if e.resolves(d, best) {
			continue
		}
		for _, edge := range d.cycle {
			if edge.Kind != EdgeInside && e.resolves(d, edge.From.ID) {
				t.Fatalf("%s ends %s, but %s is enough", linked(d.cycle), best, edge.From.ID)
			}
		}
	}
}

// TestComponentsWithinLaw: the components of some sessions within the graph are those of a graph
// that has no others.
func TestComponentsWithinLaw(t *testing.T) {
	locktest.EachRandom(t, func(t *testing.T, s inspect.Snapshot) {
		t.Helper()
		g := newGraph(s.Locks, nil, false)
		parts := g.sides()
		for left := range int32(len(g.sessions)) {
			var rest []int32
			for v := range int32(len(g.sessions)) {
				if v != left {
					rest = append(rest, v)
				}
			}
			var want [][]int32
			sub := g.among(rest)
			for _, component := range sub.components() {
				var members []int32
				for _, v := range component {
					members = append(members, g.vertex(sub.sessions[v].ID))
				}
				slices.Sort(members)
				want = append(want, members)
			}
			got := parts.componentsWithin(rest)
			for _, c := range [][][]int32{got, want} {
				slices.SortFunc(c, func(a, b []int32) int { return int(a[0] - b[0]) })
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("without session %s: %s", g.sessions[left].ID, diff)
			}
		}
	})
}

func BenchmarkLocks(b *testing.B) {
	for _, size := range []struct{ locks, each int }{{10_000, 10}, {1, 100_000}, {50_000, 2}} {
		b.Run(fmt.Sprintf("locks=%d/each=%d", size.locks, size.each), func(b *testing.B) {
			s := chained(size.locks, size.each)
			b.ReportAllocs()
			for b.Loop() {
				Locks(s, nil, Thresholds{}, locktest.Epoch)
			}
		})
	}
}

// chained is many locks, each held by one who also waits last for the lock
// before: one chain through all of them.
func chained(locks, each int) inspect.Snapshot {
	s := inspect.Snapshot{Locks: make([]inspect.Lock, 0, locks)}
	revision := int64(0)
	for i := range locks {
		id := inspect.LockID{Layout: layout.RWLock, Name: fmt.Sprintf("/lock/%06d", i)}
		queue := make([]inspect.Request, 0, each)
		for j := range each {
			revision++
			r := inspect.Request{Lock: id, Mode: keyspace.Read, Revision: revision, Modified: revision, Lease: revision, Since: locktest.Epoch.AddDate(0, 0, -1)}
			if j%3 == 0 {
				r.Mode = keyspace.Write
			}
			if j == 0 && i > 0 {
				r.Lease--
			}
			r.Key = keyspace.Encode(id.Name, r.Mode, strconv.FormatInt(revision, 10))
			queue = append(queue, r)
		}
		s.Locks = append(s.Locks, inspect.NewLock(id, queue))
	}
	return s
}

// TestBehindFallsBack: when counting exactly takes too long, the trees tell.
func TestBehindFallsBack(t *testing.T) {
	e := newExaminer(locktest.Snapshot(t, "/a A.r1 B.r2 C.w3 D.w4\n/b E.w5"), nil, DefaultThresholds, locktest.Epoch, false)
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
		d := Locks(chained(size.locks, size.each), nil, Thresholds{}, locktest.Epoch)
		if len(d.Roots) != 1 || d.Roots[0].Behind != len(d.Sessions)-1 || len(d.Cycles) != 0 {
			t.Errorf("%+v: %d roots, %d cycles", size, len(d.Roots), len(d.Cycles))
		}
	}
}

// What a diagnosis of a long queue allocates does not grow with each of its requests:
// neither of one session, nor of a session for each, is anything allocated by itself.
func TestAllocationsOfALongQueue(t *testing.T) {
	const requests = 20_000
	for _, sessions := range []int64{1, requests} {
		id := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
		queue := make([]inspect.Request, 0, requests)
		for i := range int64(requests) {
			queue = append(queue, inspect.Request{Key: fmt.Sprintf("/a/write/%d", i), Lock: id, Mode: keyspace.Write, Lease: 1 + i%sessions, Revision: 2 + i, Modified: 2 + i})
		}
		s := inspect.Snapshot{Locks: []inspect.Lock{inspect.NewLock(id, queue)}}
		if n := testing.AllocsPerRun(1, func() { Locks(s, nil, Thresholds{}, locktest.Epoch).About("/a") }); n > requests/10 {
			t.Errorf("%d sessions: %.0f allocations for %d requests", sessions, n, requests)
		}
	}
}

// Many keys in the way of a lock are one finding, which is also about the lock that
// waits for itself by them.
func TestOtherKeysAreOneFinding(t *testing.T) {
	d := Locks(locktest.Snapshot(t, "/a -.k1 -.k2 -.k3 b.m4"), nil, Thresholds{}, locktest.Epoch)
	if len(d.Findings) != 1 || d.Findings[0].More != 2 || len(d.Findings[0].Remedies) != 3 {
		t.Errorf("findings %s", data(d.Findings))
	}
	d = Locks(locktest.Snapshot(t, "/a/b A.m1\n/a A.m2"), nil, Thresholds{}, locktest.Epoch)
	if about := d.About("/a"); len(about.Findings) != 1 || about.Findings[0].Kind != SelfWait {
		t.Errorf("findings about /a: %s", data(about.Findings))
	}
}
