package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/printable"
	"etcd-lock/simulate/record"
	"etcd-lock/simulate/scenario"
)

const simulateRecordLong = `Watches the locks whose keys begin with PREFIX, or all of them, for as long as
--for says or until it is interrupted, and writes what happened as a scenario, to
be run elsewhere: "etcd-lock simulate run FILE --embedded". It changes nothing in
etcd.

Each session becomes a client that asks, waits, holds, gives back and loses locks
as the session did, in its times. It is named by what its requests say of it. One
that did several things at once becomes several clients. Requests that are there
at the beginning are made first, in their order. All locks become read/write
locks; a mutex is one that is only written.

The scenario expects that each lock is granted in the same order. Where a run may
not keep it, because requests came within milliseconds, it says so instead.

Names of locks and clients are those of your etcd. --anonymize replaces them, and
keeps what is equal and what is nested.`

// simulateRecordOptions are what simulate record was asked for.
type simulateRecordOptions struct {
	prefix    string
	duration  time.Duration // 0 until it is interrupted
	anonymize bool
	file      string // "" for out
	connect   func(context.Context) (*connect.Conn, error)
	source    *inspect.Source // nil: to be connected
	out, err  io.Writer
	now       func() time.Time
}

func newSimulateRecordCmd(a *app, runF func(context.Context, *simulateRecordOptions) error) *cobra.Command {
	if runF == nil {
		runF = simulateRecord
	}
	opts := &simulateRecordOptions{}
	cmd := &cobra.Command{
		Use:   "record [PREFIX]",
		Short: "Write what happens in an etcd as a scenario",
		Long:  simulateRecordLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case opts.duration < 0 || cmd.Flags().Changed("for") && opts.duration == 0:
				return fmt.Errorf("--for %s: must be more than 0", opts.duration)
			case a.output == formatJSON:
				return errors.New("a scenario is YAML: not with -o json")
			}
			if len(args) > 0 {
				opts.prefix = args[0]
			}
			opts.connect, opts.out, opts.err, opts.now = a.connect, a.Out, a.Err, a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().DurationVar(&opts.duration, "for", 0, "record for `DURATION`; until it is interrupted when left out")
	cmd.Flags().BoolVar(&opts.anonymize, "anonymize", false, "replace the names of locks and clients")
	cmd.Flags().StringVar(&opts.file, "file", "", "write to `FILE`, which must not be there yet, instead of standard output")
	return cmd
}

