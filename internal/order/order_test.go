package order

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/lockclass"
)

// trace is clients that acquire locks, whose events a follower sees.
type trace struct {
	revision int64
	locks    map[inspect.LockID][]inspect.Request
	last     inspect.Snapshot
	follower *Follower
	seen     []Story // all of them
}

func newTrace() *trace {
	many := Limits{Edges: 1 << 20, Shapes: 1 << 20, Alike: 1 << 20, Held: 100, Length: 4, Tries: 1 << 30, Found: 1 << 20}
	t := &trace{revision: 1, locks: map[inspect.LockID][]inspect.Request{}, follower: NewFollower(lockclass.Rules{}, many)}
	t.follower.Begin(time.Time{}, inspect.Snapshot{})
	return t
}

// request has a session request locks at one revision, if no other session keeps it waiting.
func (t *trace) request(session int64, mode keyspace.Mode, names ...string) bool {
	var added []inspect.Request
	held := t.held(session)
	for _, name := range names {
		id := inspect.LockID{Layout: layout.RWLock, Name: name}
		r := inspect.Request{
			Key: fmt.Sprintf("%s/%s/%x-%d", name, mode, session, t.revision+1), Lock: id, Mode: mode, Lease: session,
			Revision: t.revision + 1, Holding: true,
		}
		l := inspect.NewLock(id, append(slices.Clone(t.locks[id]), r))
		if slices.ContainsFunc(l.Queue, inspect.Request.Waiting) {
			return false
		}
		added = append(added, r)
	}
	for i, r := range added {
		t.locks[r.Lock] = append(t.locks[r.Lock], r)
		for _, h := range held {
			t.seen = append(t.seen, storyOf(h, r, others(held, h), false))
		}
		for j, o := range added {
			if i != j {
				t.seen = append(t.seen, storyOf(o, r, held, true))
			}
		}
	}
	t.commit()
	return true
}

func others(all []inspect.Request, one inspect.Request) []inspect.Request {
	return slices.DeleteFunc(slices.Clone(all), func(r inspect.Request) bool { return r.Key == one.Key })
}

func storyOf(held, wanted inspect.Request, gates []inspect.Request, together bool) Story {
	step := func(r inspect.Request) Step { return Step{Lock: Lock{Name: r.Lock.Name}, Mode: r.Mode} }
	s := Story{Session: fmt.Sprint(held.Lease), Held: step(held), Wanted: step(wanted), Together: together}
	for _, g := range gates {
		s.Gates = append(s.Gates, step(g))
	}
	return s
}

