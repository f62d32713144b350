package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/simulate"
	"etcd-lock/simulate/scenario"
)

// Load is workloads that run one after the other, in rounds, each of which
// begins with the next one: what changes on the machine in the meantime, it
// changes for all of them.
type Load struct {
	Workloads []Workload
	Rounds    int
	For       time.Duration  // how long each workload works, over all rounds; 0: until the context ends
	Seed      uint64         // the same seed draws the same names, modes and durations, for each workload
	Progress  func(Progress) // told every so often, from one goroutine; may be nil
	Every     time.Duration  // how often
}

// Workload is clients that take, hold and give back locks, over and over.
//
// Without a Rate, the loop is closed: a client that has given back a lock thinks,
// and asks for the next. A lock that becomes slow is asked for less often, as by
// users who wait for their answer.
//
// With a Rate, the loop is open: requests arrive whatever becomes of those before
// them, as from the world outside. Each client is sent its share and serves it in
// order. A wait counts from the arrival, not from when the client came to ask:
// else one slow lock would hide the waits of all that it kept from asking.
type Workload struct {
	Name   string
	Roles  []Role
	TTL    time.Duration // of each client's session
	Within time.Duration // how long a client waits for a lock, from when it asks; 0: as long as it takes
	Hold   Dist
	Think  Dist    // of a closed loop
	Rate   float64 // arrivals per second, of all clients together; 0 for a closed loop
	Spread Shape   // of the time between two arrivals at a client
}

// Role is clients that do alike.
type Role struct {
	Label  string // with a number, the client's name, and what its requests say of their owner
	Count  int
	Names  []string // each time, one of these locks is taken
	Zipf   float64  // how much more often the first of them than the others: the kth as 1/k^Zipf
	Writes float64  // share of the acquisitions that write, from 0 to 1
	Impl   scenario.Impl
}

// Measured is what a workload came to.
type Measured struct {
	Name        string
	Elapsed     time.Duration // for which it worked
	All         Tally
	Read, Write Tally
	Clients     []ClientTally
	Fenced      int      // late holders that a token fenced
	Violations  []string // what must not be, the first of them
	Violated    int      // how often that was
	FirstError  error    // of what was not granted for another reason than its time
}

// ClientTally is what a client was granted.
type ClientTally struct {
	Name          string
	Reads, Writes int64
}

// Result is what came of a load.
type Result struct {
	Measured []Measured // in the order of the workloads
	Whole    bool       // it was not ended before its time
}

// Began reports whether anything was measured.
func (r Result) Began() bool {
	return slices.ContainsFunc(r.Measured, func(m Measured) bool { return m.Elapsed > 0 })
}

// Progress is what a workload has come to so far.
type Progress struct {
	Measured
	Round   int // from 1
	Waiting int // clients that wait for a lock now
}

// errLeft says that what etcd was not seen to remove goes later.
var errLeft = errors.New("simulate: etcd did not confirm the end of every session; its locks go with the lease")

// Run runs a load until its time is over or ctx ends, which is no error. When
// it returns, all sessions are closed and nothing of the load is left in etcd.
//
// A client that loses its session, or etcd, starts anew. The error is for a load
// that could not begin, or whose end etcd did not confirm; what was measured
// until then comes with it.
func Run(ctx context.Context, etcd simulate.Etcd, load Load) (Result, error) {
	if err := load.Check(); err != nil {
		return Result{}, err
	}
	client, err := etcd.Connect(ctx, "")
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = client.Close() }()
	var meters []*meter
	for _, w := range load.Workloads {
		meters = append(meters, newMeter(w))
	}
	err = load.rounds(ctx, etcd, client, meters)
	result := Result{Whole: err == nil && (ctx.Err() == nil || load.For == 0)}
	for _, m := range meters {
		result.Measured = append(result.Measured, m.measured())
	}
	if ctx.Err() != nil && !errors.Is(err, errLeft) {
		err = nil // whatever that led to
	}
	return result, err
}

