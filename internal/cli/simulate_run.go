package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/interrupt"
	"etcd-lock/internal/printable"
	"etcd-lock/internal/report"
	"etcd-lock/internal/sandbox"
	"etcd-lock/simulate"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

const simulateRunLong = `Runs a scenario, either a built-in one (see "etcd-lock simulate list") or a YAML file.
It checks the expectations of the scenario and the guarantees of locks. If any of them
fails, it prints the shortest sequence of events that shows the failure, the seed and
the command to reproduce it, and exits with 5.

On a terminal, it draws a lane for each client as time passes. In a pipe, it prints the
lines of the log as they happen. docs/scenarios.md is the guide.

An etcd with a long election timeout grants longer TTLs than a scenario asks for. Then a
scenario with an expectation that cannot hold is not run, and the error says on which
etcd and at which --speed it can. The exit code is 5.

A scenario with faults runs in a cluster that is started for it: without --endpoints,
or with --embedded.

Locks have the names that the scenario gives them; --prefix separates them from other
locks. With --repeat, each round has its own seed: the first that of --seed or of the
scenario, the second the next number, and so on.

With -o json, one document per round, printed at its end:
  scenario, round     its name; the number of the round, from 1
  passed              whether all expectations and guarantees held
  seed, speed         of the round
  command             that runs it again
  lines               its log: at_seconds since the start, client, text
  events              each: at_seconds, client, moment, do (the step), line (of the
                      file), time (which repetition, from 1), locks (each: name, mode, and
                      of slots weight and permits), token, waited_seconds, error;
                      fields without a value are absent
  steps               those that acquire locks, each: client, do, locks, line, time,
                      expect, outcomes, waited_seconds, token
  failures            expectations and guarantees that did not hold
  violations          the guarantees among them, each: kind, lock, clients, text, story
  potential           deadlocks that could happen in other runs, by the order in which
                      clients acquired locks; as for why --potential
  note                how etcd differs from what the scenario asks for, such as TTLs
                      that it raised, and where an expectation can hold that cannot
                      with them; absent if it does not differ
  fenced              late holders that were fenced by their token, each: lock, client,
                      other, text`

// simulateRunOptions are the options of simulate run.
type simulateRunOptions struct {
	simulate.Options
	scenario string // name or file
	speed    float64
	repeat   int
	junit    string // file to write; empty: none
	page     string // HTML file to write; empty: none
	readOnly bool
	lanes    bool // draw lanes if the output is a terminal

	open  func(context.Context, *scenario.Scenario) (*testbed, error)
	again func(seed uint64) string // returns the command that runs it again, printable
	out   output.Printer
	err   io.Writer
}

func newSimulateRunCmd(a *app, runF func(context.Context, *simulateRunOptions) error) *cobra.Command {
	if runF == nil {
		runF = simulateRun
	}
	var opts simulateRunOptions
	cmd := &cobra.Command{
		Use:   "run NAME|FILE",
		Short: "Run a scenario, by name or from a file",
		Long:  simulateRunLong,
		Example: `  etcd-lock simulate run four-clients --embedded
  etcd-lock simulate run mine.yaml --embedded --repeat 20 --junit results.xml`,
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
	fs.Uint64Var(&opts.Seed, "seed", 0, "random seed, instead of that of the scenario")
	fs.Float64Var(&opts.speed, "speed", 1, "speed factor of all durations except the TTLs of sessions")
	fs.IntVar(&opts.repeat, "repeat", 1, "run it `N` times, or until it fails")
	fs.StringVar(&opts.Prefix, "prefix", "", "prefix for the names of the locks")
	fs.StringVar(&opts.junit, "junit", "", "write the checks to this `file`, as JUnit XML")
	fs.StringVar(&opts.page, "report", "", "write the lanes, log and verdict of the last round to this HTML `file`")
	return cmd
}

func (o *simulateRunOptions) check() error {
	switch {
	case o.repeat < 1:
		return fmt.Errorf("--repeat %d: must be at least 1", o.repeat)
	case o.speed <= 0, math.IsInf(o.speed, 0), math.IsNaN(o.speed):
		return notPositive("speed", o.speed)
	case o.page != "" && o.page == o.junit:
		return errors.New("--report and --junit must be different files")
	}
	return nil
}

// again returns the command that runs a scenario again with a seed. It contains no
// password, and writes no reports.
func (a *app) again(fs *pflag.FlagSet, scenario string, seed uint64) string {
	words := []string{"etcd-lock", "simulate", "run", scenario, "--seed", fmt.Sprint(seed)}
	fs.Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"seed", "repeat", "junit", "report", "output", "password", "auth-jwt-token"}, f.Name) {
			words = append(words, contexts.Words(f)...)
		}
	})
	return printable.Shell(words...)
}

