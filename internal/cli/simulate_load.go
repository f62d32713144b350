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
	"etcd-lock/internal/sandbox"
	"etcd-lock/simulate/load"
	"etcd-lock/simulate/scenario"
)

const simulateLoadLong = `Has readers and writers take, hold and give back locks for a while, and says how
long they waited, how many grants there were and how evenly they were shared.

Durations of --hold and --think are fixed (5ms), uniform (1ms..10ms) or
exponential (exp:5ms, by the mean). Names are equally likely, or by --zipf.

Closed loop: each client thinks, asks, waits, holds, gives back, and so on. A lock
that is slow is then asked for less often. With --rate the loop is open: requests
arrive at that rate, each client is sent its share and serves it in order. A wait
then counts from the arrival, so that a slow lock does not hide the waits of the
requests that it kept from being made.

--impl compares implementations: rwlock; recipe, the RWMutex of etcd's
client/v3/experimental/recipes; mutex, the Mutex of its client/v3/concurrency,
where readers exclude each other as writers do. They run one after the other on
the same etcd, each on names of its own and for --duration in all, in --rounds of
which each begins with the next one.

--expect, once for each, is a threshold: [IMPL.][read.|write.]METRIC, one of
< <= > >= == !=, and a limit. Metrics:
  wait.min wait.mean wait.max wait.p50 wait.p99.9 …   as durations, of grants
  grants, grants.rate             in all, and per second
  grants.worst, grants.best       of the client with the fewest, the most
  fairness                        Jain's index over the clients' grants: 1 is even
  fairness.worst                  the fewest grants by the most
  errors                          timeouts, lost, and all that failed otherwise
  timeouts, lost                  not granted --within; session or key gone
  unfinished                      still waiting in the end
  fenced                          late holders that only a token kept out
  violations                      two holders at once, a grant out of turn

That no two clients hold a lock at once that excludes one of them, and that
tokens grow, is checked of every grant. Exits with 5 when it is not so, or when a
threshold is not kept. Ctrl-C ends the load in order, prints what was measured,
and exits with 1, or 0 for --duration 0, which only that ends.

Nothing is left in etcd. Progress is shown on standard error, on a terminal or
with --progress.

With -o json, one document in the end:
  prefix, seed, interrupted, passed
  results        in the order of --impl, each:
    impl, exclusive (knows no readers), seconds (worked), fenced, violations (how
    many), told (the first of them), first_error
    all, read, write   each: grants, per_second, wait_seconds (min, mean, p50, p90,
                       p95, p99, p99_9, max; null without a grant), fairness,
                       worst, best, timeouts, lost, failed, unfinished,
                       longest_unfinished_seconds
    clients            each: client, reads, writes (grants)
  expectations   each: expect, impl, value, passed`

// simulateLoadOptions are what simulate load was asked for.
type simulateLoadOptions struct {
	load       load.Load
	thresholds []load.Threshold
	prefix     string
	readOnly   bool
	connect    func(context.Context) (*connect.Conn, error)
	out        printer
	progress   progress
}

// comparedRounds is how often implementations take turns when nobody says.
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
		Short: "Put locks under load: waits, grants per second, fairness, side by side with etcd's own",
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
	fs.IntVar(&f.names, "names", 1, "locks that they take, one at a time")
	fs.Float64Var(&f.zipf, "zipf", 0, "the kth name is as likely as 1/k^`S`; 0: all alike")
	fs.StringVar(&f.hold, "hold", "10ms", "`DURATION` for which a lock is held")
	fs.StringVar(&f.think, "think", "exp:10ms", "`DURATION` between two acquisitions of a client, in a closed loop")
	fs.Float64Var(&f.rate, "rate", 0, "requests per second of all clients together; 0: a closed loop")
	fs.StringVar(&f.spread, "arrivals", string(load.Exponential), "with --rate, how the time between two arrivals is spread: exponential, uniform or fixed")
	fs.DurationVar(&f.duration, "duration", 10*time.Second, "how long each implementation works; 0: until ctrl-C")
	fs.DurationVar(&f.within, "within", 30*time.Second, "how long a client waits for a lock; 0: as long as it takes")
	fs.DurationVar(&f.ttl, "ttl", 10*time.Second, "of each client's session, in whole seconds")
	fs.StringSliceVar(&f.impls, "impl", []string{string(scenario.ImplRWLock)}, "rwlock, recipe, mutex, or several, comma separated")
	fs.IntVar(&f.rounds, "rounds", 0, "parts of --duration, between which implementations take turns; 0: 1 for one of them, else 3")
	fs.Uint64Var(&f.seed, "seed", 1, "draws who does what and for how long")
	fs.StringArrayVar(&f.expect, "expect", nil, "`THRESHOLD` such as 'wait.p99<250ms'; may be repeated")
	fs.StringVar(&f.prefix, "prefix", "", "of the names of the locks (default: one of its own, below /etcd-lock/load/)")
	fs.DurationVar(&f.progress, "progress", 0, "lines of progress, without a terminal, every so often")
	fs.Lookup("progress").NoOptDefVal = time.Second.String()
	_ = cmd.RegisterFlagCompletionFunc("impl", completeWords(scenario.Impls())) // which fails for no flag that is there
	_ = cmd.RegisterFlagCompletionFunc("arrivals", completeWords(load.Shapes()))
}

// completeWords offers a few words.
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
		return nil, errors.New("--think is of a closed loop: not with --rate")
	case f.rate == 0 && arrivals:
		return nil, errors.New("--arrivals needs --rate")
	case f.readers < 0 || f.writers < 0:
		return nil, errors.New("--readers and --writers cannot be negative")
	case f.names < 1 || f.names > load.MaxLoadNames:
		return nil, fmt.Errorf("--names %d: want 1 to %d", f.names, load.MaxLoadNames)
	case len(f.impls) == 0:
		return nil, errors.New("--impl is empty")
	case f.progress < 0:
		return nil, fmt.Errorf("--progress %s: want more than 0", f.progress)
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
			return nil, fmt.Errorf("--impl: %s is there twice", word)
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
		return usagef("simulate load takes locks: not with --read-only")
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
