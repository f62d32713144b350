package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/printable"
	"etcd-lock/internal/report"
	"etcd-lock/simulate"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

const simulateRunLong = `Runs a scenario, a built-in one (see "etcd-lock simulate list") or a YAML file, and
checks what it expects and what locks always have to do. Exits with 5 when that
does not come true, and prints the shortest story of what went wrong, the seed and
the command that runs it again.

On a terminal, a lane for each client fills as time goes. In a pipe, the lines of
its log come as it happens. docs/scenarios.md is the guide.

A scenario with faults gets a cluster of its own, with --embedded or without
--endpoints, and is refused on any other.

The names of locks are the scenario's. --prefix is put before each, so that they
are no one else's. --repeat draws what is random from another seed in each round:
the first from the scenario's or --seed, the second from the next number.

With -o json, one document for each round when it is over:
  scenario, round     its name; which round, from 1
  passed              whether all that had to be came true
  seed, speed         with which it was run
  command             that runs it again
  lines               its log: at_seconds since the start, client, text
  events              all that happened, each: at_seconds, client, moment, do (the step),
                      line (of the file), time (which of the repeats, from 1), locks
                      (each: name, mode), token, waited_seconds, error; what says
                      nothing is absent
  steps               those that asked for locks, each: client, do, locks, line, time,
                      expect, outcomes, waited_seconds, token
  failures            what was not as it had to be
  violations          those of them that broke a promise of locks, each: kind, lock,
                      clients, text, story
  fenced              late holders that a token fenced, each: lock, client, other, text`

// simulateRunOptions are what simulate run was asked for.
type simulateRunOptions struct {
	simulate.Options
	scenario string // name or file
	speed    float64
	repeat   int
	junit    string // file to write, or empty
	page     string // likewise
	readOnly bool
	lanes    bool // where there is a terminal

	open  func(context.Context, *scenario.Scenario) (*testbed, error)
	again func(seed uint64) string // the command that runs it again, printable
	out   printer
	err   io.Writer
}

func newSimulateRunCmd(a *app, runF func(context.Context, *simulateRunOptions) error) *cobra.Command {
	if runF == nil {
		runF = simulateRun
	}
	var opts simulateRunOptions
	cmd := &cobra.Command{
		Use:               "run NAME|FILE",
		Short:             "Run a scenario, by name or from a file",
		Long:              simulateRunLong,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.check(); err != nil {
				return err
			}
			opts.scenario, opts.readOnly, opts.open = args[0], a.readOnly, a.openTestbed
			opts.again = func(seed uint64) string { return a.again(cmd.Flags(), args[0], seed) }
			opts.out, opts.err, opts.lanes = a.printer(), a.Err, a.Getenv("TERM") != "dumb"
			return runResult(runF(cmd.Context(), &opts))
		},
	}
	fs := cmd.Flags()
	fs.Uint64Var(&opts.Seed, "seed", 0, "draws what is random, instead of the scenario's")
	fs.Float64Var(&opts.speed, "speed", 1, "how much faster its durations pass, all but the TTLs of sessions")
	fs.IntVar(&opts.repeat, "repeat", 1, "run it so many times, or until it fails")
	fs.StringVar(&opts.Prefix, "prefix", "", "put before the name of every lock")
	fs.StringVar(&opts.junit, "junit", "", "write what was checked to this `file`, as JUnit's XML")
	fs.StringVar(&opts.page, "report", "", "write lanes, log and verdict of the last round to this `file`, an HTML page")
	return cmd
}

func (o *simulateRunOptions) check() error {
	switch {
	case o.repeat < 1:
		return fmt.Errorf("--repeat %d: must be at least 1", o.repeat)
	case o.speed <= 0, math.IsInf(o.speed, 0), math.IsNaN(o.speed):
		return fmt.Errorf("--speed %v: must be more than 0", o.speed)
	case o.page != "" && o.page == o.junit:
		return errors.New("--report and --junit are two files")
	}
	return nil
}

// again is the command that runs a scenario again with a seed. It has no
// passwords, and writes no reports.
func (a *app) again(fs *pflag.FlagSet, scenario string, seed uint64) string {
	words := []string{"etcd-lock", "simulate", "run", scenario, "--seed", fmt.Sprint(seed)}
	fs.Visit(func(f *pflag.Flag) {
		switch value := f.Value.String(); {
		case slices.Contains([]string{"seed", "repeat", "junit", "report", "output", "password"}, f.Name):
		case f.NoOptDefVal != "" && value != f.NoOptDefVal: // such as --embedded=false
		case f.NoOptDefVal != "":
			words = append(words, "--"+f.Name)
		case f.Name == "endpoints":
			words = append(words, "--endpoints", strings.Join(a.connection.Etcd.Endpoints, ","))
		case f.Name == "user":
			words = append(words, "--user", a.connection.Etcd.UserName())
		default:
			words = append(words, "--"+f.Name, value)
		}
	})
	return printable.Shell(words...)
}

