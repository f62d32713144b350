package simulate

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/gate"
	"etcd-lock/internal/verify"
	"etcd-lock/rwlock"
)

// player is a client of a scenario at work.
type player struct {
	script
	prefix  string // of the names of its locks in etcd
	clock   *Clock
	ledger  *ledger
	gate    *gate.Gate
	client  *clientv3.Client
	session *rwlock.Session
	locks   locker
	holds   map[string]*taken // by lock name
	late    time.Duration     // by how much it may hear too late of what is its own
	left    atomic.Bool       // it closed its session, or crashed
}

// taken is what one turn took.
type taken struct {
	hold
	result *StepResult
	notes  []*noted
}

// play goes through the turns until they or ctx end. A wait is no turn of its
// own: it puts the next one off.
func (p *player) play(ctx context.Context, start time.Duration) {
	due := later(start, p.after)
	for i := 0; i < len(p.steps) && !p.left.Load(); i++ {
		t := p.steps[i]
		if t.Do == Wait {
			due = later(due, t.wait)
			continue
		}
		if !p.clock.wait(ctx, due, p.result(t).String()) {
			return
		}
		if !p.turn(ctx, t) {
			i = t.end
		}
		_, due = p.clock.read()
	}
	if _, now := p.clock.read(); due > now && !p.left.Load() {
		p.clock.wait(ctx, due, "")
	}
}

// result is that of a turn, of which nothing has come yet.
func (p *player) result(t turn) *StepResult {
	return &StepResult{Client: p.name, Step: t.Step, Round: t.round}
}

// turn does one turn and reports false for locks that were not acquired.
func (p *player) turn(ctx context.Context, t turn) bool {
	switch t.Do {
	case Read, Write, Together:
		return p.acquire(ctx, t)
	case Upgrade:
		p.upgrade(ctx, t)
	case Downgrade:
		p.downgrade(ctx, t)
	case Unlock:
		p.unlock(t)
	case Pause:
		p.gate.Shut()
		p.ledger.say(p.event(t, Paused, "paused "+p.name))
	case Resume:
		p.ledger.say(p.event(t, Resumed, "resumed "+p.name))
		p.gate.Open()
	case Crash:
		p.crash(t)
	case Close:
		p.close(t)
	}
	return true
}

func (p *player) event(t turn, m Moment, line string) Event {
	return Event{Client: p.name, Moment: m, Do: t.Do, Place: t.Place, Round: t.round, Locks: t.Locks, Line: line}
}

// begin notes a turn that asks for something.
func (p *player) begin(t turn) *StepResult {
	s := p.result(t)
	p.ledger.begins(s)
	p.ledger.say(p.event(t, Asked, asking(p.name, t.Step)))
	return s
}

// upgrade asks for more of a lock, if it came to be held at all.
func (p *player) upgrade(ctx context.Context, t turn) {
	held := p.holds[t.Locks[0].Name]
	if held == nil {
		return
	}
	s, asked := p.begin(t), p.ledger.instant()
	timed, cancel := p.timeout(ctx, t)
	defer cancel()
	if err := held.hold.(changeable).TryUpgrade(timed); err != nil {
		p.failed(ctx, t, s, asked, err)
		return
	}
	e, now := p.event(t, Granted, got(p.name, t.Step)), p.ledger.instant()
	e.Token = held.Token()
	asked.waited(&e, now)
	p.ledger.changed(held.notes, verify.Stage{Mode: rwlock.Write, Token: e.Token, Asked: asked.real, Granted: now.real})
	p.ledger.granted(s, e)
}

// downgrade lets others read what is held. From the call on, it is held for
// reading.
func (p *player) downgrade(ctx context.Context, t turn) {
	held := p.holds[t.Locks[0].Name]
	if held == nil {
		return
	}
	e, asked := p.event(t, Downgraded, "downgraded lock "+p.name), p.ledger.now()
	p.ledger.release(t.Locks, func() Event {
		timed, cancel := p.timeout(ctx, t)
		defer cancel()
		if e.Err = held.hold.(changeable).Downgrade(timed); e.Err != nil {
			e.Moment, e.Line = Failed, not(p.name, t.Step, e.Err)
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
func (p *player) unlock(t turn) {
	held := p.holds[t.Locks[0].Name]
	if held == nil {
		return
	}
	for _, l := range t.Locks {
		delete(p.holds, l.Name)
	}
	e := p.event(t, Released, logReleased+p.name)
	e.Token = held.Token()
	p.ledger.ended(held.notes, p.session.Deadline())
	p.ledger.release(t.Locks, func() Event {
		switch e.Err = held.Unlock(); {
		case e.Err == nil:
			p.ledger.confirmed(held.notes)
			return e
		case errors.Is(e.Err, rwlock.ErrLost):
			p.lost(held, e.Token, e.Err)
		}
		e.Moment, e.Line = Failed, not(p.name, t.Step, e.Err)
		return e
	})
}

// crash ends the client without a word to etcd.
func (p *player) crash(t turn) {
	p.left.Store(true)
	p.dropAll()
	p.ledger.say(p.event(t, Crashed, "crashed "+p.name))
	p.gate.Crash()
	_ = p.client.Close()
}

// close ends the session, which gives back all that it holds.
func (p *player) close(t turn) {
	var locks []rwlock.Want
	for name := range p.holds {
		locks = append(locks, rwlock.Want{Name: name})
	}
	p.ledger.release(locks, func() Event {
		e := p.event(t, Closed, "closed "+p.name)
		if e.Err = p.end(); e.Err != nil {
			e.Moment, e.Line = Failed, p.name+" not closed: "+e.Err.Error()
		}
		return e
	})
}

// dropAll gives up whatever the client still claims.
func (p *player) dropAll() []*noted {
	var all []*noted
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
