package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/sandbox"
	"etcd-lock/simulate/load"
	"etcd-lock/simulate/scenario"
)

const simulateLoadLong = `Runs readers and writers that acquire, hold and release locks for a while, and prints
how long they waited, how many grants there were and how evenly they were shared.

Durations of --hold and --think are fixed (5ms), uniform (1ms..10ms) or exponential
(exp:5ms, by the mean). Lock names are equally likely, or follow --zipf.

Closed loop: each client thinks, requests, waits, holds, releases, and so on. A slow
lock then gets fewer requests. With --rate the loop is open: requests arrive at that
rate, and each client gets its share and serves it in order. A wait then counts from
the arrival, so saturation stays visible.

--impl compares implementations: rwlock; recipe, the RWMutex of etcd's
client/v3/experimental/recipes; mutex, the Mutex of its client/v3/concurrency, where
readers exclude each other as writers do. They run one after the other on the same
etcd, each with its own lock names and for --duration in all, in --rounds that each
start with the next implementation.

--expect, which may be repeated, is a threshold: [IMPL.][read.|write.]METRIC, one of
< <= > >= == !=, and a limit. Metrics:
  wait.min wait.mean wait.max wait.p50 wait.p99.9 …   of grants, as durations
  grants, grants.rate             total, and per second
  grants.worst, grants.best       of the client with the fewest, the most
  fairness                        Jain's index over the clients' grants: 1 is even
  fairness.worst                  the fewest grants divided by the most
  errors                          timeouts, lost, and other failures
  timeouts, lost                  not granted --within; session or key lost
  unfinished                      still waiting at the end
  fenced                          late holders that only their token kept out
  violations                      two holders at once, or a grant out of order
An unmeasured metric fails its threshold.

Every grant is checked: no other client may hold the lock in a conflicting mode, and
tokens must grow. Exits with 5 when a check or a threshold fails. Ctrl-C ends the test
in order, prints the results so far, and exits with 1, or with 0 for --duration 0,
which runs until then.

Nothing is left in etcd. Progress is printed on standard error, on a terminal or with
--progress.

With -o json, one document at the end:
  prefix, seed, interrupted, passed
  results        in the order of --impl, each:
    impl, exclusive (has no read mode), seconds (of running), fenced, violations (how
    many), told (the first of them), first_error
    all, read, write   each: grants, per_second, wait_seconds (min, mean, p50, p90,
                       p95, p99, p99_9, max; null without a grant), fairness,
                       worst, best, timeouts, lost, failed, unfinished,
                       longest_unfinished_seconds
    clients            each: client, reads, writes (grants)
  expectations   each: expect, impl, value, passed`

// simulateLoadOptions are the options of simulate load.
type simulateLoadOptions struct {
	load       load.Load
	thresholds []load.Threshold
	prefix     string
	readOnly   bool
	connect    func(context.Context) (*connect.Conn, error)
	out        printer
	progress   progress
}

// comparedRounds is the default of --rounds when implementations are compared.
const comparedRounds = 3

// loadFlags are the flags of simulate load.
type loadFlags struct {
	readers, writers, names int
	zipf, rate              float64
	hold, think, spread     string
	duration, within, ttl   time.Duration
	rounds                  int
	seed                    uint64
	impls, expect           []string
	prefix                  string
	progress                time.Duration
}