func (t *trace) held(session int64) []inspect.Request {
	var all []inspect.Request
	for _, queue := range t.locks {
		for _, r := range queue {
			if r.Lease == session {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, inspect.ByPlace)
	return all
}

// release has a session release its locks.
func (t *trace) release(session int64) {
	for id, queue := range t.locks {
		t.locks[id] = slices.DeleteFunc(slices.Clone(queue), func(r inspect.Request) bool { return r.Lease == session })
	}
	t.commit()
}

// commit has the follower see what has changed.
func (t *trace) commit() {
	t.revision++
	s := inspect.Snapshot{Revision: t.revision}
	for id, queue := range t.locks {
		if len(queue) > 0 {
			s.Locks = append(s.Locks, inspect.NewLock(id, slices.Clone(queue)))
		}
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	events := inspect.Compare(t.last, s)
	for i := range events {
		events[i].Revision = t.revision
	}
	t.last = s
	t.follower.Apply(events)
}

// want returns the cycles that are possible, by trying all of what was seen.
func (t *trace) want() []string {
	found := map[string][]string{}
	var extend func(chosen []Story)
	extend = func(chosen []Story) {
		last := chosen[len(chosen)-1]
		sequential := slices.ContainsFunc(chosen, func(s Story) bool { return !s.Together })
		if len(chosen) > 1 && sequential && last.Wanted.Lock == chosen[0].Held.Lock && last.Wanted.conflicts(chosen[0].Held) {
			var names []string
			for _, s := range chosen {
				names = append(names, s.Held.Lock.Name)
			}
			found[cycle(names)] = names
		}
		if len(chosen) == 4 {
			return
		}
		for _, s := range t.seen {
			if last.Wanted.conflicts(s.Held) && !slices.ContainsFunc(chosen, func(o Story) bool {
				return o.excludes(&s) || o.Held.Lock == s.Held.Lock
			}) {
				extend(append(slices.Clone(chosen), s))
			}
		}
	}
	for _, s := range t.seen {
		extend([]Story{s})
	}
	var all []string
	for text, names := range found {
		inside := false
		for _, o := range found {
			inside = inside || len(o) < len(names) && !slices.ContainsFunc(o, func(n string) bool { return !slices.Contains(names, n) })
		}
		if !inside {
			all = append(all, text)
		}
	}
	slices.Sort(all)
	return all
}

// cycle writes a cycle, from its first name on.
func cycle(names []string) string {
	i := slices.Index(names, slices.Min(names))
	return strings.Join(append(slices.Clone(names[i:]), names[:i]...), " ")
}

func got(l *Learner) []string {
	var all []string
	for _, p := range l.Potentials() {
		var names []string
		for _, s := range p.Stories {
			names = append(names, s.Held.Lock.Name)
		}
		all = append(all, cycle(names))
	}
	slices.Sort(all)
	return all
}

// The search finds exactly what trying all combinations of what was seen finds.
func TestLaw(t *testing.T) {
	some := 0
	for seed := range uint64(300) {
		r, tr := rand.New(rand.NewPCG(seed, 1)), newTrace()
		for range 40 {
			session := int64(1 + r.IntN(3))
			mode := keyspace.Write
			if r.IntN(3) == 0 {
				mode = keyspace.Read
			}
			name := func() string { return "/" + string(rune('a'+r.IntN(4))) }
			switch first, second := name(), name(); {
			case r.IntN(3) == 0:
				tr.release(session)
			case r.IntN(5) == 0 && first != second:
				tr.request(session, mode, first, second)
			case !slices.ContainsFunc(tr.held(session), func(r inspect.Request) bool { return r.Lock.Name == first }):
				tr.request(session, mode, first)
			}
		}
		want := tr.want()
		some += len(want)
		if diff := cmp.Diff(want, got(tr.follower.Learner)); diff != "" {
			t.Fatalf("seed %d (-want +got)\n%s", seed, diff)
		}
	}
	if some < 100 {
		t.Errorf("only %d cycles", some)
	}
}

func TestPotentials(t *testing.T) {
	const r, w = keyspace.Read, keyspace.Write
	type acquisition struct {
		session int64
		mode    keyspace.Mode
		names   string // together
	}
	const release = ""
	for name, c := range map[string]struct {
		trace []acquisition
		want  []string
	}{
		"Inversion": {[]acquisition{{1, w, "/a"}, {1, w, "/b"}, {1, 0, release}, {2, w, "/b"}, {2, w, "/a"}}, []string{"/a /b"}},
		"SameOrder": {[]acquisition{{1, w, "/a"}, {1, w, "/b"}, {1, 0, release}, {2, w, "/a"}, {2, w, "/b"}}, nil},
		"OneClient": {[]acquisition{{1, w, "/a"}, {1, w, "/b"}, {1, 0, release}, {1, w, "/b"}, {1, w, "/a"}}, nil},
		"Gate": {[]acquisition{
			{1, w, "/g"}, {1, w, "/a"}, {1, w, "/b"}, {1, 0, release}, {2, w, "/g"}, {2, w, "/b"}, {2, w, "/a"},
		}, nil},
		"GateForReading": {[]acquisition{
			{1, r, "/g"}, {1, w, "/a"}, {1, w, "/b"}, {1, 0, release}, {2, r, "/g"}, {2, w, "/b"}, {2, w, "/a"},
		}, []string{"/a /b"}},
		"TwoGates": {[]acquisition{
			{1, w, "/g"}, {1, w, "/a"}, {1, w, "/b"}, {1, 0, release}, {2, w, "/h"}, {2, w, "/b"}, {2, w, "/a"},
		}, []string{"/a /b"}},
		"GatedAndNot": {[]acquisition{
			{1, w, "/g"}, {1, w, "/a"}, {1, w, "/b"}, {1, 0, release}, {1, w, "/a"}, {1, w, "/b"}, {1, 0, release},
			{2, w, "/g"}, {2, w, "/b"}, {2, w, "/a"},
		}, []string{"/a /b"}},
		"Readers":      {[]acquisition{{1, r, "/a"}, {1, w, "/b"}, {1, 0, release}, {2, w, "/b"}, {2, r, "/a"}}, nil},
		"ReaderWriter": {[]acquisition{{1, r, "/a"}, {1, w, "/b"}, {1, 0, release}, {2, w, "/b"}, {2, w, "/a"}}, []string{"/a /b"}},
		"Together":     {[]acquisition{{1, w, "/a /b"}, {1, 0, release}, {2, w, "/b /a"}}, nil},
		"OneTogether":  {[]acquisition{{1, w, "/a /b"}, {1, 0, release}, {2, w, "/b"}, {2, w, "/a"}}, []string{"/a /b"}},
		"Three": {[]acquisition{
			{1, w, "/a"}, {1, w, "/b"}, {1, 0, release}, {2, w, "/b"}, {2, w, "/c"}, {2, 0, release}, {3, w, "/c"}, {3, w, "/a"},
		}, []string{"/a /b /c"}},
		"Classes": {[]acquisition{
			{1, w, "/orders/1"}, {1, w, "/stock/2"}, {1, 0, release}, {2, w, "/stock/3"}, {2, w, "/orders/4"},
		}, []string{"/orders/1 /stock/3"}},
		"WithinAClass": {[]acquisition{
			{1, w, "/orders/1"}, {1, w, "/orders/2"}, {1, 0, release}, {2, w, "/orders/2"}, {2, w, "/orders/1"},
		}, []string{"/orders/1 /orders/2"}},
		"InOrderWithinAClass": {[]acquisition{
			{1, w, "/orders/1"}, {1, w, "/orders/2"}, {1, w, "/orders/3"}, {1, 0, release}, {2, w, "/orders/2"}, {2, w, "/orders/7"}, {2, 0, release},
			{3, w, "/orders/1"}, {3, w, "/orders/7"},
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrace()
			for _, a := range c.trace {
				if a.names == release {
					tr.release(a.session)
				} else if !tr.request(a.session, a.mode, strings.Fields(a.names)...) {
					t.Fatalf("%v has to wait", a)
				}
			}
			if diff := cmp.Diff(c.want, got(tr.follower.Learner)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What is kept is bounded, however many locks and clients there are.
// Permits of a semaphore make a cycle only if both requests do not fit, and guard only then.
func TestSemaphores(t *testing.T) {
	slot := func(weight, permits int) Step {
		return Step{Lock: Lock{Name: "/pool/x"}, Mode: keyspace.Slot, Weight: weight, Permits: permits}
	}
	write := func(name string) Step { return Step{Lock: Lock{Name: name}, Mode: keyspace.Write} }
	a, b := write("/a"), write("/b")
	for name, c := range map[string]struct {
		first, second Story
		want          []string
	}{
		"Mutex":         {Story{Held: slot(1, 1), Wanted: a}, Story{Held: a, Wanted: slot(1, 1)}, []string{"/a /pool/x"}},
		"Free":          {Story{Held: slot(1, 2), Wanted: a}, Story{Held: a, Wanted: slot(1, 2)}, nil},
		"Heavy":         {Story{Held: slot(1, 4), Wanted: a}, Story{Held: a, Wanted: slot(4, 4)}, []string{"/a /pool/x"}},
		"FewerPermits":  {Story{Held: slot(1, 4), Wanted: a}, Story{Held: a, Wanted: slot(1, 1)}, []string{"/a /pool/x"}},
		"HeldTwice":     {Story{Held: slot(1, 2), Wanted: a, Gates: []Step{slot(1, 2)}}, Story{Held: a, Wanted: slot(1, 2)}, []string{"/a /pool/x"}},
		"Gate":          {Story{Held: a, Wanted: b, Gates: []Step{slot(2, 3)}}, Story{Held: b, Wanted: a, Gates: []Step{slot(2, 3)}}, nil},
		"GateForBoth":   {Story{Held: a, Wanted: b, Gates: []Step{slot(1, 3)}}, Story{Held: b, Wanted: a, Gates: []Step{slot(2, 3)}}, []string{"/a /b"}},
		"GateHeldTwice": {Story{Held: a, Wanted: b, Gates: []Step{slot(1, 3), slot(1, 3)}}, Story{Held: b, Wanted: a, Gates: []Step{slot(2, 3)}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLearner(lockclass.Rules{}, Limits{})
			c.first.Session, c.second.Session = "1", "2"
			l.Learn(c.first)
			l.Learn(c.second)
			if diff := cmp.Diff(c.want, got(l)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	l := NewLearner(lockclass.Rules{}, Limits{})
	l.Learn(Story{Session: "1", Held: slot(1, 4), Wanted: a})
	l.Learn(Story{Session: "2", Held: slot(4, 4), Wanted: a}) // as the first one, but for its weight
	l.Learn(Story{Session: "3", Held: a, Wanted: slot(1, 4)})
	if got := got(l); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// A follower knows how many permits a request takes.
func TestFollowedSemaphore(t *testing.T) {
	for _, c := range []struct{ permits, want int }{{1, 1}, {2, 0}} {
		pool, a := inspect.LockID{Layout: layout.RWLock, Name: "/pool"}, inspect.LockID{Layout: layout.RWLock, Name: "/a"}
		granted := func(id inspect.LockID, lease, revision int64) inspect.Event {
			r := inspect.Request{Key: fmt.Sprint(id.Name, revision), Lock: id, Mode: keyspace.Write, Lease: lease, Revision: revision, Holding: true}
			if id == pool {
				r.Mode, r.Owned, r.Owner = keyspace.Slot, true, keyspace.Owner{Weight: 1, Permits: c.permits}.Ref()
			}
			return inspect.Event{Kind: inspect.EventGranted, Revision: revision, Request: r}
		}
		gone := func(e inspect.Event) inspect.Event {
			return inspect.Event{Kind: inspect.EventReleased, Request: e.Request}
		}
		first, second := granted(pool, 1, 2), granted(a, 1, 3)
		third, fourth := granted(a, 2, 5), granted(pool, 2, 6)
		f := NewFollower(lockclass.Rules{}, Limits{})
		f.Apply([]inspect.Event{first, second, gone(first), gone(second), third, fourth})
		if got := got(f.Learner); len(got) != c.want {
			t.Errorf("%d permits: %v, want %d", c.permits, got, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	l := NewLearner(lockclass.Rules{}, Limits{Edges: 10, Shapes: 2, Alike: 3, Held: 5, Length: 4, Tries: 1000, Found: 5})
	r := rand.New(rand.NewPCG(1, 1))
	lock := func() Lock { return Lock{Name: fmt.Sprintf("/%c/%d", 'a'+r.IntN(20), r.IntN(1000))} }
	for n := range 20_000 {
		l.Learn(Story{
			Session: fmt.Sprint(n), Held: Step{Lock: lock(), Mode: keyspace.Write}, Wanted: Step{Lock: lock(), Mode: keyspace.Write},
			Gates: []Step{{Lock: lock(), Mode: keyspace.Write}},
		})
	}
	edges, stories := 0, 0
	for _, to := range l.edges {
		for _, e := range to {
			edges++
			for _, alike := range e.shapes {
				stories += len(alike)
			}
		}
	}
	if edges > 10 || stories > 10*2*3 || !l.Full() || len(l.Potentials()) > 5 {
		t.Errorf("%d edges, %d stories, full %v, %d found", edges, stories, l.Full(), len(l.Potentials()))
	}
}

// A lock that is taken by a program under another one's lock is taken after that.
func TestUnder(t *testing.T) {
	id := func(name string) inspect.LockID { return inspect.LockID{Layout: layout.RWLock, Name: name} }
	events := func(outer, inner string, lease int64) []inspect.Event {
		out := inspect.Request{Key: outer + "/w", Lock: id(outer), Mode: keyspace.Write, Lease: lease, Revision: lease, Holding: true}
		in := inspect.Request{
			Key: inner + "/w", Lock: id(inner), Mode: keyspace.Write, Lease: lease + 1, Revision: lease + 1, Holding: true,
			Owned: true, Owner: keyspace.Owner{Under: out.Key}.Ref(),
		}
		return []inspect.Event{
			{Kind: inspect.EventGranted, Revision: out.Revision, Request: out}, {Kind: inspect.EventGranted, Revision: in.Revision, Request: in},
			{Kind: inspect.EventReleased, Request: in}, {Kind: inspect.EventReleased, Request: out},
		}
	}
	f := NewFollower(lockclass.Rules{}, Limits{})
	f.Apply(events("/a", "/b", 10))
	f.Apply(events("/b", "/a", 20))
	if got := got(f.Learner); len(got) != 1 || len(f.held)+len(f.sessions) > 0 {
		t.Errorf("%v, %d requests", got, len(f.held))
	}
}

// A request is learnt from when it is made, whether it waits or not, and once. Of those that
// wait, nothing else is kept.
func TestWaiting(t *testing.T) {
	f := NewFollower(lockclass.Rules{}, Limits{})
	see := func(kind inspect.EventKind, name string, lease, made, now int64) {
		id := inspect.LockID{Layout: layout.RWLock, Name: name}
		f.Apply([]inspect.Event{{Kind: kind, Revision: now, Request: inspect.Request{
			Key: fmt.Sprint(name, "/", made), Lock: id, Mode: keyspace.Write, Lease: lease, Revision: made, Holding: kind == inspect.EventGranted,
		}}})
	}
	see(inspect.EventGranted, "/a", 1, 2, 2)
	see(inspect.EventGranted, "/b", 2, 3, 3)
	see(inspect.EventWaiting, "/b", 1, 4, 4)
	if len(f.held) != 2 || len(got(f.Learner)) != 0 {
		t.Errorf("%d requests are kept, %v", len(f.held), got(f.Learner))
	}
	see(inspect.EventReleased, "/b", 2, 3, 5)
	see(inspect.EventGranted, "/b", 1, 4, 5)
	if kept := f.Kept(); kept != 1 || len(f.held) != 2 {
		t.Errorf("%d stories of one, %d requests", kept, len(f.held))
	}
	see(inspect.EventReleased, "/a", 1, 2, 6)
	see(inspect.EventReleased, "/b", 1, 4, 7)
	see(inspect.EventGranted, "/b", 2, 8, 8)
	see(inspect.EventGranted, "/a", 2, 9, 9)
	if all := got(f.Learner); len(all) != 1 {
		t.Errorf("%v, want one", all)
	}
}

// Of a client that holds very many locks no order is learnt, and that is said: they would be
// as many as the square of them.
func TestManyHeld(t *testing.T) {
	var locks []inspect.Lock
	for i := range int64(30_000) {
		id := inspect.LockID{Layout: layout.RWLock, Name: fmt.Sprintf("/a/%05d", i)}
		locks = append(locks, inspect.NewLock(id, []inspect.Request{
			{Key: fmt.Sprint(id.Name, "/1"), Lock: id, Mode: keyspace.Write, Lease: 1, Revision: 2 + i},
			{Key: fmt.Sprint(id.Name, "/2"), Lock: id, Mode: keyspace.Write, Lease: 1, Revision: 100_000 + i},
		}))
	}
	f := NewFollower(lockclass.Rules{}, ModestLimits)
	f.Begin(time.Time{}, inspect.Snapshot{Locks: locks})
	if f.Kept() != 0 || !f.Full() {
		t.Errorf("%d stories, full %v", f.Kept(), f.Full())
	}
}
