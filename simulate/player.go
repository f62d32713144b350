package simulate

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/gate"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"

	"etcd-lock/internal/locks"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// player is a client of a scenario at work.
type player struct {
	plan.Script
	prefix  string // of the names of its locks in etcd
	clock   *Clock
	ledger  *ledger
	gate    *gate.Gate
	client  *clientv3.Client
	session *rwlock.Session
	locks   locks.Locker
	holds   map[string]*taken // by lock name
	late    time.Duration     // by how much it may hear too late of what is its own
	left    atomic.Bool       // it closed its session, or crashed
}

// taken is what one turn took.
type taken struct {
	locks.Hold
	result *outcome.StepResult
	notes  []*recordedHold
}

// play goes through the turns until they or ctx end. A wait is no turn of its
// own: it puts the next one off.
func (p *player) play(ctx context.Context, start time.Duration) {
	due := plan.Later(start, p.After)
	for i := 0; i < len(p.Steps) && !p.left.Load(); i++ {
		t := p.Steps[i]
		if t.Do == scenario.Wait {
			due = plan.Later(due, t.WaitFor)
			continue
		}
		if !p.clock.wait(ctx, due, p.result(t).String()) {
			return
		}
		if !p.step(ctx, t) {
			i = t.End
		}
		_, due = p.clock.read()
	}
	if _, now := p.clock.read(); due > now && !p.left.Load() {
		p.clock.wait(ctx, due, "")
	}
}

// result is that of a turn, of which nothing has come yet.
func (p *player) result(t plan.Step) *outcome.StepResult {
	return &outcome.StepResult{Client: p.Name, Step: t.Step, Round: t.Round}
}

// step does one step and reports false for locks that were not acquired.
func (p *player) step(ctx context.Context, t plan.Step) bool {
	switch t.Do {
	case scenario.Read, scenario.Write, scenario.Together:
		return p.acquire(ctx, t)
	case scenario.Upgrade:
		p.upgrade(ctx, t)
	case scenario.Downgrade:
		p.downgrade(ctx, t)
	case scenario.Unlock:
		p.unlock(t)
	case scenario.Pause:
		p.gate.Shut()
		p.ledger.say(p.event(t, scenario.Paused, "paused "+p.Name))
	case scenario.Resume:
		p.ledger.say(p.event(t, scenario.Resumed, "resumed "+p.Name))
		p.gate.Open()
	case scenario.Crash:
		p.crash(t)
	case scenario.Close:
		p.close(t)
	}
	return true
}

func (p *player) event(t plan.Step, m scenario.Moment, line string) outcome.Event {
	return outcome.Event{Client: p.Name, Moment: m, Do: t.Do, Place: t.Place, Round: t.Round, Locks: t.Locks, Line: line}
}

// begin notes a turn that asks for something.
func (p *player) begin(t plan.Step) *outcome.StepResult {
	s := p.result(t)
	p.ledger.begins(s)
	p.ledger.say(p.event(t, scenario.Asked, outcome.AskingLine(p.Name, t.Step)))
	return s
}

// upgrade asks for more of a lock, if it came to be held at all.
func (p *player) upgrade(ctx context.Context, t plan.Step) {
	held := p.holds[t.Locks[0].Name]
	if held == nil {
		return
	}
	s, asked := p.begin(t), p.ledger.instant()
	timed, cancel := p.timeout(ctx, t)
	defer cancel()
	if err := held.Hold.(locks.Changeable).TryUpgrade(timed); err != nil {
		p.failed(ctx, t, s, asked, err)
		return
	}
	e, now := p.event(t, scenario.Granted, outcome.GrantedLine(p.Name, t.Step)), p.ledger.instant()
	e.Token = held.Token()
	asked.waited(&e, now)
	p.ledger.changed(held.notes, verify.Stage{Mode: rwlock.Write, Token: e.Token, Asked: asked.real, Granted: now.real})
	p.ledger.granted(s, e)
}

// downgrade lets others read what is held. From the call on, it is held for
// reading.
func (p *player) downgrade(ctx context.Context, t plan.Step) {
	held := p.holds[t.Locks[0].Name]
	if held == nil {
		return
	}
	e, asked := p.event(t, scenario.Downgraded, "downgraded lock "+p.Name), p.ledger.now()
	p.ledger.release(t.Locks, func() outcome.Event {
		timed, cancel := p.timeout(ctx, t)
		defer cancel()
		if e.Err = held.Hold.(locks.Changeable).Downgrade(timed); e.Err != nil {
			e.Moment, e.Line = scenario.Failed, outcome.FailedLine(p.Name, t.Step, e.Err)
		}
		e.Token = held.Token()
		p.ledger.changed(held.notes, verify.Stage{
			Mode: rwlock.Read, Token: e.Token, Asked: asked, Granted: p.ledger.now(), Unsure: e.Err != nil,
		})
		return e
	})
}

// unlock gives back what a turn took, if it came to be held at all. That it was
// lost may only come out here.
func (p *player) unlock(t plan.Step) {
	held := p.holds[t.Locks[0].Name]
	if held == nil {
		return
	}
	for _, l := range t.Locks {
		delete(p.holds, l.Name)
	}
	e := p.event(t, scenario.Released, scenario.LogReleased+p.Name)
	e.Token = held.Token()
	p.ledger.ended(held.notes, p.session.Deadline())
	p.ledger.release(t.Locks, func() outcome.Event {
		switch e.Err = held.Unlock(); {
		case e.Err == nil:
			p.ledger.confirmed(held.notes)
			return e
		case errors.Is(e.Err, rwlock.ErrLost):
			p.lost(held, e.Token, e.Err)
		}
		e.Moment, e.Line = scenario.Failed, outcome.FailedLine(p.Name, t.Step, e.Err)
		return e
	})
}

// crash ends the client without a word to etcd.
func (p *player) crash(t plan.Step) {
	p.left.Store(true)
	p.dropAll()
	p.ledger.say(p.event(t, scenario.Crashed, "crashed "+p.Name))
	p.gate.Crash()
	_ = p.client.Close()
}

// close ends the session, which gives back all that it holds.
func (p *player) close(t plan.Step) {
	var locks []rwlock.LockRequest
	for name := range p.holds {
		locks = append(locks, rwlock.LockRequest{Name: name})
	}
	p.ledger.release(locks, func() outcome.Event {
		e := p.event(t, scenario.Closed, "closed "+p.Name)
		if e.Err = p.end(); e.Err != nil {
			e.Moment, e.Line = scenario.Failed, p.Name+" not closed: "+e.Err.Error()
		}
		return e
	})
}

// dropAll gives up whatever the client still claims.
func (p *player) dropAll() []*recordedHold {
	var all []*recordedHold
	for _, held := range p.holds {
		all = append(all, held.notes...)
	}
	p.ledger.ended(all, p.session.Deadline())
	return all
}

// end closes the session, whatever state the client is in. When it returns nil,
// etcd has confirmed that nothing of the client is left.
func (p *player) end() error {
	p.left.Store(true)
	p.gate.Open()
	holds := p.dropAll()
	err := p.session.Close()
	if err == nil {
		p.ledger.confirmed(holds)
	}
	return err
}
