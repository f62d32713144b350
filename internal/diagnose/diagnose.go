package inspect

import (
	"cmp"
	"slices"
	"time"
)

// Thresholds say from when on something takes long. Zero means the default.
type Thresholds struct {
	Wait time.Duration // for a lock
	Hold time.Duration // since a holder asked for its lock
}

// DefaultThresholds are those that the zero value means: a lock that takes half
// a minute to get is worth a look, and so is a holder that asked ten ago.
var DefaultThresholds = Thresholds{Wait: 30 * time.Second, Hold: 10 * time.Minute}

func (t Thresholds) orDefault() Thresholds {
	return Thresholds{
		Wait: cmp.Or(t.Wait, DefaultThresholds.Wait),
		Hold: cmp.Or(t.Hold, DefaultThresholds.Hold),
	}
}

// Diagnosis is what can be said of all locks of a snapshot. It is a value:
// making it asks nobody. The zero value is that of no locks.
type Diagnosis struct {
	Snapshot Snapshot
	Sessions []Session  // by their oldest request
	Cycles   [][]Edge   // deadlocks: of each knot of sessions that wait for each other a shortest circle, from its oldest session on
	Roots    []*Blocker // the wait-for graph as trees, the one with most behind it first
	Findings []Finding  // worst first

	examiner *examiner
}

// Diagnose tells who waits for whom in a snapshot, what is wrong with that, and
// what can be done. Leases is what is known of leases; without it, nothing is
// said of their ends. The times in the snapshot are compared with now.
//
// A snapshot of a prefix does not show the circle that goes through a lock
// outside it.
func Diagnose(s Snapshot, leases map[int64]Lease, t Thresholds, now time.Time) Diagnosis {
	e := newExaminer(s, leases, t.orDefault(), now)
	for i := range e.deadlocks {
		e.deadlock(&e.deadlocks[i])
	}
	for v := range e.sessions {
		e.lease(int32(v))
	}
	for i := range s.Locks {
		e.lock(i)
	}
	rank(e.findings)
	d := Diagnosis{Snapshot: s, Sessions: e.sessions, Roots: e.roots(), Findings: e.findings, examiner: e}
	for _, deadlock := range e.deadlocks {
		d.Cycles = append(d.Cycles, deadlock.circle)
	}
	return d
}

// Session finds a session.
func (d Diagnosis) Session(id SessionID) (*Session, bool) {
	if d.examiner == nil {
		return nil, false
	}
	v, ok := d.examiner.ids[id]
	if !ok {
		return nil, false
	}
	return &d.Sessions[v], true
}

// examiner makes the findings of a diagnosis.
type examiner struct {
	*graph
	snapshot  Snapshot
	limits    Thresholds
	now       time.Time
	forest    *forest
	deadlocks []deadlock // by the oldest session
	stuck     []int32    // for each session, the deadlock that it is in, or -1
	culprits  []culprit  // of each session
	back      *search    // to count what is behind a session
	ends      map[SessionID]Remedy
	names     []string // of the sessions: finding one may take a look at all its requests
	findings  []Finding
}

// deadlock is a knot of sessions that wait for each other.
type deadlock struct {
	knot     []int32
	circle   []Edge // a shortest one in it
	remedies []Remedy
}

func newExaminer(s Snapshot, leases map[int64]Lease, t Thresholds, now time.Time) *examiner {
	g := newGraph(s.Locks, leases)
	components := g.components()
	e := &examiner{
		graph: g, snapshot: s, limits: t, now: now,
		forest: g.grow(components), deadlocks: g.deadlocks(components),
		stuck: make([]int32, len(g.sessions)), back: g.search(true),
		ends: map[SessionID]Remedy{},
	}
	for v := range e.stuck {
		e.stuck[v] = -1
		e.names = append(e.names, g.sessions[v].Who())
	}
	for i, d := range e.deadlocks {
		for _, v := range d.knot {
			e.stuck[v] = int32(i)
		}
	}
	e.culprits = e.forest.culprits(func(v int32) bool { return e.stuck[v] >= 0 })
	return e
}

// deadlocks are the knots in which somebody waits: a circle of programs that
// say they run inside each other is none.
func (g *graph) deadlocks(components [][]int32) []deadlock {
	var found []deadlock
	for _, knot := range components {
		if len(knot) == 1 {
			continue
		}
		circle := g.among(knot).circle()
		if slices.ContainsFunc(circle, func(e Edge) bool { return e.Kind != EdgeInside }) {
			found = append(found, deadlock{knot: knot, circle: circle})
		}
	}
	slices.SortFunc(found, func(a, b deadlock) int { return cmp.Compare(a.knot[0], b.knot[0]) })
	return found
}

// roots are the trees, the one with most behind it first.
func (e *examiner) roots() []*Blocker {
	var roots []*Blocker
	for _, v := range e.forest.roots {
		b := e.forest.blockers[v]
		b.Behind = e.behind(v)
		roots = append(roots, b)
	}
	slices.SortStableFunc(roots, func(a, b *Blocker) int { return cmp.Compare(b.Behind, a.Behind) })
	return roots
}

// behind counts the sessions that wait because of others, directly or not. When
// that takes too long, it counts those of their trees, which may be fewer.
func (e *examiner) behind(sessions ...int32) int {
	if e.back.steps > maxEffort {
		n := 0
		for _, v := range sessions {
			n = max(n, e.forest.behind(v))
		}
		return n
	}
	e.back.reset()
	for _, v := range sessions {
		e.back.discover(v)
	}
	n := -len(sessions)
	for _, v := range sessions {
		n += len(e.back.beyond(v, nil))
	}
	return n
}

// behindRequest counts the other sessions that wait because of a request.
func (e *examiner) behindRequest(n int32) int {
	own := e.nodes[n].session
	if e.back.steps > maxEffort {
		return e.forest.behind(own)
	}
	e.back.reset()
	e.back.discover(own)
	count := 0
	for {
		w, ok := e.back.along(n)
		if !ok {
			return count
		}
		count += len(e.back.beyond(w, nil))
	}
}

// session is whose the request is.
func (e *examiner) session(r Request) *Session { return &e.sessions[e.ids[r.Session()]] }

// who names whose the request is.
func (e *examiner) who(r Request) string { return e.names[e.ids[r.Session()]] }
