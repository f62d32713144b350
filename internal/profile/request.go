package profile

import (
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// lock returns the lock of that ID.
func (c *Collector) lock(id inspect.LockID) *lock {
	l, ok := c.locks[id]
	if !ok {
		l = &lock{class: c.recentName.id(id.Name)}
		c.locks[id] = l
		if !id.Layout.Waiters {
			groupAt(&c.classes, l.class).unrecorded = true
		}
	}
	return l
}

// forget forgets a lock that has no requests.
func (c *Collector) forget(id inspect.LockID, l *lock) {
	if len(l.holders)+len(l.waiters)+len(l.others) == 0 {
		delete(c.locks, id)
	}
}

// session returns the session of a request.
func (c *Collector) session(r *inspect.Request) *session {
	if r.Lease == 0 {
		return &session{}
	}
	s, ok := c.sessions[r.Lease]
	if !ok {
		s = &session{}
		c.sessions[r.Lease] = s
	}
	return s
}

// owner returns the number of the owner of a request: its label, or its program, or its
// host, without the numbers in it, so that the processes of a program are one.
func (c *Collector) owner(r *inspect.Request) int32 {
	return c.recentWho.id(Owner(r.Owner.Value()))
}

// Owner returns what the processes of a client have in common: the label, else the program,
// else the host.
func Owner(o keyspace.Owner) string {
	switch {
	case o.Label != "":
		return o.Label
	case o.Program != "":
		return o.Program
	case o.Host != "":
		return o.Host
	default:
		return "(unnamed)"
	}
}

// begun returns when a request began to hold or to wait, and whether that was seen.
func (c *Collector) begun(r *inspect.Request) (time.Duration, bool) {
	if !r.Saw || r.Seen.IsZero() {
		return c.elapsed, false
	}
	return c.elapsed - max(c.now.Sub(r.Seen), 0), true
}

// enter takes in a request that was not known.
func (c *Collector) enter(r *inspect.Request) {
	e := &entry{lock: c.lock(r.Lock), owner: c.owner(r), session: c.session(r), key: r.Key, lease: r.Lease, holding: r.Holding}
	key := r.Owner.Value().Under
	if under, ok := c.entries[key]; ok && under.holding && under.session != e.session && key != "" {
		e.under = under.session
	}
	e.since, e.saw = c.begun(r)
	c.entries[r.Key] = e
	e.place()
	c.begin(e)
}

// place adds a request to its lock and its session.
func (e *entry) place() {
	if e.holding {
		e.lock.holders = append(e.lock.holders, e)
	} else {
		e.lock.waiters = append(e.lock.waiters, e)
	}
}

// begin takes in that a request holds or waits from now on, or did before.
func (c *Collector) begin(e *entry) {
	class, owner := groupAt(&c.classes, e.lock.class), groupAt(&c.owners, e.owner)
	class.see(c.now)
	owner.see(c.now)
	if e.holding {
		e.session.holds = append(e.session.holds, e)
	} else {
		e.counted, e.chain, e.chained, e.cut = c.elapsed, 0, c.elapsed, !e.saw || e.since < c.elapsed
		e.session.waits = append(e.session.waits, e)
		if e.under != nil {
			e.under.waits = append(e.under.waits, e)
			c.touchHeld(e.under)
		}
		c.touchHeld(e.session)
	}
	c.touch(e.lock)
}

// end takes in that a request does not hold or wait any more. With atLeast, it ended at
// some time since then.
func (c *Collector) end(e *entry, atLeast bool) {
	class, owner := groupAt(&c.classes, e.lock.class), groupAt(&c.owners, e.owner)
	lasted, atLeast := c.elapsed-e.since, atLeast || !e.saw
	if e.holding {
		class.hold.add(lasted, atLeast)
		owner.hold.add(lasted, atLeast)
		e.lock.holders = without(e.lock.holders, e)
		e.session.holds = without(e.session.holds, e)
	} else {
		c.count(e)
		c.endChain(e)
		class.wait.add(lasted, atLeast)
		owner.wait.add(lasted, atLeast)
		e.lock.waiters = without(e.lock.waiters, e)
		e.session.waits = without(e.session.waits, e)
		if e.under != nil {
			e.under.waits = without(e.under.waits, e)
			c.touchHeld(e.under)
		}
		c.touchHeld(e.session)
	}
	class.see(c.now)
	owner.see(c.now)
	c.touch(e.lock)
}

// leave takes in that a request is gone.
func (c *Collector) leave(e *entry, atLeast bool) {
	c.end(e, atLeast)
	delete(c.entries, e.key)
	if len(e.session.holds)+len(e.session.waits) == 0 {
		delete(c.sessions, e.lease)
	}
}

// change takes in that a request waited and holds, or the other way around.
func (c *Collector) change(e *entry, holding, seen bool) {
	c.end(e, !seen)
	e.holding, e.since, e.saw = holding, c.elapsed, seen
	e.place()
	c.begin(e)
}

func without(list []*entry, e *entry) []*entry {
	if len(list) > 0 && list[0] == e { // as usual
		list[0] = nil
		return list[1:]
	}
	i := slices.Index(list, e)
	if i < 0 {
		return list
	}
	return slices.Delete(list, i, i+1)
}

// touch notes that the waiters of a lock may wait for others now. Where there are none,
// nothing is followed.
func (c *Collector) touch(l *lock) {
	switch {
	case len(l.waiters) == 0:
		l.step = step{}
	case !l.dirty:
		l.dirty = true
		c.moved = append(c.moved, l)
	}
}

// touchHeld is touch for the locks that a session holds.
func (c *Collector) touchHeld(s *session) {
	for _, e := range s.holds {
		c.touch(e.lock)
	}
}

// settle finds for whom waiters wait after what has happened at one moment.
func (c *Collector) settle() {
	for done := 0; done != len(c.moved); done++ { // it grows
		c.settleLock(c.moved[done])
	}
	for i, l := range c.moved {
		l.dirty, l.forced, l.found = false, false, false
		c.moved[i] = nil
	}
	for i, s := range c.reached {
		s.reached = false
		c.reached[i] = nil
	}
	c.moved, c.reached = c.moved[:0], c.reached[:0]
}

// reach has the tails of the locks that a session holds found anew. It does so once: of very
// many locks in one deadlock, each is behind all sessions.
func (c *Collector) reach(s *session) {
	if s.reached {
		return
	}
	s.reached = true
	c.reached = append(c.reached, s)
	for _, e := range s.holds {
		l := e.lock
		c.touch(l)
		if l.dirty && !l.forced {
			l.forced = true
			c.moved = append(c.moved, l) // it may have been settled already
		}
	}
}

// settleLock finds for whom the waiters of a lock wait. A tail follows from the steps along
// it, so as long as none of them is another one, there is nothing to follow.
func (c *Collector) settleLock(l *lock) {
	if l.found {
		return
	}
	before := l.tail
	if s := c.step(l); s != l.step || l.forced {
		l.step, l.found = s, true
		l.tail = c.tail(l, 0)
	}
	c.chainWaiters(l, l.tail != before)
	if l.tail != before || l.found && c.chains.end(l.tail) == EndDeadlock { // a cycle looks different from each of its members
		for _, w := range l.waiters {
			c.reach(w.session)
			if w.under != nil {
				c.reach(w.under)
			}
		}
	}
	if head := l.headSession(); head != l.head { // for these, it is another question whether they wait behind themselves
		for _, s := range []*session{head, l.head} {
			if s != nil {
				c.touchHeld(s)
			}
		}
		l.head = head
	}
}

// chainWaiters has the waiters of a lock wait for its tail; unless that is another one, those
// that do not yet, which are the last ones.
func (c *Collector) chainWaiters(l *lock, all bool) {
	for i := len(l.waiters) - 1; i >= 0; i-- {
		w := l.waiters[i]
		if !all && w.chain != other {
			break
		}
		if chain := c.chains.id(w.owner, l.tail); chain != w.chain {
			c.count(w)
			c.endChain(w)
			w.chain, w.chained, w.cut = chain, c.elapsed, w.cut && w.chain == other
		}
	}
}

// headSession returns the session of the first holder; nil if there is none.
func (l *lock) headSession() *session {
	if len(l.holders) == 0 {
		return nil
	}
	return l.holders[0].session
}
