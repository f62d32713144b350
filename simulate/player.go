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

// play goes through the turns until they or ctx end.
func (p *player) play(ctx context.Context, start time.Time) {
	sleep(ctx, time.Until(start.Add(p.after)))
	for i := 0; i < len(p.steps) && ctx.Err() == nil && !p.left.Load(); i++ {
		if t := p.steps[i]; !p.turn(ctx, t) {
			i = t.end
		}
	}
}

// turn does one turn and reports false for locks that were not acquired.
func (p *player) turn(ctx context.Context, t turn) bool {
	switch t.Do {
	case Read, Write, Together:
		return p.acquire(ctx, t)
	case Wait:
		sleep(ctx, t.wait)
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
	s := &StepResult{Client: p.name, Step: t.Step, Round: t.round}
	p.ledger.begins(s)
	p.ledger.say(p.event(t, Asked, asking(p.name, t.Step)))
	return s
}

func (p *player) acquire(ctx context.Context, t turn) bool {
	taken := &taken{result: p.begin(t)}
	asked := p.ledger.now()
	timed, cancel := p.bound(ctx, t)
	defer cancel()
	var err error
	taken.hold, err = p.take(timed, ask{
		wants:        p.inEtcd(t.Locks),
		together:     t.Do == Together,
		try:          t.Try,
		downgradable: t.downgradable,
		label:        p.name,
		told:         func(e rwlock.Event) { p.told(t, taken, asked, e) },
	})
	if err == nil {
		for _, l := range t.Locks {
			p.holds[l.Name] = taken
		}
	}
	switch {
	case p.gate.Pass() != nil:
		p.crash(t)
	case err != nil:
		p.failed(ctx, t, taken.result, asked, err)
	}
	return err == nil
}

// errStuck is what comes of an acquisition that does not end when its time is over.
var errStuck = errors.New("stuck: it was to give up, and did not")

// giveUpTime is how long a client that gives up may take to take back what it
// asked for.
const giveUpTime = 3 * time.Second

// take takes locks. It leaves one behind that does not know when to give up:
// else that would be the end of the run.
func (p *player) take(ctx context.Context, a ask) (hold, error) {
	type answer struct {
		hold
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		h, err := p.locks.take(ctx, a)
		answers <- answer{h, err}
	}()
	var patience <-chan time.Time
	for over := ctx.Done(); ; over = nil {
		select {
		case got := <-answers:
			return got.hold, got.err
		case <-over:
			patience = time.After(p.late + giveUpTime)
		case <-patience:
			return nil, errStuck
		}
	}
}

// bound limits how long a turn waits for its locks.
func (p *player) bound(ctx context.Context, t turn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, t.within)
	end, after := cancel, t.cancel
	if t.crash > 0 {
		end, after = func() { p.gate.Crash(); cancel() }, t.crash
	}
	if after == 0 {
		return ctx, cancel
	}
	timer := time.AfterFunc(after, end)
	return ctx, func() { timer.Stop(); cancel() }
}

// inEtcd are locks by their names in etcd.
func (p *player) inEtcd(locks []rwlock.Want) []rwlock.Want {
	named := make([]rwlock.Want, len(locks))
	for i, l := range locks {
		named[i] = rwlock.Want{Name: p.prefix + l.Name, Mode: l.Mode}
	}
	return named
}

// told notes what became of a request.
func (p *player) told(t turn, held *taken, asked time.Duration, what rwlock.Event) {
	switch what.Kind {
	case rwlock.EventQueued:
		p.ledger.comes(held.result, p.event(t, Waiting, ""))
	case rwlock.EventAcquired:
		now := p.ledger.now()
		held.notes = p.ledger.held(p.name, p.inEtcd(t.Locks), t.Place, verify.Stage{Token: what.Token, Asked: asked, Granted: now})
		e := p.event(t, Granted, got(p.name, t.Step))
		e.Token, e.Waited = what.Token, now-asked
		p.ledger.granted(held.result, e)
	case rwlock.EventLost:
		if p.gate.Pass() == nil && !p.left.Load() {
			p.lost(held, what.Token, what.Err)
		}
	}
}

// lost notes that what was held is lost.
func (p *player) lost(held *taken, token int64, err error) {
	s := held.result
	p.ledger.ended(held.notes, p.session.Deadline())
	p.ledger.comes(s, Event{
		Client: p.name, Moment: Lost, Do: s.Step.Do, Place: s.Step.Place, Round: s.Round,
		Locks: s.Step.Locks, Token: token, Err: err, Line: p.name + " lost: " + err.Error(),
	})
}

// failed notes why a turn did not get what it asked for, unless the run was
// ended.
func (p *player) failed(ctx context.Context, t turn, s *StepResult, asked time.Duration, err error) {
	if ctx.Err() != nil {
		return
	}
	if t.can(Waiting) {
		wait := verify.Wait{Client: p.name, Lease: int64(p.session.Lease()), Asked: asked}
		p.ledger.waited(wait, p.inEtcd(t.Locks), p.session.Deadline())
	}
	e := p.event(t, outcome(err), not(p.name, t.Step, err))
	e.Waited, e.Err = p.ledger.now()-asked, err
	p.ledger.comes(s, e)
}

// upgrade asks for more of a lock, if it came to be held at all.
func (p *player) upgrade(ctx context.Context, t turn) {
	held := p.holds[t.Locks[0].Name]
	if held == nil {
		return
	}
	s, asked := p.begin(t), p.ledger.now()
	timed, cancel := context.WithTimeout(ctx, t.within)
	defer cancel()
	if err := held.hold.(changeable).TryUpgrade(timed); err != nil {
		p.failed(ctx, t, s, asked, err)
		return
	}
	e, now := p.event(t, Granted, got(p.name, t.Step)), p.ledger.now()
	e.Token, e.Waited = held.Token(), now-asked
	p.ledger.changed(held.notes, verify.Stage{Mode: rwlock.Write, Token: e.Token, Asked: asked, Granted: now})
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
		timed, cancel := context.WithTimeout(ctx, t.within)
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

// sleep waits for d or the end of ctx, and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