func simulateRun(ctx context.Context, opts *simulateRunOptions) error {
	sc, err := scenario.Open(opts.scenario)
	if err != nil {
		return usageError{err}
	}
	if opts.readOnly {
		return usagef("simulate run takes locks: not with --read-only")
	}
	files, err := openReports(opts.junit, opts.page)
	if err != nil {
		return usageError{err}
	}
	runs, err := opts.rounds(ctx, sc)
	return errors.Join(err, files.write(runs))
}

// rounds runs the scenario until it fails.
func (o *simulateRunOptions) rounds(ctx context.Context, sc *scenario.Scenario) (runs []report.Run, err error) {
	var on *testbed
	defer func() { on.end() }()
	if o.Seed == 0 {
		o.Seed = sc.Seed
	}
	for round := 1; round <= o.repeat; round++ {
		if on == nil || sc.Cluster > 0 { // which is as the faults have left it
			on.end()
			on, err = o.open(ctx, sc)
		}
		r := report.Run{Scenario: sc, Result: outcome.Result{Seed: o.Seed, Speed: o.speed}, Err: err, Command: o.again(o.Seed)}
		if err == nil {
			err = o.round(ctx, on.etcd, &r, round)
		}
		if runs = append(runs, r); err != nil {
			return runs, err
		}
		o.Seed++
	}
	return runs, nil
}

// round runs the scenario of r once, and notes there what came of it.
func (o *simulateRunOptions) round(ctx context.Context, etcd simulate.Etcd, r *report.Run, round int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	options := o.Options
	var err error
	if options.Clock, err = simulate.NewClock(o.speed); err != nil {
		return err
	}
	shown, err := o.view(round)
	if err != nil {
		return err
	}
	options.Log = func(e outcome.Event) {
		if err := shown.log(e); err != nil {
			stop(err) // nobody reads on
		}
	}
	if r.Result, err = simulate.Run(ctx, etcd, r.Scenario, options); err != nil {
		r.Err = cause(ctx, err)
	}
	if err := shown.end(*r, round, round < o.repeat); err != nil {
		return err
	}
	if r.Err != nil {
		return r.Err
	}
	if err = r.Result.Err(); err != nil {
		o.tell(*r, round)
	}
	return err
}

// view is how a round is shown.
func (o *simulateRunOptions) view(round int) (view, error) {
	switch {
	case o.out.format == formatJSON:
		return jsonView{out: o.out}, nil
	case o.out.terminal && o.lanes:
		return newLaneView(o.out), nil
	case o.repeat > 1:
		return logView{out: o.out}, o.out.line(cell{text: fmt.Sprintf("ROUND %d, seed %d", round, o.Seed)})
	default:
		return logView{out: o.out}, nil
	}
}

// tell says what one needs to look into a failure.
func (o *simulateRunOptions) tell(r report.Run, round int) {
	for _, line := range r.Story() {
		_, _ = fmt.Fprintln(o.err, printable.Text(line))
	}
	_, _ = fmt.Fprintf(o.err, "failed in round %d, with seed %d; again: %s\n", round, r.Result.Seed, r.Command)
}

// cause is why ctx ended, when that is more than that it did.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && !errors.Is(why, context.Canceled) {
		return why
	}
	return err
}

// reports are the files to be written when all is over. They are made before
// anything runs, so that it does not run in vain.
type reports struct{ junit, page *os.File }

func openReports(junit, page string) (files reports, err error) {
	if junit != "" {
		if files.junit, err = os.Create(junit); err != nil {
			return files, fmt.Errorf("--junit: %w", err)
		}
	}
	if page != "" {
		if files.page, err = os.Create(page); err != nil {
			return files, errors.Join(fmt.Errorf("--report: %w", err), files.write(nil))
		}
	}
	return files, nil
}

// write writes the files and closes them.
func (f reports) write(runs []report.Run) error {
	var errs []error
	if f.junit != nil {
		errs = append(errs, report.JUnit(f.junit, runs), f.junit.Close())
	}
	if f.page != nil {
		if len(runs) > 0 {
			errs = append(errs, report.Page(f.page, runs[len(runs)-1]))
		}
		errs = append(errs, f.page.Close())
	}
	return errors.Join(errs...)
}
