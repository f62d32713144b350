package order

import (
	"slices"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/lockclass"
)

// Follower learns orders from what a watch or a recording says of locks. It is not safe for
// concurrent use.
type Follower struct {
	*Learner
	requests map[string]*request // by key
	sessions map[inspect.SessionID][]*request
}

// request is a request that exists.
type request struct {
	Step
	key     string
	session inspect.SessionID
	under   string // the key of the request under whose lock the client runs
	owner   keyspace.Owner
	holding bool
}

// NewFollower returns a follower that knows no locks.
func NewFollower(rules lockclass.Rules, limits Limits) *Follower {
	return &Follower{
		Learner: NewLearner(rules, limits), requests: map[string]*request{}, sessions: map[inspect.SessionID][]*request{},
	}
}

// Begin takes in the locks at the start. Of locks that a client holds, it is not known in
// which order it acquired them; what it waits for, it waits for while it holds them.
func (f *Follower) Begin(t time.Time, s inspect.Snapshot) {
	var waiting []*request
	for i := range s.Locks {
		for j := range s.Locks[i].Queue {
			r := &s.Locks[i].Queue[j]
			if r.Vacant() || r.Encrypted {
				continue
			}
			if n := f.add(r); !n.holding {
				waiting = append(waiting, n)
			}
		}
	}
	for _, n := range waiting {
		f.learn(n, t)
	}
}

// Gap takes in the locks after a time in which not all events were seen.
func (f *Follower) Gap(t time.Time, s inspect.Snapshot) {
	clear(f.requests)
	clear(f.sessions)
	f.Begin(t, s)
}

// Advance does nothing: orders have no time of their own.
func (f *Follower) Advance(time.Time) {}

// ClockSet does nothing.
func (f *Follower) ClockSet(time.Time, time.Duration) {}

// Apply takes in events, in their order.
func (f *Follower) Apply(events []inspect.Event) {
	for i := range events {
		e := &events[i]
		known, ok := f.requests[e.Request.Key]
		switch {
		case e.Kind.OfOther():
		case e.Kind.Gone():
			if ok {
				f.remove(known)
			}
		case ok:
			known.holding = e.Request.Holding
		default:
			f.learn(f.add(&e.Request), e.Time)
		}
	}
}

func (f *Follower) add(r *inspect.Request) *request {
	owner := r.Owner.Value()
	n := &request{
		Step: Step{Lock: Lock{Name: r.Lock.Name, Layout: r.Lock.Layout.String()}, Mode: r.Mode, Revision: r.Revision},
		key:  r.Key, session: r.Session(), under: owner.Under, owner: owner, holding: r.Holding,
	}
	if n.Mode == keyspace.Slot { // others may write anything there
		n.Weight, n.Permits = owner.Weight, owner.Permits
	}
	f.requests[n.key] = n
	f.sessions[n.session] = append(f.sessions[n.session], n)
	return n
}

func (f *Follower) remove(n *request) {
	delete(f.requests, n.key)
	rest := slices.DeleteFunc(f.sessions[n.session], func(o *request) bool { return o == n })
	if len(rest) == 0 {
		delete(f.sessions, n.session)
		return
	}
	f.sessions[n.session] = rest
}

// learn learns from a request that its client has just made.
func (f *Follower) learn(n *request, t time.Time) {
	own := f.sessions[n.session]
	if len(own) == 1 && n.under == "" { // as usual
		return
	}
	var held []Step
	for _, o := range f.before(n) {
		held = append(held, o.Step)
	}
	if len(held) == 0 && len(own) == 1 {
		return
	}
	story := Story{Session: n.session.String(), Who: format.Client(n.owner, n.session.Lease, n.key), Wanted: n.Step, Time: t}
	for i, h := range held {
		story.Held, story.Gates = h, slices.Delete(slices.Clone(held), i, i+1)
		f.Learn(story)
	}
	for _, o := range own {
		if o == n || o.Revision != n.Revision {
			continue
		}
		story.Together, story.Gates = true, held
		story.Held, story.Wanted = o.Step, n.Step
		f.Learn(story)
		story.Held, story.Wanted = n.Step, o.Step
		f.Learn(story)
	}
}

// before returns the requests by which a client held locks when it made a request: its own,
// and that of the program under whose lock it runs.
func (f *Follower) before(n *request) []*request {
	var all []*request
	add := func(list []*request) {
		for _, o := range list {
			if o.holding && o.Revision < n.Revision {
				all = append(all, o)
			}
		}
	}
	add(f.sessions[n.session])
	if under, ok := f.requests[n.under]; ok && under.session != n.session {
		add(f.sessions[under.session])
	}
	return all
}
