package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/printable"
	"etcd-lock/internal/recorder"
)

const simulateRecordLong = `Watches the locks whose keys begin with a PREFIX, or all locks, and writes what happened
as a scenario, to be run elsewhere: "etcd-lock simulate run FILE --embedded". It records
for the time given by --for, or until it is interrupted. It does not write to etcd.

Each session becomes a client that requests, waits for, holds, releases and loses locks
as the session did, at the same times. Its name comes from the owner of its requests. A
session that did several things at once becomes several clients. Requests that exist at
the start are made first, in their order. All locks become read/write locks; a mutex is
only acquired for writing.

The scenario expects each lock to be granted in the same order. Where a run may not
reproduce it, because requests came within milliseconds, a comment says so instead.

The scenario has the names of your locks and clients. --anonymize replaces them; equal
names stay equal, and nested ones nested.`

// simulateRecordOptions are the options of simulate record.
type simulateRecordOptions struct {
	prefixes  []string
	duration  time.Duration // 0: until it is interrupted
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
  etcd-lock simulate record --anonymize > incident.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case opts.duration < 0 || cmd.Flags().Changed("for") && opts.duration == 0:
				return notPositive("for", opts.duration)
			case a.output == output.JSON:
				return errors.New("scenarios are YAML: not with -o json")
			}
			opts.prefixes = args
			opts.connect, opts.out, opts.err, opts.now = a.connect, a.Out, a.Err, a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().DurationVar(&opts.duration, "for", 0, "record for `DURATION` (default: until interrupted)")
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
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	prefixes, err := reach(ctx, c, opts.prefixes, opts.err)
	if err != nil {
		return err
	}
	report, err := recorder.Record(ctx, c.Source, out, recorder.Options{
		Prefixes: prefixes, For: opts.duration, Anonymize: opts.anonymize, Now: opts.now,
	})
	for _, line := range report {
		_, _ = fmt.Fprintln(opts.err, printable.Text(line)) // an error does not matter: the scenario is written
	}
	return err
}
