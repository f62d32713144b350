package simulate

import (
	"context"
	"time"

	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/check"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// acquire acquires the locks of a step, and reports whether they were granted.
func (p *player) acquire(ctx context.Context, s plan.Step) bool {
	h := &held{result: p.begin(s)}
	asked := p.ledger.instant()
	timed, cancel := p.interrupt(ctx, s)
	defer cancel()
	var err error
	h.Hold, err = p.awaitHold(timed, locks.Request{
		Wants:        p.inEtcd(s.Locks),
		Together:     s.Do == scenario.Together,
		Try:          s.Try,
		Downgradable: s.Downgradable,
		Label:        p.Name,
		Hook:         func(e rwlock.Event) { p.notify(s, h, asked, e) },
	})
	if err == nil {
		for _, l := range s.Locks {
			p.holds[l.Name] = h
		}
	}
	switch {
	case p.gate.Pass() != nil:
		p.crash(s)
	case err != nil:
		p.notGranted(ctx, s, h.result, asked, err)
	}
	return err == nil
}

// withdrawTime is how long a client that gives up may take to delete its request.
const withdrawTime = 3 * time.Second

// awaitHold acquires locks. It abandons an acquisition that goes on after its
// deadline and returns check.ErrStuck, so that a broken lock does not block the run.
func (p *player) awaitHold(ctx context.Context, r locks.Request) (locks.Hold, error) {
	type answer struct {
		hold locks.Hold
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		h, err := p.locks.Acquire(ctx, r)
		answers <- answer{h, err}
	}()
	var stuck <-chan time.Time
	for over := ctx.Done(); ; over = nil {
		select {
		case a := <-answers:
			return a.hold, a.err
		case <-over:
			stuck = time.After(p.slack + withdrawTime)
		case <-stuck:
			return nil, check.ErrStuck
		}
	}
}

// interrupt returns a context that ends at the step's deadline, or earlier when the
// scenario has the client cancel its wait or crash.
func (p *player) interrupt(ctx context.Context, s plan.Step) (context.Context, context.CancelFunc) {
	ctx, cancel := p.deadline(ctx, s)
	end, after, what := cancel, s.CancelAfter, "changes its mind"
	if s.CrashAfter > 0 {
		end, after, what = func() { p.gate.Crash(); cancel() }, s.CrashAfter, "crashes"
	}
	if after == 0 {
		return ctx, cancel
	}
	stop := p.clock.after(after, 0, s.Result(p.Name).String()+": "+what, end)
	return ctx, func() { stop(); cancel() }
}

// deadline returns a context that ends at the step's deadline. A deadline that the
// scenario leaves out is there to find what hangs, so a fast clock does not shorten
// it.
func (p *player) deadline(ctx context.Context, s plan.Step) (context.Context, context.CancelFunc) {
	least := time.Duration(0)
	if s.Within.To == 0 {
		least = s.GiveUpAfter
	}
	return p.clock.timeout(ctx, s.GiveUpAfter, least, s.Result(p.Name).String()+": gives up")
}

// inEtcd returns locks with their names in etcd.
func (p *player) inEtcd(wants []rwlock.LockRequest) []rwlock.LockRequest {
	named := make([]rwlock.LockRequest, len(wants))
	for i, l := range wants {
		named[i] = l
		named[i].Name = p.prefix + l.Name
	}
	return named
}

// notify notes what happened to a request.
func (p *player) notify(s plan.Step, h *held, asked instant, e rwlock.Event) {
	switch e.Kind {
	case rwlock.EventQueued:
		p.ledger.addOutcome(h.result, s.Waiting(p.Name))
	case rwlock.EventGranted:
		now := p.ledger.instant()
		h.notes = p.ledger.held(p.Name, p.inEtcd(s.Locks), s.Place, verify.Stage{Token: e.Token, Asked: asked.real, Granted: now.real})
		granted := s.Granted(p.Name, e.Token)
		asked.waited(&granted, now)
		p.ledger.granted(h.result, granted)
	case rwlock.EventLost:
		if p.gate.Pass() == nil && !p.left.Load() {
			p.lost(h, e.Token, e.Err)
		}
	}
}

// lost notes that the client was notified of a loss.
func (p *player) lost(h *held, token int64, err error) {
	p.ledger.ended(h.notes, p.session.Deadline())
	p.ledger.addOutcome(h.result, plan.LostEvent(h.result, token, err))
}

// notGranted notes why a step was not granted what it requested, unless the run was
// ended.
func (p *player) notGranted(ctx context.Context, s plan.Step, result *outcome.StepResult, asked instant, err error) {
	if ctx.Err() != nil {
		return
	}
	if s.Can(scenario.Waiting) {
		wait := verify.Wait{Client: p.Name, Lease: int64(p.session.Lease()), Asked: asked.real}
		p.ledger.waited(wait, p.inEtcd(s.Locks), p.session.Deadline())
	}
	e := s.NotDone(p.Name, err)
	asked.waited(&e, p.ledger.instant())
	p.ledger.addOutcome(result, e)
}
