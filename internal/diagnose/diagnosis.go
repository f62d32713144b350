// Package diagnose says what is wrong with the locks of a snapshot, which
// sessions wait for which, and what would help. It computes all of it from
// values and does no I/O. What it finds is data; package narrate puts it into
// words.
package diagnose

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

// Thresholds say how long something may take before it is a finding. Zero means
// the default.
type Thresholds struct {
	Wait time.Duration // for a lock
	Hold time.Duration // by a holder
}

// DefaultThresholds are what the zero value means: a lock that takes half a
// minute to get is worth a look, and so is a hold of ten minutes.
var DefaultThresholds = Thresholds{Wait: 30 * time.Second, Hold: 10 * time.Minute}

func (t Thresholds) orDefault() Thresholds {
	return Thresholds{
		Wait: cmp.Or(t.Wait, DefaultThresholds.Wait),
		Hold: cmp.Or(t.Hold, DefaultThresholds.Hold),
	}
}

// Diagnosis is what is known about the locks of a snapshot. The zero value is
// the diagnosis of no locks.
type Diagnosis struct {
	Snapshot inspect.Snapshot
	Sessions []inspect.Session // by their oldest request
	Cycles   [][]Edge          // deadlocks: of each component of the wait-for graph a shortest cycle, starting at its oldest session
	Roots    []Blocker         // the roots of the wait-for graph as trees, the one with most sessions behind it first
	Findings []Finding         // worst first
	More     More              // findings

	examiner *examiner
	corrupt  bool // etcd has the alarm CORRUPT
}

// Locks diagnoses the locks of a snapshot. Leases is what is known of leases;
// nothing is found about others. Times in the snapshot are compared with now.
//
// A snapshot of a prefix does not show a cycle that goes through a lock outside
// it.
func Locks(s inspect.Snapshot, leases map[int64]inspect.Lease, t Thresholds, now time.Time) Diagnosis {
	return Worst(s, leases, t, now, all)
}

// Worst is Locks with the worst findings alone, at most so many: there can be as many as
// locks. The others are More.
func Worst(s inspect.Snapshot, leases map[int64]inspect.Lease, t Thresholds, now time.Time, most int) Diagnosis {
	e := newExaminer(s, leases, t.orDefault(), now, false)
	e.most = most
	e.find()
	d := Diagnosis{Snapshot: s, Sessions: e.sessions, Roots: e.roots(), Findings: e.findings(), More: e.more, examiner: e}
	e.drafts, e.others, e.alike = nil, nil, nil
	for _, deadlock := range e.deadlocks {
		d.Cycles = append(d.Cycles, deadlock.cycle)
	}
	return d
}

// Findings returns the findings of Locks alone, without what would help: Remedies and End
// are not set. Sessions whose requests all say the same of their client have only the first
// one. That takes less time, and little memory.
func Findings(s inspect.Snapshot, leases map[int64]inspect.Lease, t Thresholds, now time.Time) Diagnosis {
	e := newExaminer(s, leases, t.orDefault(), now, true)
	e.find()
	return Diagnosis{Findings: e.findings()}
}

// find makes the findings.
func (e *examiner) find() {
	for i := range e.deadlocks {
		e.deadlock(&e.deadlocks[i])
	}
	for v := range e.sessions {
		e.lease(int32(v))
	}
	locks := len(e.previewer.Locks)
	for i := range locks {
		e.lock(i)
	}
	for i := locks; i < len(e.locks); i++ {
		e.other(i)
	}
	for _, d := range e.others {
		e.addDraft(d)
	}
}

// Session returns the session with that ID, if it has requests in the snapshot.
func (d Diagnosis) Session(id inspect.SessionID) (*inspect.Session, bool) {
	if d.examiner == nil {
		return nil, false
	}
	v := d.examiner.vertex(id)
	if v < 0 {
		return nil, false
	}
	return &d.Sessions[v], true
}

// examiner makes the findings of a diagnosis.
type examiner struct {
	*graph
	previewer  inspect.Previewer
	limits     Thresholds
	now        time.Time
	forest     *forest
	deadlocks  []deadlock    // by the oldest session
	deadlocked []int32       // for each session, the index of the deadlock that it is in, or -1
	blockers   []rootBlocker // of each session
	back       *search       // counts the sessions behind others
	parts      sides         // search parts of the graph
	ends       map[inspect.SessionID]Remedy
	drafts     []*draft
	most       int // findings
	more       More
	others     []*draft          // about other keys, which can still be joined by others
	alike      map[string]*draft // the same by what they have in common
	brief      bool              // findings have no remedies, and do not say what the end of a session does
}

func newExaminer(s inspect.Snapshot, leases map[int64]inspect.Lease, t Thresholds, now time.Time, brief bool) *examiner {
	g := newGraph(s.Locks, leases, brief)
	parts := g.sides()
	components := parts.components(g.every())
	e := &examiner{
		graph: g, previewer: inspect.NewPreviewer(s), limits: t, now: now, brief: brief,
		forest: g.grow(components), deadlocks: g.deadlocks(components, parts),
		deadlocked: make([]int32, len(g.sessions)), back: g.search(true), parts: parts,
		ends: map[inspect.SessionID]Remedy{}, alike: map[string]*draft{}, most: all,
	}
	for v := range e.deadlocked {
		e.deadlocked[v] = -1
	}
	for i, d := range e.deadlocks {
		for _, v := range d.component {
			e.deadlocked[v] = int32(i)
		}
	}
	e.blockers = e.forest.rootBlockers(func(v int32) bool { return e.deadlocked[v] >= 0 })
	return e
}

// roots returns the trees, the one with most sessions behind it first.
func (e *examiner) roots() []Blocker {
	if f := e.forest; len(f.roots) == 1 { // whoever waits for it is in its tree
		return []Blocker{{Session: &e.sessions[f.roots[0]], Behind: int(f.behind[f.roots[0]])}}
	}
	var roots []Blocker
	for _, v := range e.forest.roots {
		roots = append(roots, Blocker{Session: &e.sessions[v], Behind: e.behind(v)})
	}
	slices.SortStableFunc(roots, func(a, b Blocker) int { return cmp.Compare(b.Behind, a.Behind) })
	return roots
}

// behind counts the other sessions that wait because of these, directly or not.
// When that takes too long, it counts those below them in the trees, which may
// be fewer.
func (e *examiner) behind(sessions ...int32) int {
	if e.back.steps > maxEffort {
		n := 0
		for _, v := range sessions {
			n = max(n, int(e.forest.behind[v]))
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
		return int(e.forest.behind[own])
	}
	e.back.reset()
	e.back.discover(own)
	count := 0
	for {
		w, ok := e.back.through(n)
		if !ok {
			return count
		}
		count += len(e.back.beyond(w, nil))
	}
}