// openScenario returns the built-in scenario of a name, or that of a file.
func openScenario(ctx context.Context, name string) (*scenario.Scenario, error) {
	sc, err := interrupt.Await(ctx, func() (*scenario.Scenario, error) { return scenario.Open(name) })
	if err != nil && ctx.Err() == nil {
		return nil, usageError{meantScenarios(name, err)}
	}
	return sc, err
}

// meantScenarios has the error of a scenario that there is not ask which may be meant.
func meantScenarios(name string, err error) error {
	if !errors.Is(err, scenario.ErrUnknown) {
		return err
	}
	var names []string
	for _, sc := range scenario.Builtin() {
		names = append(names, sc.Name)
	}
	if asks := meant(name, "", names); asks != "" {
		return hint.Add(err, asks)
	}
	return err
}

func simulateRun(ctx context.Context, opts *simulateRunOptions) error {
	sc, err := openScenario(ctx, opts.scenario)
	if err != nil {
		return err
	}
	if opts.readOnly {
		return notReadOnly("simulate run")
	}
	files, err := openReports(opts.junit, opts.page)
	if err != nil {
		return usageError{err}
	}
	runs, err := opts.rounds(ctx, sc)
	return errors.Join(err, files.write(runs))
}

// rounds runs the scenario --repeat times, or until it fails.
func (o *simulateRunOptions) rounds(ctx context.Context, sc *scenario.Scenario) (runs []report.Run, err error) {
	var on *testbed
	defer func() { on.end() }()
	if o.Seed == 0 {
		o.Seed = sc.Seed
	}
	for round := 1; round <= o.repeat; round++ {
		if on == nil || sc.Cluster > 0 { // faults change a cluster
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

// round runs the scenario of r once, and stores its result there.
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
			stop(err) // the output cannot be written
		}
	}
	options.Note = func(text string) {
		shown.clear()
		printNote(o.err, "warning", text)
	}
	if r.Result, err = simulate.Run(ctx, etcd, r.Scenario, options); err != nil {
		r.Err = cause(ctx, err)
	}
	if errors.Is(r.Err, forecast.ErrImpossible) {
		r.Err = hint.Add(r.Err, "--embedded runs it on an etcd of its own, which raises no TTL")
	}
	if err := shown.end(*r, round, round < o.repeat); err != nil {
		return err
	}
	if r.Err != nil {
		return r.Err
	}
	if err = r.Result.Err(); err != nil {
		o.printFailure(*r, round)
	}
	return err
}

// view returns the view that shows a round.
func (o *simulateRunOptions) view(round int) (view, error) {
	switch {
	case o.out.Format == output.JSON:
		return jsonView{out: o.out}, nil
	case o.out.Terminal && o.lanes:
		return newLaneView(o.out), nil
	case o.repeat > 1:
		return logView{out: o.out}, o.out.Line(output.Cell{Text: fmt.Sprintf("ROUND %d, seed %d", round, o.Seed)})
	default:
		return logView{out: o.out}, nil
	}
}

// printFailure prints what it takes to look into a failure.
func (o *simulateRunOptions) printFailure(r report.Run, round int) {
	for _, line := range r.Story() {
		_, _ = fmt.Fprintln(o.err, printable.Text(line))
	}
	_, _ = fmt.Fprintf(o.err, "failed in round %d with seed %d; reproduce with: %s\n", round, r.Result.Seed, r.Command)
}

// cause returns the reason why ctx ended if there is one, and otherwise err.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && !errors.Is(why, context.Canceled) {
		return why
	}
	return err
}

// reports are the files that are written at the end. They are created before
// anything runs, so that nothing runs in vain.
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

// testbed is the etcd that a scenario runs on.
type testbed struct {
	etcd  simulate.Etcd
	close func()
}

// openTestbed connects to the etcd that the flags name, or starts a cluster for a
// scenario with faults: these are never injected into an etcd that others use.
func (a *app) openTestbed(ctx context.Context, sc *scenario.Scenario) (*testbed, error) {
	switch {
	case sc.Cluster == 0:
		c, err := a.connect(ctx)
		if err != nil {
			return nil, err
		}
		return &testbed{etcd: sandbox.Shared(c), close: c.Close}, nil
	case a.endpointsSet && !a.connection.Embedded:
		return nil, usageHint(fmt.Sprintf("use --embedded, or leave out --endpoints and %s", contexts.EnvName("endpoints")),
			"scenario %s: %w", sc.Name, simulate.ErrNoFaults)
	case !a.connection.Embedded:
		a.note(sandbox.Notice(sc))
	}
	s, err := sandbox.Start(ctx, sc.Cluster, a.connection.Etcd.DialTimeout)
	if err != nil {
		return nil, err
	}
	return &testbed{etcd: s.Etcd(), close: s.Close}, nil
}

// end closes the testbed, unless it is nil.
func (t *testbed) end() {
	if t != nil {
		t.close()
	}
}
