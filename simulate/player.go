package simulate

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/gate"
	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// player runs the script of one client.
type player struct {
	plan.Script
	prefix  string // put before the names of its locks
	clock   *Clock
	ledger  *ledger
	gate    *gate.Gate
	client  *clientv3.Client
	session *rwlock.Session
	locks   locks.Locker
	holds   map[string]*held // by lock name
	slack   time.Duration    // by how much it may be notified too late
	left    atomic.Bool      // it closed its session, or crashed
}

// held is what one step acquired.
type held struct {
	locks.Hold
	result *outcome.StepResult
	notes  []*notedHold
}

// play runs the steps until they or ctx end. A wait is not run by itself: it delays
// the next step.
func (p *player) play(ctx context.Context, start time.Duration) {
	due := plan.Later(start, p.After)
	for i := 0; i < len(p.Steps) && !p.left.Load(); i++ {
		s := p.Steps[i]
		if s.Do == scenario.Wait {
			due = plan.Later(due, s.WaitFor)
			continue
		}
		if !p.clock.wait(ctx, due, s.Result(p.Name).String()) {
			return
		}
		if !p.run(ctx, s) {
			i = s.End
		}
		_, due = p.clock.read()
	}
	if _, now := p.clock.read(); due > now && !p.left.Load() {
		p.clock.wait(ctx, due, "")
	}
}

// run runs one step. It returns false for an acquisition that was not granted.
func (p *player) run(ctx context.Context, s plan.Step) bool {
	switch s.Do {
	case scenario.Read, scenario.Write, scenario.Slot, scenario.Together:
		return p.acquire(ctx, s)
	case scenario.Upgrade:
		p.upgrade(ctx, s)
	case scenario.Downgrade:
		p.downgrade(ctx, s)
	case scenario.Unlock:
		p.unlock(s)
	case scenario.Pause:
		p.gate.Shut()
		p.ledger.say(s.Paused(p.Name))
	case scenario.Resume:
		p.ledger.say(s.Resumed(p.Name))
		p.gate.Open()
	case scenario.Crash:
		p.crash(s)
	case scenario.Close:
		p.close(s)
	}
	return true
}

// begin notes a step that requests something.
func (p *player) begin(s plan.Step) *outcome.StepResult {
	result := s.Result(p.Name)
	p.ledger.begins(result)
	p.ledger.say(s.Asked(p.Name))
	return result
}

// upgrade requests an upgrade of a lock, if it was granted at all.
func (p *player) upgrade(ctx context.Context, s plan.Step) {
	h := p.holds[s.Locks[0].Name]
	if h == nil {
		return
	}
	result, asked := p.begin(s), p.ledger.instant()
	timed, cancel := p.deadline(ctx, s)
	defer cancel()
	if err := h.Hold.(locks.Changeable).TryUpgrade(timed); err != nil {
		p.notGranted(ctx, s, result, asked, err)
		return
	}
	e, now := s.Granted(p.Name, h.Token()), p.ledger.instant()
	asked.waited(&e, now)
	p.ledger.changed(h.notes, verify.Stage{Mode: rwlock.Write, Token: e.Token, Asked: asked.real, Granted: now.real})
	p.ledger.granted(result, e)
}

// downgrade downgrades a lock. From the call on, the client holds it for reading.
func (p *player) downgrade(ctx context.Context, s plan.Step) {
	h := p.holds[s.Locks[0].Name]
	if h == nil {
		return
	}
	asked := p.ledger.now()
	p.ledger.release(s.Locks, func() outcome.Event {
		timed, cancel := p.deadline(ctx, s)
		defer cancel()
		e := s.Downgraded(p.Name)
		err := h.Hold.(locks.Changeable).Downgrade(timed)
		if err != nil {
			e = s.Failed(p.Name, err)
		}
		e.Token = h.Token()
		p.ledger.changed(h.notes, verify.Stage{
			Mode: rwlock.Read, Token: e.Token, Asked: asked, Granted: p.ledger.now(), Unsure: err != nil,
		})
		return e
	})
}

// unlock releases what an earlier step acquired, if it was granted at all. Sometimes
// the client learns only here that the lock was lost.
func (p *player) unlock(s plan.Step) {
	h := p.holds[s.Locks[0].Name]
	if h == nil {
		return
	}
	for _, l := range s.Locks {
		delete(p.holds, l.Name)
	}
	token := h.Token()
	p.ledger.ended(h.notes, p.session.Deadline())
	p.ledger.release(s.Locks, func() outcome.Event {
		e := s.Released(p.Name)
		switch err := h.Unlock(); {
		case err == nil:
			p.ledger.confirmed(h.notes)
		case errors.Is(err, rwlock.ErrLost):
			p.lost(h, token, err)
			e = s.Failed(p.Name, err)
		default:
			e = s.Failed(p.Name, err)
		}
		e.Token = token
		return e
	})
}

// crash ends the client without telling etcd.
func (p *player) crash(s plan.Step) {
	p.left.Store(true)
	p.dropAll()
	p.ledger.say(s.Crashed(p.Name))
	p.gate.Crash()
	_ = p.client.Close()
}

// close closes the session, which releases everything that it holds.
func (p *player) close(s plan.Step) {
	var names []rwlock.LockRequest
	for name := range p.holds {
		names = append(names, rwlock.LockRequest{Name: name})
	}
	p.ledger.release(names, func() outcome.Event {
		if err := p.closeSession(); err != nil {
			return s.Failed(p.Name, err)
		}
		return s.Closed(p.Name)
	})
}

// dropAll ends the client's claims to everything that it still holds.
func (p *player) dropAll() []*notedHold {
	var all []*notedHold
	for _, h := range p.holds {
		all = append(all, h.notes...)
	}
	p.ledger.ended(all, p.session.Deadline())
	return all
}

// closeSession closes the session, whatever state the client is in. When it returns
// nil, etcd has confirmed that nothing of the client is left.
func (p *player) closeSession() error {
	p.left.Store(true)
	p.gate.Open()
	holds := p.dropAll()
	err := p.session.Close()
	if err == nil {
		p.ledger.confirmed(holds)
	}
	return err
}
