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
	"etcd-lock/rwlock"

	"etcd-lock/internal/locks"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Etcd is what a scenario runs on.
type Etcd struct {
	// Connect opens a connection for the client of that name, so that Faults can
	// cut it, or for the run itself where the name is empty. Run closes it.
	Connect func(ctx context.Context, client string, opts ...grpc.DialOption) (*clientv3.Client, error)
	// Faults makes faults; nil where there can be none.
	Faults Faults
}

// Options say how a scenario is run.
type Options struct {
	Seed   uint64              // instead of the scenario's; 0 for that
	Clock  *Clock              // by which its durations pass, all but the TTLs of sessions; nil for one of speed 1
	Prefix string              // put before every lock's name, so that the locks are the run's own
	Log    func(outcome.Event) // told of each event, from one goroutine at a time; it must not block for long
}

// ErrNoFaults says that a scenario needs a cluster in which faults can be made.
var ErrNoFaults = errors.New("simulate: the scenario's faults need a cluster of its own")

// Run runs a scenario. Every client has a connection and a session of its own.
//
// It returns when all clients are done and their sessions closed, which takes a
// session's TTL at most once ctx has ended; nothing of the run is left in etcd
// then, unless etcd stopped answering. What is not as it has to be is in the
// result, see Result.Err. The error is for runs that could not be: ctx ended,
// a session could not be opened, a fault could not be made.
func Run(ctx context.Context, etcd Etcd, sc *scenario.Scenario, opts Options) (outcome.Result, error) {
	return runWith(ctx, etcd, sc, opts, locks.RWLocks, tellSlack)
}

// runWith is Run with locks of any make, whose clients may hear of what is their
// own by slack too late.
func runWith(ctx context.Context, etcd Etcd, sc *scenario.Scenario, opts Options, locks func(*rwlock.Session) locks.Locker, slack time.Duration) (outcome.Result, error) {
	if err := opts.settle(sc); err != nil {
		return outcome.Result{}, err
	}
	defer opts.Clock.end()
	s := &stage{Etcd: etcd, Options: opts, scenario: sc, newLocker: locks, slack: slack, ledger: newLedger(opts.Clock, opts.Log)}
	result := outcome.Result{Scenario: sc.Name, Seed: opts.Seed, Speed: opts.Clock.State().Speed}
	err := s.run(ctx, &result)
	result.Events = s.ledger.events
	for _, step := range s.ledger.steps {
		result.Steps = append(result.Steps, *step)
	}
	if err != nil {
		return result, fmt.Errorf("scenario %s: %w", sc.Name, err)
	}
	result.Failures = append(result.Failures, outcome.Failures(sc, result)...)
	return result, nil
}

// settle fills in what was left open.
func (o *Options) settle(sc *scenario.Scenario) error {
	if o.Seed == 0 {
		o.Seed = sc.Seed
	}
	if o.Clock == nil {
		o.Clock = &Clock{}
	}
	return o.Clock.begin()
}

// stage is where a scenario is played.
type stage struct {
	Etcd
	Options
	scenario  *scenario.Scenario
	newLocker func(*rwlock.Session) locks.Locker
	slack     time.Duration
	ledger    *ledger
	record    *record
	players   []*player
}

func (s *stage) run(ctx context.Context, result *outcome.Result) (err error) {
	if s.Faults == nil && s.scenario.Cluster > 0 {
		return ErrNoFaults
	}
	s.ledger.say(outcome.Event{Moment: scenario.Preparing, Line: scenario.LogPrepare})
	client, err := s.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if s.record, err = newRecord(ctx, client, s.Prefix, s.scenario, s.ledger.now); err != nil {
		return err
	}
	defer s.record.close()
	if err = s.enter(ctx); err == nil {
		err = s.play(ctx)
	}
	s.ledger.finish()
	remain := s.leave()
	if ctx.Err() != nil {
		err = ctx.Err() // whatever that led to
	}
	if err != nil {
		s.revoke(client, remain)
		return err
	}
	return s.judge(ctx, remain, result)
}

// enter opens a session for each client.
func (s *stage) enter(ctx context.Context) error {
	for _, script := range plan.Scripts(s.scenario, s.Seed) {
		p := &player{Script: script, prefix: s.Prefix, clock: s.Clock, ledger: s.ledger, gate: gate.New(), holds: map[string]*taken{}, late: s.slack}
		if err := s.connect(ctx, p); err != nil {
			return fmt.Errorf("client %s: %w", p.Name, err)
		}
		s.players = append(s.players, p)
		s.ledger.say(outcome.Event{Client: p.Name, Moment: scenario.Ready, Line: fmt.Sprintf("%s%d", scenario.LogReady, len(s.players))})
	}
	return nil
}

// connect gives a client a connection, a session, and a way to take locks.
func (s *stage) connect(ctx context.Context, p *player) (err error) {
	if p.client, err = s.Connect(ctx, p.Name, p.gate.Options()...); err != nil {
		return err
	}
	if p.session, err = rwlock.NewSession(ctx, p.client, p.TTL); err != nil {
		_ = p.client.Close()
		return err
	}
	if p.locks = s.newLocker(p.session); p.Impl == scenario.ImplRecipe {
		p.locks, err = locks.Recipes(p.session)
	}
	if err != nil {
		_ = p.session.Close()
		_ = p.client.Close()
	}
	return err
}

// play lets the clients and the faults go, and returns when the clients are done.
func (s *stage) play(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, start := s.Clock.read()
	saboteur := faultInjector{
		faults: s.scenario.Faults, at: plan.FaultTimes(s.scenario, s.Seed),
		by: s.Faults, record: s.record, ledger: s.ledger, clock: s.Clock,
	}
	var faults, players errgroup.Group
	faults.Go(func() error {
		err := saboteur.run(ctx, start)
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

// leave closes all sessions at once: an etcd that is gone costs the bound of one
// and not of each. It returns the players whose leases may live on.
func (s *stage) leave() []*player {
	var wg sync.WaitGroup
	left := make([]error, len(s.players))
	for i, p := range s.players {
		wg.Go(func() {
			left[i] = p.end()
			_ = p.client.Close() // which a crash has done before
		})
	}
	wg.Wait()
	var remain []*player
	for i, p := range s.players {
		if left[i] != nil {
			remain = append(remain, p)
		}
	}
	return remain
}

// revoke ends the leases of players that could not, for a run that was ended.
func (s *stage) revoke(client *clientv3.Client, players []*player) {
	ctx, cancel := context.WithTimeout(context.Background(), locks.LeaseSlack)
	defer cancel()
	for _, p := range players {
		_, _ = client.Revoke(ctx, p.session.Lease()) // which goes by itself if this fails
	}
}
