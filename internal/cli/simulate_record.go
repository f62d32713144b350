package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/printable"
	"etcd-lock/internal/recorder"
)

const simulateRecordLong = `Watches the locks whose keys begin with a PREFIX, or all locks, and writes what happened
as a scenario, to be run elsewhere: "etcd-lock simulate run FILE --embedded". It records
for the time given by --for, or until it is interrupted. It does not write to etcd. With
--recording, it takes what etcd-lock record has recorded, between two times if they are
given.

Each session becomes a client that requests, waits for, holds, releases and loses locks
as the session did, at the same times. Its name comes from the owner of its requests. A
session that did several things at once becomes several clients. Requests that exist at
the start are made first, in their order. Semaphores stay semaphores, all other locks
become read/write locks; a mutex is only acquired for writing.

The scenario expects each lock to be granted in the same order. Where a run may not
reproduce it, because requests came within milliseconds, a comment says so instead.

The scenario has the names of your locks and clients. --anonymize replaces them; equal
names stay equal, and nested ones nested.`

// simulateRecordOptions are the options of simulate record.
type simulateRecordOptions struct {
	prefixes  []string
	duration  time.Duration // 0: until it is interrupted
	recorded  string        // the recording that is read in place of etcd; empty: etcd is watched
	span      recording.Span
	rules     func() (*layout.Set, error)
	anonymize bool
	file      string // empty: out
	connect   func(context.Context) (*connect.Conn, error)
	out, err  io.Writer
	now       func() time.Time
}

func newSimulateRecordCmd(a *app, runF func(context.Context, *simulateRecordOptions) error) *cobra.Command {
	if runF == nil {
		runF = simulateRecord
	}
	opts := &simulateRecordOptions{}
	cmd := &cobra.Command{
		Use:   "record [PREFIX...]",
		Short: "Record what happens in an etcd as a scenario",
		Long:  simulateRecordLong,
		Example: `  etcd-lock simulate record /jobs/ --for 1m --file jobs.yaml
  etcd-lock simulate record --anonymize > incident.yaml
  etcd-lock simulate record --recording /var/lib/etcd-lock --from 03:10 --to 03:15 --file night.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case opts.duration < 0 || cmd.Flags().Changed("for") && opts.duration == 0:
				return notPositive("for", opts.duration)
			case opts.recorded != "" && cmd.Flags().Changed("for"):
				return exclusive("--for", "--recording")
			case a.output == output.JSON:
				return errors.New("scenarios are YAML: not with -o json")
			}
			if err := opts.span.Check(opts.recorded); err != nil {
				return err
			}
			opts.prefixes = args
			opts.connect, opts.out, opts.err, opts.now = a.connect, a.Out, a.Err, a.now
			opts.rules = a.rules
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().DurationVar(&opts.duration, "for", 0, "record for `DURATION` (default: until interrupted)")
	recording.RegisterPath(cmd.Flags(), &opts.recorded)
	opts.span.Register(cmd.Flags())
	cmd.Flags().BoolVar(&opts.anonymize, "anonymize", false, "replace the names of locks and clients")
	cmd.Flags().StringVar(&opts.file, "file", "", "write to the new `FILE` instead of standard output")
	return cmd
}

func simulateRecord(ctx context.Context, opts *simulateRecordOptions) (err error) {
	out := opts.out
	if opts.file != "" {
		f, failed := recorder.Create(opts.file)
		if failed != nil {
			return usageError{failed}
		}
		defer func() { err = f.Finish(err) }()
		out = f
	}
	report, err := opts.record(ctx, out)
	for _, line := range report {
		_, _ = fmt.Fprintln(opts.err, printable.Text(line)) // an error does not matter: the scenario is written
	}
	return err
}

// record writes the scenario, and returns lines to tell the user.
func (opts *simulateRecordOptions) record(ctx context.Context, out io.Writer) (report []string, err error) {
	o := recorder.Options{Prefixes: opts.prefixes, For: opts.duration, Anonymize: opts.anonymize, Now: opts.now}
	if opts.recorded != "" {
		rules, err := opts.rules()
		if err != nil {
			return nil, err
		}
		if o.Replay, o.From, o.To, err = opts.span.Open(opts.recorded, rules, opts.now()); err != nil {
			return nil, err
		}
		return recorder.Record(ctx, nil, out, o)
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if o.Prefixes, err = reach(ctx, c, opts.prefixes, opts.err); err != nil {
		return nil, err
	}
	return recorder.Record(ctx, c.Source, out, o)
}
