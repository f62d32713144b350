package scenario

import (
	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/lockset"
)

// course follows the locks that a client holds from step to step, to find mistakes that
// would otherwise be errors of a run.
type course struct {
	*reader
	held   map[string]*holding
	paused bool
	over   Action // crash or close: no step can follow
}

// holding is what one step acquired and no step has released.
type holding struct {
	locks []rwlock.LockRequest
	mode  rwlock.Mode // of a single lock; 0 after an upgrade, which may be refused
}

func newCourse(r *reader) *course { return &course{reader: r, held: map[string]*holding{}} }

// follow follows a step, whose action is at p.
func (c *course) follow(p where, s Step) {
	switch {
	case s.Do == "": // which is an error already
		return
	case c.over != "":
		c.fail(p, "no step can follow %s", c.over)
	case c.paused && s.Do != Wait && s.Do != Resume && s.Do != Crash:
		c.fail(p, "a paused client can only wait, until resume or crash")
	}
	switch s.Do {
	case Read, Write, Slot, Together:
		c.take(p, s)
	case Upgrade, Downgrade:
		c.change(p, s)
	case Unlock:
		c.unlock(p, s)
	case Pause:
		c.paused = true
	case Resume:
		if !c.paused {
			c.fail(p, "resume without a pause")
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
			c.fail(p, "lock %q is held since an earlier step: unlock it first", l.Name)
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
		c.fail(p, "lock %q was acquired together with others, and cannot be changed alone", want.Name)
	case h.mode == want.Mode:
		c.fail(p, "%s of lock %q, which is already held for %s", s.Do, want.Name, gerund(h.mode))
	}
	if h.mode = want.Mode; s.Do == Upgrade {
		h.mode = 0
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
		case !lockset.SameNames(h.locks, s.Locks):
			c.fail(p, "unlock exactly the locks that one step acquired: %s", lockset.Quoted(h.locks))
		}
	}
	for _, l := range s.Locks {
		delete(c.held, l.Name)
	}
}

// end checks the state of the client after its last step.
func (c *course) end(p where, repeat int) {
	switch {
	case c.paused:
		c.fail(p[:len(p)-1].To("steps"), "pause must be followed by resume or crash")
	case repeat > 1 && c.over != "":
		c.fail(p, "steps cannot be repeated after %s", c.over)
	case repeat > 1 && len(c.held) > 0:
		c.fail(p, "steps cannot be repeated while a lock is held: unlock it at the end")
	}
}
