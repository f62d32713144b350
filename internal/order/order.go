// Package order learns in which order clients acquire locks, and finds orders that could
// deadlock before they do, as lockdep does in the Linux kernel. It does no I/O.
package order

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/lockclass"
)

// Lock identifies a lock. Layout tells apart locks of the same name.
type Lock struct{ Name, Layout string }

// Step is a request for a lock.
type Step struct {
	Lock     Lock
	Mode     keyspace.Mode
	Weight   int   // of a semaphore: how many permits it takes
	Permits  int   // of a semaphore: how many there are, as the request says
	Revision int64 // of the request; 0 if it is not known
}

// conflicts reports whether two clients cannot hold both at a time.
func (s Step) conflicts(o Step) bool { return s.Lock == o.Lock && s.excludes(o) }

// excludes reports whether two requests for one lock cannot be granted at a time. Two of a
// semaphore can if there are permits for both.
func (s Step) excludes(o Step) bool {
	if s.Mode == keyspace.Slot && o.Mode == keyspace.Slot {
		return s.Weight+o.Weight > min(s.Permits, o.Permits)
	}
	return s.Mode == keyspace.Write || o.Mode == keyspace.Write
}

// with returns what the request takes of a semaphore together with another of the same client.
func (s Step) with(o Step) Step {
	s.Weight, s.Permits = s.Weight+o.Weight, min(s.Permits, o.Permits)
	return s
}

// Story is how a client requested a lock while it held another.
type Story struct {
	Session  string // of the client, or of the program that runs under its lock
	Who      string // the client, in words
	Held     Step
	Wanted   Step
	Gates    []Step    // what it held too, by name
	Together bool      // it requested both at the same revision
	Time     time.Time // of the later request; zero when it is not known
	Count    int       // how often this was seen, of this client and others like it
}

// holds returns all that the client held, the first lock first. All permits that it held of a
// semaphore are one step.
func (s *Story) holds() []Step {
	all := []Step{s.Held}
	for _, g := range s.Gates {
		same := func(h Step) bool { return g.Mode == keyspace.Slot && h.Mode == keyspace.Slot && h.Lock == g.Lock }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i] = all[i].with(g)
		} else {
			all = append(all, g)
		}
	}
	return all
}

// excludes reports whether two clients cannot be in these stories at the same time: they
// are one, or a lock that both held has guarded them.
func (s *Story) excludes(o *Story) bool {
	if s.Session == o.Session {
		return true
	}
	for _, a := range s.holds() {
		if slices.ContainsFunc(o.holds(), a.conflicts) {
			return true
		}
	}
	return false
}

// Limits bound the memory of a Learner, beside what it needs for each request that exists.
type Limits struct {
	Edges  int // pairs of classes, or of locks of a class
	Shapes int // of the stories of a pair: with which modes, and under which other classes
	Alike  int // stories of a shape
	Held   int // locks of a client: of one that holds more at a time, no order is learnt
	Length int // of cycles
	Tries  int // of a search
	Found  int // cycles
}

// DefaultLimits take at most about 100 MiB.
var DefaultLimits = Limits{Edges: 5000, Shapes: 8, Alike: 3, Held: 100, Length: 4, Tries: 200_000, Found: 50}

// ModestLimits take at most about 10 MiB.
var ModestLimits = Limits{Edges: 1000, Shapes: 4, Alike: 3, Held: 30, Length: 4, Tries: 50_000, Found: 20}

// node is a class of locks or, in orders within a class, a lock of it.
type node struct {
	class string
	lock  Lock // zero for the class
}

func (n node) compare(o node) int {
	return cmp.Or(strings.Compare(n.class, o.class), strings.Compare(n.lock.Name, o.lock.Name), strings.Compare(n.lock.Layout, o.lock.Layout))
}

// edge is the stories in which one node was held and the other one requested.
type edge struct {
	shapes map[string][]*Story
	order  []string // of shapes
}

// Learner learns orders. It is not safe for concurrent use.
type Learner struct {
	rules  lockclass.Rules
	limits Limits
	edges  map[node]map[node]*edge
	count  int
	kept   int // stories
	full   bool
}

// NewLearner returns a learner that knows no orders.
func NewLearner(rules lockclass.Rules, limits Limits) *Learner {
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	return &Learner{rules: rules, limits: limits, edges: map[node]map[node]*edge{}}
}

// Full reports whether there were more orders than are kept.
func (l *Learner) Full() bool { return l.full }

// Kept returns how many stories were learnt that were not like others. It grows whenever
// Potentials may return others than before.
func (l *Learner) Kept() int { return l.kept }

// Learn takes in a story.
func (l *Learner) Learn(s Story) {
	if s.Held.Lock == s.Wanted.Lock {
		return
	}
	from, to := node{class: l.rules.Of(s.Held.Lock.Name)}, node{class: l.rules.Of(s.Wanted.Lock.Name)}
	if from.class == to.class { // of which a client may well take several, in an order of its own
		from.lock, to.lock = s.Held.Lock, s.Wanted.Lock
	}
	e := l.edge(from, to)
	if e == nil {
		return
	}
	slices.SortFunc(s.Gates, func(a, b Step) int {
		return cmp.Or(strings.Compare(a.Lock.Name, b.Lock.Name), strings.Compare(a.Lock.Layout, b.Lock.Layout))
	})
	shape := l.shape(&s)
	alike, ok := e.shapes[shape]
	if !ok && len(e.order) == l.limits.Shapes {
		l.full = true
		return
	}
	if !ok {
		e.order = append(e.order, shape)
	}
	for _, known := range alike {
		if known.same(&s) {
			known.Count++
			return
		}
	}
	if len(alike) == l.limits.Alike {
		alike[0].Count++
		return
	}
	s.Count = 1
	l.kept++
	e.shapes[shape] = append(alike, &s)
}

// same reports whether another story says nothing new.
func (s *Story) same(o *Story) bool {
	step := func(a, b Step) bool {
		a.Revision, b.Revision = 0, 0
		return a == b
	}
	return s.Session == o.Session && step(s.Held, o.Held) && step(s.Wanted, o.Wanted) && slices.EqualFunc(s.Gates, o.Gates, step)
}

// edge returns an edge; nil if there are too many.
func (l *Learner) edge(from, to node) *edge {
	e, ok := l.edges[from][to]
	if ok {
		return e
	}
	if l.count == l.limits.Edges {
		l.full = true
		return nil
	}
	l.count++
	if l.edges[from] == nil {
		l.edges[from] = map[node]*edge{}
	}
	e = &edge{shapes: map[string][]*Story{}}
	l.edges[from][to] = e
	return e
}

// shape returns what stories that are alike share.
func (l *Learner) shape(s *Story) string {
	var b strings.Builder
	b.WriteString(s.Held.takes() + " " + s.Wanted.takes())
	if s.Together {
		b.WriteString(" together")
	}
	for _, g := range s.Gates {
		b.WriteString("\x00" + g.takes() + " " + l.rules.Of(g.Lock.Name))
	}
	return b.String()
}

// takes says how the lock is requested.
func (s Step) takes() string {
	if s.Mode != keyspace.Slot {
		return s.Mode.String()
	}
	return fmt.Sprint(s.Mode, s.Weight, "/", s.Permits)
}
