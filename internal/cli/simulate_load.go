package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/printable"
	"etcd-lock/internal/sandbox"
	"etcd-lock/simulate/load"
)

const simulateLoadLong = `Runs readers and writers that acquire, hold and release locks for a while, and prints
how long they waited, how many grants there were and how evenly they were shared. With
--permits, the locks are semaphores, and --clients take permits of them, each as many as
--weight says.

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

Every grant is checked: no other client may hold the lock in a conflicting mode, holders
may not take more permits than there are, and tokens must grow. Exits with 5 when a check or a threshold fails, and with 1 when
requests failed and none was granted. Ctrl-C ends the test in order, prints the results
so far, and exits with 1, or with 0 for --duration 0, which runs until then.

Nothing is left in etcd. Progress is printed on standard error, on a terminal or with
--progress.

With -o json, one document at the end:
  prefix, seed, interrupted, passed
  results        in the order of --impl, each:
    impl, exclusive (has no read mode), seconds (of running), fenced, violations (how
    many), told (the first of them), first_error
    all, read, write, slot   each: grants, per_second, wait_seconds (min, mean, p50, p90,
                       p95, p99, p99_9, max; null without a grant), fairness,
                       worst, best, timeouts, lost, failed, unfinished,
                       longest_unfinished_seconds
    clients            each: client, reads, writes, slots (grants)
  expectations   each: expect, impl, value, passed`

// simulateLoadOptions are the options of simulate load.
type simulateLoadOptions struct {
	load       load.Load
	thresholds []load.Threshold
	prefix     string
	readOnly   bool
	connect    func(context.Context) (*connect.Conn, error)
	out        output.Printer
	progress   progress
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
  etcd-lock simulate load --permits 5 --weight 1..3 --clients 20
  etcd-lock simulate load --impl rwlock,recipe,mutex --expect 'rwlock.grants.rate>100'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd.Flags()); err != nil {
				return err
			}
			opts, err := f.options()
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

// redrawProgressEvery is how often the line of a terminal is redrawn.
const redrawProgressEvery = 250 * time.Millisecond

// progress shows the progress of a load test: as a line that is redrawn on a
// terminal, as lines at an interval with --progress, and otherwise not at all.
type progress struct {
	io.Writer
	width int           // of the terminal; 0 without one
	lines time.Duration // between two lines without a terminal; 0: no lines

	before *load.Progress
}

func (a *app) progress(lines time.Duration) progress {
	p := progress{Writer: a.Err, lines: lines}
	if a.Getenv("TERM") != "dumb" {
		p.width, _ = output.TerminalSize(a.Err)
	}
	return p
}

// every returns the interval of show, and 0 for never.
func (p *progress) every() time.Duration {
	if p.width > 0 {
		return redrawProgressEvery
	}
	return p.lines
}

// begin prints the prefix of the locks, for those who want to inspect them.
func (p *progress) begin(prefix string) {
	_, _ = fmt.Fprintf(p, "locks below %s\n", printable.Text(prefix)) // an error does not matter
}

func (p *progress) show(load load.Load, now load.Progress) {
	line := progressLine(load, p.before, now)
	p.before = &now
	if p.width > 0 {
		_, _ = io.WriteString(p, "\r"+ansi.EraseLineRight+ansi.Truncate(line, p.width-1, "…"))
		return
	}
	_, _ = fmt.Fprintln(p, line)
}

// end clears the line for the results.
func (p *progress) end() {
	if p.width > 0 {
		_, _ = io.WriteString(p, "\r"+ansi.EraseLineRight)
	}
}

// progressLine describes the progress, with the rate since before.
func progressLine(load load.Load, before *load.Progress, now load.Progress) string {
	line := fmt.Sprintf("%s  %s", now.Name, format.Duration(now.Elapsed))
	if load.For > 0 {
		line += " of " + format.Duration(load.For)
	}
	if load.Rounds > 1 {
		line += fmt.Sprintf("  round %d of %d", now.Round, load.Rounds)
	}
	lately := now.Measured
	if before != nil && before.Name == now.Name {
		lately.All.Grants -= before.All.Grants
		lately.Elapsed -= before.Elapsed
	}
	line += fmt.Sprintf("  %s  %.0f/s  %d waiting", format.Count(now.All.Grants, "grant", "grants"), lately.PerSecond(lately.All.Grants), now.Waiting)
	if now.All.Grants > 0 {
		line += fmt.Sprintf("  p50 %s  p99 %s", format.Latency(now.All.Wait(50)), format.Latency(now.All.Wait(99)))
	}
	line += "  " + format.Count(now.All.Errors(), "error", "errors")
	if now.Violated > 0 {
		line += "  " + format.Count(now.Violated, "violation", "violations")
	}
	return line
}
