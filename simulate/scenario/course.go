package scenario

import (
	"slices"
	"strconv"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// course walks a client's steps by the locks it holds, for mistakes that would
// show only as errors at run time.
type course struct {
	*reader
	held   map[string]*holding
	paused bool
	over   Action // the step after which none can follow
}

// holding is what one step took and has not given back.
type holding struct {
	locks []rwlock.LockRequest
	mode  rwlock.Mode // of a single lock; 0 when it depends on what came of an upgrade
}

func newCourse(r *reader) *course { return &course{reader: r, held: map[string]*holding{}} }

// follow takes the step whose action stands at p.
func (c *course) follow(p where, s Step) {
	switch {
	case s.Do == "": // which was said
		return
	case c.over != "":
		c.fail(p, "no step can follow %s", c.over)
	case c.paused && s.Do != Wait && s.Do != Resume && s.Do != Crash:
		c.fail(p, "a paused client does nothing but wait, until resume or crash")
	}
	switch s.Do {
	case Read, Write, Together:
		c.take(p, s)
	case Upgrade, Downgrade:
		c.change(p, s)
	case Unlock:
		c.unlock(p, s)
	case Pause:
		c.paused = true
	case Resume:
		if !c.paused {
			c.fail(p, "resume without a pause before it")
		}
		c.paused = false
	case Crash, Close:
		c.over, c.paused, c.held = s.Do, false, map[string]*holding{}
	case Wait:
	}
}

func (c *course) take(p where, s Step) {
	h := &holding{locks: s.Locks}
	if s.Do != Together {
		h.mode = s.Locks[0].Mode
	}
	for _, l := range s.Locks {
		if c.held[l.Name] != nil {
			c.fail(p, "lock %q is taken by an earlier step and not unlocked in between", l.Name)
		}
	}
	for _, l := range s.Locks {
		c.held[l.Name] = h
	}
}

func (c *course) change(p where, s Step) {
	want := s.Locks[0]
	h := c.held[want.Name]
	switch {
	case h == nil:
		c.fail(p, "%s of lock %q, which no earlier step of this client holds", s.Do, want.Name)
		return
	case len(h.locks) > 1:
		c.fail(p, "lock %q was taken together with others, which cannot be changed apart", want.Name)
	case h.mode == want.Mode:
		c.fail(p, "%s of lock %q, which is held for %s already", s.Do, want.Name, gerund(h.mode))
	}
	if h.mode = want.Mode; s.Do == Upgrade {
		h.mode = 0 // it may be refused
	}
}

func gerund(m rwlock.Mode) string {
	if m == rwlock.Read {
		return "reading"
	}
	return "writing"
}

func (c *course) unlock(p where, s Step) {
	for _, l := range s.Locks {
		h := c.held[l.Name]
		switch {
		case h == nil:
			c.fail(p, "unknown lock %q: no earlier step of this client holds it", l.Name)
		case !sameNames(h.locks, s.Locks):
			c.fail(p, "unlock what was taken by one step in one step: %s", Names(h.locks))
		}
	}
	for _, l := range s.Locks {
		delete(c.held, l.Name)
	}
}

// Names lists the names of locks.
func Names(locks []rwlock.LockRequest) string {
	quoted := make([]string, len(locks))
	for i, l := range locks {
		quoted[i] = strconv.Quote(l.Name)
	}
	return format.List(quoted, "and")
}

func sameNames(a, b []rwlock.LockRequest) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(w rwlock.LockRequest) bool { return !About(b, w.Name) })
}

// About reports whether name is one of locks.
func About(locks []rwlock.LockRequest, name string) bool {
	return slices.ContainsFunc(locks, func(w rwlock.LockRequest) bool { return w.Name == name })
}

// end looks at how the client is left after its last step.
func (c *course) end(p where, repeat int) {
	switch {
	case c.paused:
		c.fail(p[:len(p)-1].to("steps"), "a pause needs a resume or a crash after it")
	case repeat > 1 && c.over != "":
		c.fail(p, "the steps cannot be repeated after %s", c.over)
	case repeat > 1 && len(c.held) > 0:
		c.fail(p, "the steps cannot be repeated while a lock is held: unlock it at their end")
	}
}
