package cli

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/hint"
	"etcd-lock/simulate/load"
	"etcd-lock/simulate/scenario"
)

// comparedRounds is the default of --rounds when implementations are compared.
const comparedRounds = 3

// loadFlags are the flags of simulate load.
type loadFlags struct {
	readers, writers, names int
	permits, clients        int
	weight                  string
	zipf, rate              float64
	hold, think, spread     string
	duration, within, ttl   time.Duration
	rounds                  int
	seed                    uint64
	impls, expect           []string
	prefix                  string
	progress                time.Duration
}

// register adds the flags to a command.
func (f *loadFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVar(&f.readers, "readers", 8, "clients that only read")
	fs.IntVar(&f.writers, "writers", 2, "clients that only write")
	fs.IntVar(&f.permits, "permits", 0, "semaphores with so many permits each, instead of read/write locks")
	fs.StringVar(&f.weight, "weight", "1", "with --permits, how many `PERMITS` a client takes: 2, or 1..3 for clients that take one, two, three, and again")
	fs.IntVar(&f.clients, "clients", 10, "with --permits, number of clients")
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

// check reports flags that are out of range or do not fit together.
func (f *loadFlags) check(fs *pflag.FlagSet) error {
	switch {
	case f.rate != 0 && fs.Changed("think"):
		return hint.Add(exclusive("--think", "--rate"), "--think is for a closed loop, --rate opens it")
	case f.permits != 0 && (fs.Changed("readers") || fs.Changed("writers")):
		return hint.Add(exclusive("--permits", "--readers or --writers"), "semaphores have --clients")
	case f.permits == 0 && (fs.Changed("weight") || fs.Changed("clients")):
		return errors.New("--weight and --clients require --permits")
	case f.rate == 0 && fs.Changed("arrivals"):
		return errors.New("--arrivals requires --rate")
	case f.readers < 0 || f.writers < 0:
		return errors.New("--readers and --writers cannot be negative")
	case f.names < 1 || f.names > load.MaxNames:
		return fmt.Errorf("--names %d: must be 1 to %d", f.names, load.MaxNames)
	case f.progress < 0:
		return notPositive("progress", f.progress)
	}
	return f.checkImpls()
}

func (f *loadFlags) checkImpls() error {
	if len(f.impls) == 0 {
		return errors.New("--impl is empty")
	}
	for i, word := range f.impls {
		if _, err := scenario.ParseImpl(word); err != nil {
			return fmt.Errorf("--impl: %w", err)
		}
		if slices.Contains(f.impls[:i], word) {
			return fmt.Errorf("--impl: %s is given twice", word)
		}
	}
	return nil
}

// options returns what valid flags ask for.
func (f *loadFlags) options() (*simulateLoadOptions, error) {
	opts := &simulateLoadOptions{prefix: f.prefix}
	if opts.prefix == "" {
		opts.prefix = "/etcd-lock/load/" + uuid.NewString()[:8] + "/"
	}
	workload, err := f.workload()
	if err != nil {
		return nil, err
	}
	opts.load = load.Load{Rounds: f.partsOfDuration(), For: f.duration, Seed: f.seed}
	for _, word := range f.impls {
		w, err := f.workloadOf(scenario.Impl(word), workload, opts.prefix)
		if err != nil {
			return nil, err
		}
		opts.load.Workloads = append(opts.load.Workloads, w)
	}
	if opts.thresholds, err = f.thresholds(); err != nil {
		return nil, err
	}
	return opts, opts.load.Check()
}

func (f *loadFlags) partsOfDuration() int {
	switch {
	case f.rounds != 0:
		return f.rounds
	case len(f.impls) > 1:
		return comparedRounds
	default:
		return 1
	}
}

func (f *loadFlags) thresholds() ([]load.Threshold, error) {
	var all []load.Threshold
	for _, text := range f.expect {
		t, err := load.ParseThreshold(text, f.impls)
		if err != nil {
			return nil, fmt.Errorf("--expect %w", err)
		}
		all = append(all, t)
	}
	return all, nil
}

// workload returns what all implementations have in common.
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

// workloadOf returns a workload for an implementation, with its own lock names.
func (f *loadFlags) workloadOf(impl scenario.Impl, w load.Workload, prefix string) (load.Workload, error) {
	names := make([]string, f.names)
	for k := range names {
		names[k] = fmt.Sprintf("%s%s/%d", prefix, impl, k+1)
	}
	w.Name = string(impl)
	if f.permits != 0 {
		roles, err := load.SlotRoles(f.clients, f.permits, f.weight)
		for i := range roles {
			roles[i].Names, roles[i].Zipf, roles[i].Impl = names, f.zipf, impl
		}
		w.Roles = roles
		return w, err
	}
	w.Roles = []load.Role{
		{Label: "reader", Count: f.readers, Names: names, Zipf: f.zipf, Impl: impl},
		{Label: "writer", Count: f.writers, Names: names, Zipf: f.zipf, Writes: 1, Impl: impl},
	}
	return w, nil
}
