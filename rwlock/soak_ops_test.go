package rwlock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"
)

// job is all that a client decides about one hold before it begins.
type job struct {
	kind     string
	wants    []rwlock.LockRequest
	moves    []rwlock.Mode // to what the hold is upgraded or downgraded
	patience time.Duration
	hold     time.Duration // in each stage
}

// draw decides what to do next.
func (c *client) draw() job {
	j := job{hold: between(c.rng, 0, 30*time.Millisecond)}
	// More short ones than long ones: who waits for a dead client does nothing else.
	j.patience = between(c.rng, 500*time.Millisecond, 500*time.Millisecond+between(c.rng, 1, 4500*time.Millisecond))
	if c.rng.IntN(10) == 0 { // long enough to be hit
		j.hold = between(c.rng, 200*time.Millisecond, time.Second)
	}
	first, shift := c.rng.IntN(len(c.names)), 1+c.rng.IntN(len(c.names)-1)
	want := func(i int, m rwlock.Mode) rwlock.LockRequest {
		return rwlock.LockRequest{Name: c.names[i%len(c.names)], Mode: m}
	}
	either := []rwlock.Mode{rwlock.Read, rwlock.Write}[c.rng.IntN(2)]
	mode := rwlock.Write
	switch n := c.rng.IntN(100); {
	case n < 30:
		j.kind, mode = "RLock", rwlock.Read
	case n < 55:
		j.kind = "RWLock"
	case n < 64:
		j.kind, mode = "TryRLock", rwlock.Read
	case n < 72:
		j.kind = "TryRWLock"
	case n < 84:
		j.kind = "Set"
		j.wants = append(j.wants, want(first+shift, either))
	case n < 92:
		j.kind, mode, j.moves = "TryUpgrade", rwlock.Read, []rwlock.Mode{rwlock.Write, rwlock.Read}[:1+c.rng.IntN(2)]
	default:
		j.kind, j.moves = "Downgrade", []rwlock.Mode{rwlock.Read}
	}
	j.wants = append(j.wants, want(first, mode))
	return j
}

// held is what RWMutex and Set have in common.
type held interface {
	Unlock() error
	Lost() <-chan struct{}
	Token() int64
}

// locks returns what the job takes, and how.
func (j job) locks(s *rwlock.Session, opts ...rwlock.Option) (held, func(context.Context) error) {
	if j.kind == "Set" {
		set := s.NewSet(j.wants, opts...)
		return set, set.Lock
	}
	if j.kind == "Downgrade" {
		opts = append(opts, rwlock.WithDowngrade())
	}
	m := s.NewRWMutex(j.wants[0].Name, opts...)
	switch {
	case j.kind == "TryRLock":
		return m, m.TryRLock
	case j.kind == "TryRWLock":
		return m, m.TryRWLock
	case j.wants[0].Mode == rwlock.Read:
		return m, m.RLock
	default:
		return m, m.RWLock
	}
}

// tenancy is one hold while it lasts.
type tenancy struct {
	*client
	job
	held
	process *process
	session *rwlock.Session
	lost    <-chan struct{}
	grants  []*verify.Hold // one for each name

	given   chan struct{} // closes when the client gives the hold up
	watched chan struct{} // closes when lostAt will not change any more
	lostAt  time.Duration // when Lost closed, or 0
}

// work does a job, and reports whether it came to hold its locks.
func (c *client) work(ctx context.Context, p *process, s *rwlock.Session, j job) bool {
	hook := c.trace.Hook(fmt.Sprintf("client %d", c.id), func() bool { return p.died.Load() != 0 })
	lock, acquire := j.locks(s, rwlock.WithHook(hook))
	short, cancel := context.WithTimeout(ctx, j.patience)
	defer cancel()
	c.phase.Store(waiting)
	defer c.phase.Store(idle)
	call := now()
	err := acquire(short)
	ret := now()
	if err != nil || ret > p.death() {
		c.failed(short, p, j, err)
		return false
	}
	c.tally.count("operations: " + j.kind)
	t := &tenancy{client: c, job: j, held: lock, process: p, session: s, lost: lock.Lost(),
		given: make(chan struct{}), watched: make(chan struct{})}
	t.begin(call, ret)
	c.phase.Store(holding)
	ended := t.keep(ctx)
	for _, mode := range j.moves {
		if ended {
			break
		}
		if t.mode() != mode { // else an upgrade was refused, and there is nothing to undo
			ended = !t.move(ctx, mode) || t.keep(ctx)
		}
	}
	t.end()
	return true
}

// failed looks at an acquisition that did not come to be.
func (c *client) failed(ctx context.Context, p *process, j job, err error) {
	why := "session expired"
	switch {
	case p.died.Load() != 0:
		why = "client was killed"
	case errors.Is(err, rwlock.ErrLocked):
		why = "locked"
	case errors.Is(err, rwlock.ErrLost):
		why = "lost while waiting"
	case errors.Is(err, rwlock.ErrSessionExpired):
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		why = "context ended"
		if deadline, ok := ctx.Deadline(); ok && time.Since(deadline) > c.tally.tolerance() {
			c.tally.violation("client %d: %s of %v returned %s after its context", c.id, j.kind, j.wants, time.Since(deadline))
		}
	case strings.Contains(err.Error(), etcdtest.LostReply):
		why = "a reply was lost"
	case c.tally.happened(noSpace) && errors.Is(err, rpctypes.ErrNoSpace), c.tally.happened(corrupt) && errors.Is(err, rpctypes.ErrCorrupt):
		why = "refused by an alarm"
	default:
		c.tally.violation("client %d: %s of %v: %v", c.id, j.kind, j.wants, err)
	}
	c.tally.count("not acquired: " + why)
	c.tally.note("client %d: not acquired: %s %v: %v", c.id, j.kind, j.wants, err)
}

