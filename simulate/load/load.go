// Package load puts locks under load and measures them: how long clients wait, how many
// grants there are, and how evenly they are shared.
package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/simulate"
	"etcd-lock/simulate/scenario"
)

// Load is workloads that run one after the other, in rounds. Each round starts with the
// next workload, so that whatever changes on the machine meanwhile affects all of them.
type Load struct {
	Workloads []Workload
	Rounds    int
	For       time.Duration  // how long each workload runs, in all rounds together; 0: until the context ends
	Seed      uint64         // each workload draws the same names, modes and durations from it
	Progress  func(Progress) // called every Every, never by two goroutines at once; may be nil
	Every     time.Duration
}

// Workload is clients that acquire, hold and release locks, again and again.
//
// Without a Rate the loop is closed: a client that has released a lock thinks, and
// requests the next. A lock that becomes slow is requested less often, as by users who
// wait for their answer.
//
// With a Rate the loop is open: requests arrive whatever happens to earlier ones, as
// from the outside world. Each client is assigned its share and serves it in order. A
// wait counts from the arrival, not from when the client got to it. Otherwise one slow
// lock would hide the waits of all the requests that it delayed.
type Workload struct {
	Name   string
	Roles  []Role
	TTL    time.Duration // of each client's session
	Within time.Duration // how long a client waits for a lock, since its request; 0: without a limit
	Hold   Dist
	Think  Dist    // of a closed loop
	Rate   float64 // arrivals per second, of all clients together; 0 for a closed loop
	Spread Shape   // of the time between two arrivals at a client
}

// Role is clients that behave alike.
type Role struct {
	Label  string // with a number, the client's name and the label of its requests
	Count  int
	Names  []string // the locks; each time, one of them is acquired
	Zipf   float64  // skew of their popularity: the kth is acquired as often as 1/k^Zipf
	Writes float64  // the share of acquisitions that write, from 0 to 1
	Impl   scenario.Impl

	Permits int // if not 0, the locks are semaphores with so many permits
	Weight  int // how many permits each acquisition takes
}

// Measured is what was measured of a workload.
type Measured struct {
	Name        string
	Elapsed     time.Duration // for how long it ran
	All         Tally
	Read, Write Tally
	Slot        Tally // of permits
	Clients     []ClientTally
	Fenced      int      // late holders that a token fenced
	Violations  []string // the first broken promises
	Violated    int      // how many promises were broken
	FirstError  error    // of an acquisition that failed for another reason than its deadline
}

// ClientTally is the grants of one client.
type ClientTally struct {
	Name          string
	Reads, Writes int64
	Slots         int64 // grants of permits
}

// PerSecond returns n per second of the workload.
func (m Measured) PerSecond(n int64) float64 {
	if m.Elapsed <= 0 {
		return 0
	}
	return float64(n) / m.Elapsed.Seconds()
}

// Result is the result of a load.
type Result struct {
	Measured []Measured // in the order of the workloads
	Whole    bool       // it ran to its end
}

// Began reports whether anything was measured.
func (r Result) Began() bool {
	return slices.ContainsFunc(r.Measured, func(m Measured) bool { return m.Elapsed > 0 })
}

// Progress is what was measured of a workload so far.
type Progress struct {
	Measured
	Round   int // from 1
	Waiting int // how many clients wait for a lock now
}

// errUnconfirmed is returned when locks may exist until their leases expire.
var errUnconfirmed = errors.New("simulate: etcd did not confirm the end of every session; its locks go with the lease")

// Run runs a load until its time is over or ctx ends, which is no error. When it
// returns, all sessions are closed and nothing of the load is left in etcd.
//
// A client that loses its session, or etcd, reconnects. The error is for loads that could
// not start, or whose end etcd did not confirm; what was measured until then is returned
// with it.
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
	if ctx.Err() != nil && !errors.Is(err, errUnconfirmed) {
		err = nil // which follows from the end of ctx
	}
	return result, err
}

func (l Load) rounds(ctx context.Context, etcd simulate.Etcd, client *clientv3.Client, meters []*meter) error {
	for round := range l.Rounds {
		for i := range l.Workloads {
			at := (round + i) % len(l.Workloads)
			w := &workers{Etcd: etcd, Workload: l.Workloads[at], meter: meters[at], seed: l.Seed, round: round}
			err := w.connect(ctx)
			if err == nil {
				w.run(ctx, l)
			}
			if err = errors.Join(err, w.disconnect(client)); err != nil || ctx.Err() != nil {
				return err
			}
		}
	}
	return nil
}

// MaxNames is the most names that a load can have. It and the other limits are what
// one process can do, so that a typo is an error and not a load.
const MaxNames = 100_000

const (
	maxClients = 10_000
	maxPermits = 1_000_000_000 // as package rwlock has it
	maxRate    = 100_000.0
)

// Check returns an error for a load that cannot be run.
func (l Load) Check() error {
	for _, w := range l.Workloads {
		if err := w.check(); err != nil {
			return err
		}
	}
	switch {
	case len(l.Workloads) == 0:
		return errors.New("no workloads")
	case l.Rounds < 1:
		return fmt.Errorf("%d rounds: want at least 1", l.Rounds)
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
			return fmt.Errorf("%d clients of role %s", r.Count, r.Label)
		case len(r.Names) == 0 || len(r.Names) > MaxNames:
			return fmt.Errorf("%d names: want 1 to %d", len(r.Names), MaxNames)
		case r.Permits != 0 && (r.Permits < 1 || r.Permits > maxPermits):
			return fmt.Errorf("%d permits: want 1 to %d", r.Permits, maxPermits)
		case r.Permits != 0 && (r.Weight < 1 || r.Weight > r.Permits):
			return fmt.Errorf("weight %d: want 1 to %d, the permits of each semaphore", r.Weight, r.Permits)
		case r.Permits != 0 && r.Impl != scenario.ImplRWLock:
			return fmt.Errorf("%s has no semaphores: only %s has", r.Impl, scenario.ImplRWLock)
		case !finite(r.Zipf):
			return fmt.Errorf("zipf %v: want at least 0, for names that are equally likely", r.Zipf)
		}
	}
	switch {
	case clients < 1 || clients > maxClients:
		return fmt.Errorf("%d clients: want 1 to %d", clients, maxClients)
	case !finite(w.Rate) || w.Rate > maxRate:
		return fmt.Errorf("rate %v: want 0 for a closed loop, or up to %v arrivals per second", w.Rate, maxRate)
	case w.TTL < time.Second || w.TTL%time.Second != 0:
		return fmt.Errorf("ttl %s: want whole seconds, at least 1s", w.TTL)
	case w.TTL > scenario.MaxTTL:
		return fmt.Errorf("ttl %s: want at most %s", w.TTL, scenario.MaxTTL)
	case w.Within < 0:
		return fmt.Errorf("negative wait %s", w.Within)
	}
	return nil
}

// finite reports whether f is at least 0 and not infinite.
func finite(f float64) bool { return f >= 0 && !math.IsInf(f, 0) }

// names returns the names of the clients.
func (w Workload) names() []string {
	var all []string
	for _, r := range w.Roles {
		for i := range r.Count {
			all = append(all, fmt.Sprintf("%s-%d", r.Label, i+1))
		}
	}
	return all
}
