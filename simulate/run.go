package simulate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/rwlock"
)

// Run runs a scenario against the etcd of client, and calls log, unless it is
// nil, with each line as it is written, from one goroutine at a time. log must
// not block for long: the clients wait for it.
//
// Run returns when all clients are done and their sessions closed, which takes
// a session's TTL at most once ctx has ended; nothing of the run is left in etcd
// then, unless etcd stopped answering. What is not as
// expected is in the result, see Result.Err. The error is for runs that could
// not be: ctx ended, or a session could not be opened.
func Run(ctx context.Context, client *clientv3.Client, sc *Scenario, log func(Line)) (Result, error) {
	l := newLedger(sc, log)
	err := play(ctx, client, sc, l)
	result := Result{Scenario: sc.Name, Lines: l.lines}
	if err != nil {
		return result, fmt.Errorf("scenario %s: %w", sc.Name, err)
	}
	result.Failures = check(sc.Expect, l.lines, l.violations)
	return result, nil
}

func play(ctx context.Context, client *clientv3.Client, sc *Scenario, l *ledger) error {
	l.say("", logPrepare)
	var players []*player
	defer func() { closeAll(players) }()
	for i, c := range sc.Clients {
		s, err := rwlock.NewSession(ctx, client, sc.TTL)
		if err != nil {
			return fmt.Errorf("client %s: %w", c.Name, err)
		}
		players = append(players, newPlayer(ctx, c, s, l))
		l.say("", fmt.Sprintf("LOCK%d", i+1))
	}
	start := time.Now()
	var wg sync.WaitGroup
	for _, p := range players {
		wg.Go(func() { p.play(ctx, start) })
	}
	wg.Wait()
	l.finish()
	return ctx.Err()
}

// closeAll closes all sessions at once: an etcd that is gone costs the bound of
// one and not of each.
func closeAll(players []*player) {
	var wg sync.WaitGroup
	for _, p := range players {
		// What is left in etcd when this fails goes with the lease.
		wg.Go(func() { _ = p.session.Close() })
	}
	wg.Wait()
}

// player is a client of a scenario at work.
type player struct {
	Client
	session *rwlock.Session
	ledger  *ledger
	locks   map[string]*rwlock.RWMutex // by name
}

func newPlayer(ctx context.Context, c Client, s *rwlock.Session, l *ledger) *player {
	p := &player{Client: c, session: s, ledger: l, locks: map[string]*rwlock.RWMutex{}}
	hook := rwlock.WithHook(func(e rwlock.Event) { p.told(ctx, e) })
	for _, step := range c.Steps {
		if step.Lock != "" && p.locks[step.Lock] == nil {
			p.locks[step.Lock] = s.NewRWMutex(step.Lock, rwlock.WithLabel(c.Name), hook)
		}
	}
	return p
}

// told writes down what became of a request of the player's.
func (p *player) told(ctx context.Context, e rwlock.Event) {
	lock := e.Wants[0]
	switch e.Kind {
	case rwlock.EventWaiting:
		p.ledger.say(p.Name, logWaiting+p.Name)
	case rwlock.EventAcquired:
		p.ledger.granted(p.Name, lock)
	case rwlock.EventFailed:
		if ctx.Err() == nil {
			p.ledger.say(p.Name, fmt.Sprintf("%s not acquired: %v", p.Name, reason(e.Err)))
		}
	case rwlock.EventReleased:
		p.ledger.released(p.Name, e.Err)
	case rwlock.EventLost:
		p.ledger.say(p.Name, fmt.Sprintf("%s lost: %v", p.Name, e.Err))
	}
}

// play goes through the steps until they or ctx end.
func (p *player) play(ctx context.Context, start time.Time) {
	sleep(ctx, time.Until(start.Add(p.After)))
	for i := 0; i < len(p.Steps) && ctx.Err() == nil; i++ {
		if !p.step(ctx, p.Steps[i]) {
			i = endOfSection(p.Steps, i)
		}
	}
}

// step does one step and reports false for a lock that was not acquired.
func (p *player) step(ctx context.Context, s Step) bool {
	switch s.Do {
	case Hold:
		sleep(ctx, s.For)
	case Unlock:
		p.ledger.release(p.Name, s.Lock, p.locks[s.Lock].Unlock)
	case RLock, RWLock:
		return p.acquire(ctx, s)
	}
	return true
}

func (p *player) acquire(ctx context.Context, s Step) bool {
	lock := p.locks[s.Lock]
	take := lock.RLock
	if s.Do == RWLock {
		take = lock.RWLock
	}
	ctx, cancel := context.WithTimeout(ctx, s.Within)
	defer cancel()
	return take(ctx) == nil // the hook is told why not
}

// reason leaves out what a reader of the log knows, where it came to pass as it
// was asked for.
func reason(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// endOfSection is the index of the unlock that belongs to the acquisition at i,
// or of the last step.
func endOfSection(steps []Step, i int) int {
	for j := i + 1; j < len(steps); j++ {
		if steps[j].Do == Unlock && steps[j].Lock == steps[i].Lock {
			return j
		}
	}
	return len(steps) - 1
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
