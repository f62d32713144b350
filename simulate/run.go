package simulate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"etcd-lock/internal/gate"
	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/check"
	"etcd-lock/simulate/internal/logline"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Etcd is the etcd that a scenario runs on.
type Etcd struct {
	// Connect opens a connection for the client of that name, or for the run itself
	// if the name is empty. Each client has its own connection, so that Faults can cut
	// it. Run closes the connections.
	Connect func(ctx context.Context, client string, opts ...grpc.DialOption) (*clientv3.Client, error)
	// Faults injects faults; nil if this etcd must have none.
	Faults Faults
}

// Options are the options of a run.
type Options struct {
	Seed   uint64              // that random values are drawn from; 0 for the scenario's
	Clock  *Clock              // by which durations pass, except the TTLs of sessions; nil for one of speed 1
	Prefix string              // put before the name of every lock
	Note   func(text string)   // called before the clients begin, if etcd differs from what the scenario asks for; may be nil
	Log    func(outcome.Event) // called with each event, never by two goroutines at once; it must not block for long
}

// ErrNoFaults is returned for a scenario with faults on an etcd that must have none.
var ErrNoFaults = errors.New("simulate: the scenario's faults need their own cluster")

// Run runs a scenario. Every client has its own connection and session.
//
// Run returns when all clients are done and their sessions are closed. After ctx has
// ended that takes at most the TTL of a session. Nothing of the run is left in etcd
// then, unless etcd stopped answering. Expectations that failed and promises that
// were broken are in the result, see Result.Err. The error is for runs that ended early:
// ctx ended, a session could not be opened, a fault could not be injected, or etcd
// raised TTLs so that an expectation cannot hold, which wraps forecast.ErrImpossible.
func Run(ctx context.Context, etcd Etcd, sc *scenario.Scenario, opts Options) (outcome.Result, error) {
	return run(ctx, etcd, sc, opts, locks.New, notifySlack)
}

// run is Run with other locks, whose clients may be notified of grants and losses up
// to slack too late.
func run(ctx context.Context, etcd Etcd, sc *scenario.Scenario, opts Options, newLocker locks.Maker, slack time.Duration) (outcome.Result, error) {
	if err := opts.setDefaults(sc); err != nil {
		return outcome.Result{}, err
	}
	defer opts.Clock.end()
	p := plan.New(sc, opts.Seed)
	s := &stage{Etcd: etcd, Options: opts, scenario: sc, plan: p, newLocker: newLocker, slack: slack, ledger: newLedger(opts.Clock, opts.Log)}
	result := outcome.Result{Scenario: sc.Name, Seed: opts.Seed, Speed: opts.Clock.State().Speed, Expected: check.Names(sc, p)}
	err := s.run(ctx, &result)
	result.Events = s.ledger.events
	for _, step := range s.ledger.steps {
		result.Steps = append(result.Steps, *step)
	}
	if err != nil {
		return result, fmt.Errorf("scenario %s: %w", sc.Name, err)
	}
	result.Failures = append(result.Failures, check.Failures(sc, p, result)...)
	return result, nil
}

// setDefaults sets the options that were left out, and starts the clock.
func (o *Options) setDefaults(sc *scenario.Scenario) error {
	if o.Seed == 0 {
		o.Seed = sc.Seed
	}
	if o.Clock == nil {
		o.Clock = &Clock{}
	}
	return o.Clock.begin()
}

// stage is one run with its clients.
type stage struct {
	Etcd
	Options
	scenario  *scenario.Scenario
	plan      plan.Plan
	newLocker locks.Maker
	slack     time.Duration
	ledger    *ledger
	record    *record
	players   []*player
}

func (s *stage) run(ctx context.Context, result *outcome.Result) (err error) {
	if s.Faults == nil && s.scenario.Cluster > 0 {
		return ErrNoFaults
	}
	s.ledger.say(outcome.Event{Moment: scenario.Preparing, Line: logline.Preparing})
	client, err := s.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if s.record, err = newRecord(ctx, client, s.Prefix, s.scenario, s.ledger.now); err != nil {
		return err
	}
	defer s.record.close()
	if err = s.openSessions(ctx); err == nil {
		err = s.adapt(result)
	}
	if err == nil {
		err = s.play(ctx)
	}
	s.ledger.finish()
	remain := s.closeSessions()
	if ctx.Err() != nil {
		err = ctx.Err() // other errors follow from it
	}
	if err != nil {
		s.revoke(client, remain)
		return err
	}
	return s.judge(ctx, remain, result)
}

// openSessions opens a session for each client.
func (s *stage) openSessions(ctx context.Context) error {
	for _, script := range s.plan.Scripts {
		p := &player{Script: script, prefix: s.Prefix, clock: s.Clock, ledger: s.ledger, gate: gate.New(), holds: map[string]*held{}, slack: s.slack}
		if err := s.connect(ctx, p); err != nil {
			return fmt.Errorf("client %s: %w", p.Name, err)
		}
		s.players = append(s.players, p)
		s.ledger.say(outcome.Event{Client: p.Name, Moment: scenario.Ready, Line: logline.Ready(len(s.players))})
	}
	return nil
}

// connect opens the connection and the session of a client.
func (s *stage) connect(ctx context.Context, p *player) (err error) {
	if p.client, err = s.Connect(ctx, p.Name, p.gate.Options()...); err != nil {
		return err
	}
	if p.session, err = rwlock.NewSession(ctx, p.client, p.TTL); err != nil {
		_ = p.client.Close()
		return err
	}
	if p.locks, err = s.newLocker(p.session, p.Impl); err != nil {
		_ = p.session.Close()
		_ = p.client.Close()
	}
	return err
}

// play runs the clients and injects the faults, and returns when the clients are
// done.
func (s *stage) play(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, start := s.Clock.read()
	injector := faultInjector{
		faults: s.scenario.Faults, at: s.plan.FaultAt,
		to: s.Faults, record: s.record, ledger: s.ledger, clock: s.Clock,
	}
	var faults, players errgroup.Group
	faults.Go(func() error {
		err := injector.run(ctx, start)
		if err != nil {
			cancel() // without its faults, the run means nothing
		}
		return err
	})
	for _, p := range s.players {
		players.Go(func() error { p.play(ctx, start); return nil })
	}
	_ = players.Wait() // which return no errors
	cancel()
	return faults.Wait()
}

// closeSessions closes all sessions at once, so that an etcd that does not answer
// delays the run by one timeout and not by one for each session. It returns the
// players whose leases may still exist.
func (s *stage) closeSessions() []*player {
	var wg sync.WaitGroup
	errs := make([]error, len(s.players))
	for i, p := range s.players {
		wg.Go(func() {
			errs[i] = p.closeSession()
			_ = p.client.Close() // a crash has closed it before
		})
	}
	wg.Wait()
	var remain []*player
	for i, p := range s.players {
		if errs[i] != nil {
			remain = append(remain, p)
		}
	}
	return remain
}

// revoke revokes the leases of players that could not close their sessions, after a run
// that ended early.
func (s *stage) revoke(client *clientv3.Client, players []*player) {
	ctx, cancel := context.WithTimeout(context.Background(), locks.LeaseSlack)
	defer cancel()
	for _, p := range players {
		_, _ = client.Revoke(ctx, p.session.Lease()) // if this fails, the lease expires
	}
}
