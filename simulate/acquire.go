package simulate

import (
	"context"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"

	"etcd-lock/internal/locks"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// acquire takes locks, and reports whether it came to hold them.
func (p *player) acquire(ctx context.Context, t plan.Step) bool {
	taken := &taken{result: p.begin(t)}
	asked := p.ledger.instant()
	timed, cancel := p.bound(ctx, t)
	defer cancel()
	var err error
	taken.Hold, err = p.take(timed, locks.Request{
		Wants:        p.inEtcd(t.Locks),
		Together:     t.Do == scenario.Together,
		Try:          t.Try,
		Downgradable: t.Downgradable,
		Label:        p.Name,
		Told:         func(e rwlock.Event) { p.told(t, taken, asked, e) },
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

// giveUpTime is how long a client that gives up may take to take back what it
// asked for.
const giveUpTime = 3 * time.Second

// take takes locks. It leaves one behind that does not know when to give up:
// else that would be the end of the run.
func (p *player) take(ctx context.Context, a locks.Request) (locks.Hold, error) {
	type answer struct {
		locks.Hold
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		h, err := p.locks.Take(ctx, a)
		answers <- answer{h, err}
	}()
	var patience <-chan time.Time
	for over := ctx.Done(); ; over = nil {
		select {
		case got := <-answers:
			return got.Hold, got.err
		case <-over:
			patience = time.After(p.late + giveUpTime)
		case <-patience:
			return nil, outcome.ErrStuck
		}
	}
}

// bound limits how long a turn waits for its locks.
func (p *player) bound(ctx context.Context, t plan.Step) (context.Context, context.CancelFunc) {
	ctx, cancel := p.timeout(ctx, t)
	end, after, what := cancel, t.CancelAfter, "changes its mind"
	if t.CrashAfter > 0 {
		end, after, what = func() { p.gate.Crash(); cancel() }, t.CrashAfter, "crashes"
	}
	if after == 0 {
		return ctx, cancel
	}
	stop := p.clock.after(after, 0, p.result(t).String()+": "+what, end)
	return ctx, func() { stop(); cancel() }
}

// timeout limits how long a turn takes. What the scenario says nothing of is
// there to find what hangs, and so a fast run does not make it shorter.
func (p *player) timeout(ctx context.Context, t plan.Step) (context.Context, context.CancelFunc) {
	least := time.Duration(0)
	if t.Within.To == 0 {
		least = t.GiveUpAfter
	}
	return p.clock.timeout(ctx, t.GiveUpAfter, least, p.result(t).String()+": gives up")
}

// inEtcd are locks by their names in etcd.
func (p *player) inEtcd(locks []rwlock.LockRequest) []rwlock.LockRequest {
	named := make([]rwlock.LockRequest, len(locks))
	for i, l := range locks {
		named[i] = rwlock.LockRequest{Name: p.prefix + l.Name, Mode: l.Mode}
	}
	return named
}

// told notes what became of a request.
func (p *player) told(t plan.Step, held *taken, asked clocks, what rwlock.Event) {
	switch what.Kind {
	case rwlock.EventQueued:
		p.ledger.comes(held.result, p.event(t, scenario.Waiting, ""))
	case rwlock.EventGranted:
		now := p.ledger.instant()
		held.notes = p.ledger.held(p.Name, p.inEtcd(t.Locks), t.Place, verify.Stage{Token: what.Token, Asked: asked.real, Granted: now.real})
		e := p.event(t, scenario.Granted, outcome.GrantedLine(p.Name, t.Step))
		e.Token = what.Token
		asked.waited(&e, now)
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
	p.ledger.comes(s, outcome.Event{
		Client: p.Name, Moment: scenario.Lost, Do: s.Step.Do, Place: s.Step.Place, Round: s.Round,
		Locks: s.Step.Locks, Token: token, Err: err, Line: p.Name + " lost: " + err.Error(),
	})
}

// failed notes why a turn did not get what it asked for, unless the run was
// ended.
func (p *player) failed(ctx context.Context, t plan.Step, s *outcome.StepResult, asked clocks, err error) {
	if ctx.Err() != nil {
		return
	}
	if t.Can(scenario.Waiting) {
		wait := verify.Wait{Client: p.Name, Lease: int64(p.session.Lease()), Asked: asked.real}
		p.ledger.waited(wait, p.inEtcd(t.Locks), p.session.Deadline())
	}
	e := p.event(t, outcome.Of(err), outcome.FailedLine(p.Name, t.Step, err))
	e.Err = err
	asked.waited(&e, p.ledger.instant())
	p.ledger.comes(s, e)
}