func (t *tenancy) begin(call, ret time.Duration) {
	for _, w := range t.wants {
		t.grants = append(t.grants, &verify.Hold{
			Client: fmt.Sprintf("client %d", t.id), Lock: w.Name,
			Stages: []verify.Stage{{Mode: w.Mode, Token: t.Token(), Asked: call, Granted: ret}},
		})
	}
	t.client.grants = append(t.client.grants, t.grants...)
	go func() {
		defer close(t.watched)
		select {
		case <-t.lost:
			t.lostAt = now()
		case <-t.given:
		}
	}()
}

// mode is how the first of the locks is held.
func (t *tenancy) mode() rwlock.Mode {
	stages := t.grants[0].Stages
	return stages[len(stages)-1].Mode
}

// keep holds for as long as the job says, and reports whether it ended before.
func (t *tenancy) keep(ctx context.Context) bool {
	timer := time.NewTimer(t.hold)
	defer timer.Stop()
	ended := false
	select {
	case <-t.process.killed:
		ended = true
	case <-t.lost:
		ended = true
	case <-timer.C:
		if enough := t.clinging.Load(); enough != nil {
			ended = t.cling(ctx, *enough)
		}
	case <-ctx.Done():
	}
	return ended
}

// cling holds until that ends, or it is enough.
func (t *tenancy) cling(ctx context.Context, enough <-chan struct{}) bool {
	select {
	case <-t.process.killed:
		return true
	case <-t.lost:
		return true
	case <-enough:
		return false
	case <-ctx.Done():
		return false
	}
}

// move upgrades or downgrades, and reports whether the hold may go on.
func (t *tenancy) move(ctx context.Context, mode rwlock.Mode) bool {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	m := t.held.(*rwlock.RWMutex)
	call, what := now(), "downgrades"
	var err error
	if mode == rwlock.Write {
		what = "upgrades"
		err = m.TryUpgrade(ctx)
	} else {
		err = m.Downgrade(ctx)
	}
	ret := now()
	switch {
	case ret > t.process.death():
		return false
	case err == nil:
		t.tally.count(what + ": done")
	case errors.Is(err, rwlock.ErrLocked):
		t.tally.count(what + ": refused")
	default:
		t.tally.count(what + ": failed")
	}
	t.tally.note("client %d: from %s %v to %s: %v", t.id, t.mode(), t.wants, mode, err)
	unsure := err != nil
	if mode == rwlock.Write && unsure { // it is held for reading as before
		return errors.Is(err, rwlock.ErrLocked)
	}
	g := t.grants[0]
	g.Stages = append(g.Stages, verify.Stage{Mode: mode, Token: t.Token(), Asked: call, Granted: ret, Unsure: unsure})
	return true
}

// end gives the hold up, or finds that it ended by itself.
func (t *tenancy) end() {
	known := now()
	close(t.given)
	<-t.watched
	if t.lostAt != 0 {
		known = t.lostAt
	}
	how, over := t.unlock()
	t.tally.count("holds: " + how)
	known = min(known, t.process.death())
	deadline := at(t.session.Deadline())
	if late := known - deadline; late > t.tally.tolerance() {
		t.tally.violation("client %d believed in %v for %s after the end of its session", t.id, t.wants, late)
	}
	for _, g := range t.grants {
		g.Known, g.End, g.Released = known, min(known, deadline), over
		for i, s := range g.Stages {
			g.Stages[i].Unsure = s.Unsure || i > 0 && s.Mode == rwlock.Read && s.Asked > g.End
		}
	}
}

// unlock says how the hold ended and, if it was unlocked, when that was over.
func (t *tenancy) unlock() (how string, over time.Duration) {
	call, err := now(), t.Unlock()
	ret := now()
	t.tally.note("client %d: unlock of %v, called at %s: %v", t.id, t.wants, clock(call), err)
	switch {
	case t.process.died.Load() != 0:
		return "client was killed", 0
	case t.lostAt != 0:
		t.mayBeLost(t.lostAt)
		return "lost", 0
	case err == nil:
		return "unlocked", ret
	case errors.Is(err, rwlock.ErrLost):
		t.mayBeLost(ret)
		return "found lost by Unlock", 0
	default:
		return "unlock unsure", 0
	}
}

// revoking is how long a member that was paused may go on to end leases.
const revoking = time.Second

// mayBeLost checks that nobody took the locks before the session may have
// run out. A member that led and was paused may, for a moment, end leases that
// another leader keeps, or answer renewals that the other does not know of: it
// trusts in leading when its clock has just ticked.
func (t *tenancy) mayBeLost(when time.Duration) {
	early := at(t.session.Deadline()) - when
	switch resumed := time.Duration(t.tally.resumed.Load()); {
	case early <= 0:
	case resumed > 0 && when < resumed+t.session.TTL()+revoking:
		t.tally.count("holds: etcd took them early, after a member was paused")
	default:
		t.tally.violation("client %d lost %v %s before the end of its session", t.id, t.wants, early)
	}
}