func (l Load) rounds(ctx context.Context, etcd simulate.Etcd, client *clientv3.Client, meters []*meter) error {
	for round := range l.Rounds {
		for i := range l.Workloads {
			at := (round + i) % len(l.Workloads)
			c := &crew{Etcd: etcd, Workload: l.Workloads[at], meter: meters[at], seed: l.Seed, round: round}
			err := c.enter(ctx)
			if err == nil {
				c.runRound(ctx, l)
			}
			if err = errors.Join(err, c.leave(client)); err != nil || ctx.Err() != nil {
				return err
			}
		}
	}
	return nil
}

// runRound has the crew work for its part of a round's time. What is measured ends
// before the work does, so that none of the waits that this ends is missed.
func (c *crew) runRound(ctx context.Context, l Load) {
	timed, cancel := ctx, context.CancelFunc(func() {})
	if l.For > 0 {
		timed, cancel = context.WithTimeout(ctx, l.For/time.Duration(l.Rounds))
	}
	defer cancel()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	c.meter.start()
	var wg sync.WaitGroup
	for _, w := range c.workers {
		wg.Go(func() { w.work(work) })
	}
	if l.Progress != nil {
		wg.Go(func() { c.report(timed, l) })
	}
	<-timed.Done()
	c.meter.stop()
	stop()
	wg.Wait() // which no session outlives, if etcd does not answer
}

// report tells of progress until ctx ends.
func (c *crew) report(ctx context.Context, l Load) {
	ticks := time.NewTicker(l.Every)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			l.Progress(c.meter.progress(c.round + 1))
		case <-ctx.Done():
			return
		}
	}
}

// MaxLoadNames is how many names a load can have. It and the other limits are
// what one process can do, so that a slip of the finger is told.
const MaxLoadNames = 100_000

const (
	maxLoadClients = 10_000
	maxLoadRate    = 100_000.0
)

// Check says what about a load makes no sense.
func (l Load) Check() error {
	for _, w := range l.Workloads {
		if err := w.check(); err != nil {
			return err
		}
	}
	switch {
	case len(l.Workloads) == 0:
		return errors.New("nothing to run")
	case l.Rounds < 1:
		return fmt.Errorf("%d rounds: want 1 at least", l.Rounds)
	case l.For < 0:
		return fmt.Errorf("negative duration %s", l.For)
	case l.For == 0 && len(l.Workloads)*l.Rounds > 1:
		return errors.New("a load without an end has one workload and one round")
	}
	return nil
}

func (w Workload) check() error {
	clients := 0
	for _, r := range w.Roles {
		clients += r.Count
		switch {
		case r.Count < 0:
			return fmt.Errorf("%d clients that are called %s", r.Count, r.Label)
		case len(r.Names) == 0 || len(r.Names) > MaxLoadNames:
			return fmt.Errorf("%d names: want 1 to %d", len(r.Names), MaxLoadNames)
		case !finite(r.Zipf):
			return fmt.Errorf("zipf %v: want 0 for names that are alike, or more", r.Zipf)
		}
	}
	switch {
	case clients < 1 || clients > maxLoadClients:
		return fmt.Errorf("%d clients: want 1 to %d", clients, maxLoadClients)
	case !finite(w.Rate) || w.Rate > maxLoadRate:
		return fmt.Errorf("rate %v: want 0 for a closed loop, or up to %v arrivals a second", w.Rate, maxLoadRate)
	case w.TTL < time.Second || w.TTL%time.Second != 0:
		return fmt.Errorf("ttl %s: want whole seconds, 1s at least: etcd knows no other", w.TTL)
	case w.TTL > scenario.MaxTTL:
		return fmt.Errorf("ttl %s: want %s at most", w.TTL, scenario.MaxTTL)
	case w.Within < 0:
		return fmt.Errorf("negative wait %s", w.Within)
	}
	return nil
}

func finite(f float64) bool { return f >= 0 && !math.IsInf(f, 0) }

// names are the clients' names.
func (w Workload) names() []string {
	var all []string
	for _, r := range w.Roles {
		for i := range r.Count {
			all = append(all, fmt.Sprintf("%s-%d", r.Label, i+1))
		}
	}
	return all
}