func simulateRecord(ctx context.Context, opts *simulateRecordOptions) (err error) {
	out, done, err := opts.open()
	if err != nil {
		return err
	}
	defer func() { err = done(err) }()
	source := opts.source
	if source == nil {
		c, err := opts.connect(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		source = c.Source
	}
	t := tape{now: opts.now}
	if err := t.record(ctx, source, opts.prefix, opts.duration); err != nil {
		return err
	}
	rec, err := record.Of(t.seen, record.Options{
		Name: "recording", Until: t.until, Anonymize: opts.anonymize, Notes: t.head(opts),
	})
	if err != nil {
		return err
	}
	if _, err := out.Write(rec.File); err != nil {
		return err
	}
	for _, line := range append(t.notes, summary(rec, t.until)) {
		_, _ = fmt.Fprintln(opts.err, printable.Text(line)) // the file is what counts
	}
	return nil
}

// open opens the file before anything is recorded: then it is not too late to
// learn that it cannot be written.
func (opts *simulateRecordOptions) open() (io.Writer, func(error) error, error) {
	if opts.file == "" {
		return opts.out, func(err error) error { return err }, nil
	}
	f, err := os.OpenFile(opts.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, nil, usageError{err}
	}
	return f, func(err error) error {
		err = cmp.Or(err, f.Close())
		if err != nil {
			_ = os.Remove(opts.file) // which holds nothing that can be used
		}
		return err
	}, nil
}

// recordFor returns a function that records for the terminal UI until its context
// ends.
func recordFor(now func() time.Time) func(ctx context.Context, c *connect.Conn, prefix, file string) (string, error) {
	return func(ctx context.Context, c *connect.Conn, prefix, file string) (string, error) {
		var said strings.Builder
		err := simulateRecord(ctx, &simulateRecordOptions{prefix: prefix, file: file, err: &said, now: now, source: c.Source})
		return strings.ReplaceAll(strings.TrimSpace(said.String()), "\n", "; "), err
	}
}

func summary(rec record.Recording, d time.Duration) string {
	text := fmt.Sprintf("recorded %d requests as %d clients in %s", rec.Requests, len(rec.Clients), seconds(d))
	if n := len(rec.Unsure); n > 0 {
		text += fmt.Sprintf("; the order of grants is not certain in %d places, which the file names", n)
	}
	return text
}

// What a scenario can say has bounds: a recording that comes near them ends.
const (
	maxSeen     = 9000
	maxSessions = 800
)

// tape is what was seen of an etcd.
type tape struct {
	now   func() time.Time
	begin time.Time // when the first requests were seen
	last  inspect.Snapshot
	seen  []record.Observed
	until time.Duration // when it ended
	notes []string

	sessions map[string]bool
}

// record watches until d is over, unless that is 0, or ctx ends.
func (t *tape) record(ctx context.Context, source *inspect.Source, prefix string, d time.Duration) error {
	ctx, stop := context.WithCancel(ctx)
	updates := source.WatchKinds(ctx, prefix)
	defer func() {
		stop()
		for range updates { // until nothing of it is left
		}
	}()
	var over <-chan time.Time
	for {
		select {
		case <-over:
			t.until = t.now().Sub(t.begin)
			return nil
		case u, ok := <-updates:
			switch {
			case !ok && t.begin.IsZero():
				return ctx.Err()
			case !ok:
				t.until = t.now().Sub(t.begin)
				return nil
			case t.begin.IsZero() && errors.Is(u.Err, rpctypes.ErrPermissionDenied):
				return u.Err // it will not come to anything
			}
			t.take(u)
			if len(t.seen) >= maxSeen || len(t.sessions) >= maxSessions {
				t.notes = append(t.notes, "It ended when it had as much as a scenario can say.")
				t.until = t.now().Sub(t.begin)
				return nil
			}
			if over == nil && d > 0 && !t.begin.IsZero() {
				over = time.After(d)
			}
		}
	}
}

// take adds what an update tells. What it does not, is what the locks came to.
func (t *tape) take(u inspect.Update) {
	before := t.last
	t.last = u.Snapshot
	switch {
	case u.Snapshot.Revision == 0: // etcd has not answered yet
	case t.begin.IsZero():
		t.begin = t.now()
		t.add(inspect.Compare(before, u.Snapshot), t.begin)
	case u.Resynced, u.Missed > 0:
		now := t.now()
		t.notes = append(t.notes, fmt.Sprintf("At %s, events are missing: what they came to is taken as of then.", seconds(now.Sub(t.begin))))
		t.add(inspect.Compare(before, u.Snapshot), now)
	default:
		t.add(u.Events, time.Time{})
	}
}

// add adds events, all of them at a time where they have none.
func (t *tape) add(events []inspect.Event, at time.Time) {
	if t.sessions == nil {
		t.sessions = map[string]bool{}
	}
	if !at.IsZero() { // which are lock by lock
		slices.SortStableFunc(events, func(a, b inspect.Event) int { return cmp.Compare(a.Request.Revision, b.Request.Revision) })
	}
	for _, e := range events {
		if !at.IsZero() {
			e.Time = at
		}
		o := observed(e, max(e.Time.Sub(t.begin), 0))
		t.seen = append(t.seen, o)
		t.sessions[o.Session] = true
	}
}

func observed(e inspect.Event, at time.Duration) record.Observed {
	r := e.Request
	who := cmp.Or(r.Owner.Label, r.Owner.Program)
	return record.Observed{
		At:       at,
		Moment:   observedMoment(e.Kind),
		Key:      r.Key,
		Revision: r.Revision,
		Session:  fmt.Sprint(r.Session()),
		Who:      who,
		Lock:     r.Lock.Name,
		Mode:     r.Mode,
		Mutex:    r.Lock.Layout == keyspace.Mutex,
	}
}

func observedMoment(kind inspect.EventKind) scenario.Moment {
	switch kind {
	case inspect.EventWaiting:
		return scenario.Waiting
	case inspect.EventAcquired:
		return scenario.Granted
	case inspect.EventExpired:
		return scenario.Lost
	case inspect.EventRevoked:
		return scenario.Closed
	case inspect.EventLeft:
		return scenario.Cancelled
	default:
		return scenario.Released
	}
}

// head is what the head of the file says of the recording.
func (t *tape) head(opts *simulateRecordOptions) []string {
	of := "all locks"
	if opts.prefix != "" && !opts.anonymize {
		of = "the locks below " + opts.prefix
	}
	notes := []string{fmt.Sprintf("Recorded from %s, for %s from %s on.", of, seconds(t.until), t.begin.UTC().Format(time.RFC3339))}
	return append(notes, t.notes...)
}
