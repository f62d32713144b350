package order

import (
	"slices"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/lockclass"
)

// Follower learns orders from what a watch or a recording says of locks. It keeps the requests
// that hold locks, of which there are mostly far fewer than of those that wait. It is not safe
// for concurrent use.
type Follower struct {
	*Learner
	held     map[string]*request              // by key
	sessions map[inspect.SessionID][]*request // the same by session
	revision int64                            // that is being applied
	waiting  map[inspect.SessionID][]*request // requests of that revision
}

// request is a request that exists.
type request struct {
	Step
	key     string
	session inspect.SessionID
	owner   keyspace.OwnerRef
}

// NewFollower returns a follower that knows no locks.
func NewFollower(rules lockclass.Rules, limits Limits) *Follower {
	return &Follower{
		Learner: NewLearner(rules, limits), held: map[string]*request{}, sessions: map[inspect.SessionID][]*request{},
		waiting: map[inspect.SessionID][]*request{},
	}
}

// Begin takes in the locks at the start. Of locks that a client holds, it is not known in
// which order it acquired them; what it waits for, it waits for while it holds them.
func (f *Follower) Begin(t time.Time, s inspect.Snapshot) {
	var waiting []*inspect.Request
	for i := range s.Locks {
		for j := range s.Locks[i].Queue {
			switch r := &s.Locks[i].Queue[j]; {
			case r.Vacant(), r.Encrypted:
			case r.Holding:
				f.hold(newRequest(r))
			default:
				waiting = append(waiting, r)
			}
		}
	}
	slices.SortFunc(waiting, (*inspect.Request).ComparePlace)
	for _, r := range waiting {
		f.request(r, t)
	}
}

// Gap takes in the locks after a time in which not all events were seen.
func (f *Follower) Gap(t time.Time, s inspect.Snapshot) {
	clear(f.held)
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
		known, ok := f.held[e.Request.Key]
		switch {
		case e.Kind.OfOther():
		case e.Kind.Gone():
			if ok {
				f.remove(known)
			}
		case ok:
			if !e.Request.Holding {
				f.remove(known)
			}
		case e.Request.Revision == e.Revision:
			f.request(&e.Request, e.Time)
		case e.Request.Holding: // it has waited, and was learnt from then
			f.hold(newRequest(&e.Request))
		}
	}
}

func newRequest(r *inspect.Request) *request {
	n := &request{
		Step: Step{Lock: Lock{Name: r.Lock.Name, Layout: r.Lock.Layout.String()}, Mode: r.Mode, Revision: r.Revision},
		key:  r.Key, session: r.Session(), owner: r.Owner,
	}
	if n.Mode == keyspace.Slot { // others may write anything there
		owner := r.Owner.Value()
		n.Weight, n.Permits = owner.Weight, owner.Permits
	}
	return n
}

// request takes in a request that its client has just made, and learns from it.
func (f *Follower) request(r *inspect.Request, t time.Time) {
	if r.Revision != f.revision {
		f.revision = r.Revision
		clear(f.waiting)
	}
	n := newRequest(r)
	f.learn(n, t)
	if r.Holding {
		f.hold(n)
	} else {
		f.waiting[n.session] = append(f.waiting[n.session], n)
	}
}

func (f *Follower) hold(n *request) {
	f.held[n.key] = n
	f.sessions[n.session] = append(f.sessions[n.session], n)
}

func (f *Follower) remove(n *request) {
	delete(f.held, n.key)
	rest := slices.DeleteFunc(f.sessions[n.session], func(o *request) bool { return o == n })
	if len(rest) == 0 {
		delete(f.sessions, n.session)
		return
	}
	f.sessions[n.session] = rest
}

// learn learns from a request that is not among the others yet.
func (f *Follower) learn(n *request, t time.Time) {
	own, outer, waiting := f.sessions[n.session], f.outer(n), f.waiting[n.session]
	switch count := len(own) + len(outer) + len(waiting); {
	case count == 0: // as usual
		return
	case count > f.limits.Held:
		f.full = true
		return
	}
	held, together := before(n, own, outer), slices.Clone(waiting)
	for _, o := range own {
		if o.Revision == n.Revision {
			together = append(together, o)
		}
	}
	if len(held)+len(together) == 0 {
		return
	}
	story := Story{Session: n.session.String(), Who: format.Client(n.owner.Value(), n.session.Lease, n.key), Wanted: n.Step, Time: t}
	for i, h := range held {
		story.Held, story.Gates = h, slices.Delete(slices.Clone(held), i, i+1)
		f.Learn(story)
	}
	for _, o := range together {
		story.Together, story.Gates = true, held
		story.Held, story.Wanted = o.Step, n.Step
		f.Learn(story)
		story.Held, story.Wanted = n.Step, o.Step
		f.Learn(story)
	}
}

// outer returns the requests by which the program holds locks under whose lock a client runs.
func (f *Follower) outer(n *request) []*request {
	under := f.held[n.owner.Value().Under]
	if under == nil || under.session == n.session {
		return nil
	}
	return f.sessions[under.session]
}

// before returns the steps by which locks were held when a request was made.
func before(n *request, lists ...[]*request) []Step {
	var all []Step
	for _, o := range slices.Concat(lists...) {
		if o.Revision < n.Revision {
			all = append(all, o.Step)
		}
	}
	return all
}