func newSimulateLoadCmd(a *app, runF func(context.Context, *simulateLoadOptions) error) *cobra.Command {
	if runF == nil {
		runF = simulateLoad
	}
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Load-test locks: wait times, throughput and fairness, compared with etcd's own locks",
		Long:  simulateLoadLong,
		Example: `  etcd-lock simulate load --embedded
  etcd-lock simulate load --readers 50 --writers 5 --names 20 --zipf 1 --hold exp:5ms
  etcd-lock simulate load --rate 200 --duration 1m --expect 'wait.p99<250ms' --expect 'errors==0'
  etcd-lock simulate load --impl rwlock,recipe,mutex --expect 'rwlock.grants.rate>100'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts, err := f.options(cmd.Flags().Changed("think"), cmd.Flags().Changed("arrivals"))
			if err != nil {
				return err
			}
			opts.readOnly, opts.connect, opts.out = a.readOnly, a.connect, a.printer()
			opts.progress = a.progress(f.progress)
			return runResult(runF(cmd.Context(), opts))
		},
	}
	f.register(cmd)
	return cmd
}

func (f *loadFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVar(&f.readers, "readers", 8, "clients that only read")
	fs.IntVar(&f.writers, "writers", 2, "clients that only write")
	fs.IntVar(&f.names, "names", 1, "number of locks; a client acquires one at a time")
	fs.Float64Var(&f.zipf, "zipf", 0, "the kth lock is as likely as 1/k^`S`; 0: all equally")
	fs.StringVar(&f.hold, "hold", "10ms", "how long a lock is held, a `DURATION`")
	fs.StringVar(&f.think, "think", "exp:10ms", "time between two acquisitions of a client in a closed loop, a `DURATION`")
	fs.Float64Var(&f.rate, "rate", 0, "requests per second of all clients together; 0: closed loop")
	fs.StringVar(&f.spread, "arrivals", string(load.Exponential), "with --rate, distribution of the time between two arrivals: exponential, uniform or fixed")
	fs.DurationVar(&f.duration, "duration", 10*time.Second, "how long each implementation runs; 0: until ctrl-C")
	fs.DurationVar(&f.within, "within", 30*time.Second, "how long a client waits for a lock; 0: without a limit")
	fs.DurationVar(&f.ttl, "ttl", 10*time.Second, "TTL of each client's session, in whole seconds")
	fs.StringSliceVar(&f.impls, "impl", []string{string(scenario.ImplRWLock)}, "implementations, comma separated: rwlock, recipe, mutex")
	fs.IntVar(&f.rounds, "rounds", 0, "number of parts of --duration, between which implementations alternate; 0: 1 for a single implementation, otherwise 3")
	fs.Uint64Var(&f.seed, "seed", 1, "random seed")
	fs.StringArrayVar(&f.expect, "expect", nil, "`THRESHOLD` such as 'wait.p99<250ms'; may be repeated")
	fs.StringVar(&f.prefix, "prefix", "", "prefix for the lock names (default: a new one below /etcd-lock/load/)")
	fs.DurationVar(&f.progress, "progress", 0, "without a terminal, print progress at this interval")
	fs.Lookup("progress").NoOptDefVal = time.Second.String()
	_ = cmd.RegisterFlagCompletionFunc("impl", completeWords(scenario.Impls())) // cannot fail: the flag exists
	_ = cmd.RegisterFlagCompletionFunc("arrivals", completeWords(load.Shapes()))
}

// completeWords completes a few words.
func completeWords[T ~string](words []T) cobra.CompletionFunc {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	return cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp)
}

// options checks all that was asked for. Of think and arrivals it matters
// whether they were.
func (f *loadFlags) options(think, arrivals bool) (*simulateLoadOptions, error) {
	switch {
	case f.rate != 0 && think:
		return nil, hint.Add(exclusive("--think", "--rate"), "--think is for a closed loop, --rate opens it")
	case f.rate == 0 && arrivals:
		return nil, errors.New("--arrivals requires --rate")
	case f.readers < 0 || f.writers < 0:
		return nil, errors.New("--readers and --writers cannot be negative")
	case f.names < 1 || f.names > load.MaxLoadNames:
		return nil, fmt.Errorf("--names %d: must be 1 to %d", f.names, load.MaxLoadNames)
	case len(f.impls) == 0:
		return nil, errors.New("--impl is empty")
	case f.progress < 0:
		return nil, notPositive("progress", f.progress)
	}
	opts := &simulateLoadOptions{prefix: f.prefix}
	if opts.prefix == "" {
		opts.prefix = "/etcd-lock/load/" + uuid.NewString()[:8] + "/"
	}
	workload, err := f.workload()
	if err != nil {
		return nil, err
	}
	opts.load = load.Load{Rounds: f.rounds, For: f.duration, Seed: f.seed}
	switch {
	case f.rounds == 0 && len(f.impls) > 1:
		opts.load.Rounds = comparedRounds
	case f.rounds == 0:
		opts.load.Rounds = 1
	}
	if opts.load.Workloads, err = f.workloads(workload, opts.prefix); err != nil {
		return nil, err
	}
	for _, text := range f.expect {
		t, err := load.ParseThreshold(text, f.impls)
		if err != nil {
			return nil, fmt.Errorf("--expect %w", err)
		}
		opts.thresholds = append(opts.thresholds, t)
	}
	return opts, opts.load.Check()
}

// workload is what all implementations are to do.
func (f *loadFlags) workload() (load.Workload, error) {
	w := load.Workload{TTL: f.ttl, Within: f.within, Rate: f.rate}
	var err error
	if w.Hold, err = load.ParseDist(f.hold); err != nil {
		return w, fmt.Errorf("--hold: %w", err)
	}
	if w.Think, err = load.ParseDist(f.think); err != nil {
		return w, fmt.Errorf("--think: %w", err)
	}
	if w.Spread, err = load.ParseShape(f.spread); err != nil {
		return w, fmt.Errorf("--arrivals %w", err)
	}
	return w, nil
}

// workloads are the same workload for each implementation, on names of its own.
func (f *loadFlags) workloads(w load.Workload, prefix string) ([]load.Workload, error) {
	var all []load.Workload
	for i, word := range f.impls {
		impl, err := scenario.ParseImpl(word)
		if err != nil {
			return nil, fmt.Errorf("--impl: %w", err)
		}
		if slices.Contains(f.impls[:i], word) {
			return nil, fmt.Errorf("--impl: %s is given twice", word)
		}
		names := make([]string, f.names)
		for k := range names {
			names[k] = fmt.Sprintf("%s%s/%d", prefix, impl, k+1)
		}
		w.Name = word
		w.Roles = []load.Role{
			{Label: "reader", Count: f.readers, Names: names, Zipf: f.zipf, Impl: impl},
			{Label: "writer", Count: f.writers, Names: names, Zipf: f.zipf, Writes: 1, Impl: impl},
		}
		all = append(all, w)
	}
	return all, nil
}

func simulateLoad(ctx context.Context, opts *simulateLoadOptions) error {
	if opts.readOnly {
		return notReadOnly("simulate load")
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	job := opts.load
	if every := opts.progress.every(); every > 0 {
		job.Every, job.Progress = every, func(p load.Progress) { opts.progress.show(job, p) }
		opts.progress.begin(opts.prefix)
	}
	result, err := load.Run(ctx, sandbox.Shared(c), job)
	opts.progress.end()
	if err != nil && !result.Began() {
		return err
	}
	judged := result.JudgeAll(opts.thresholds)
	if printed := opts.print(result, judged, ctx.Err() != nil); printed != nil {
		return printed
	}
	switch wrong := result.Err(judged); {
	case err != nil:
		return err
	case wrong != nil:
		return wrong
	case !result.Whole:
		return ctx.Err()
	}
	return nil
}
