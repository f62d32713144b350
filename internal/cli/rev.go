package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
)

// revs is the value of --rev: a revision, or two to compare.
type revs struct {
	from int64 // 0: now
	two  bool
	to   int64 // of two; 0: now
}

// moments opens moments of a recording: of a revision or, for 0, of --at or its end.
type moments func(revision int64, prefixes ...string) (flight.Moment, error)

// recorded returns the function that opens moments, or nil without a recording.
func (a *app) recorded(f recording.Flags, fs *pflag.FlagSet) (moments, error) {
	if err := f.Check(fs.Changed("rev")); err != nil || !f.Given() {
		return nil, err
	}
	return func(revision int64, prefixes ...string) (flight.Moment, error) {
		return a.moment(f, revision, prefixes...)
	}, nil
}

// snapshots returns how the locks were at revisions of the recording.
func (m moments) snapshots(prefixes ...string) func(int64) (inspect.Snapshot, error) {
	return func(revision int64) (inspect.Snapshot, error) {
		moment, err := m(revision, prefixes...)
		return moment.Snapshot, err
	}
}

// snapshotsOf returns how the locks below prefixes were at revisions of etcd.
func snapshotsOf(ctx context.Context, c *connect.Conn, prefixes []string) func(int64) (inspect.Snapshot, error) {
	return func(revision int64) (inspect.Snapshot, error) { return c.Snapshot(ctx, revision, prefixes...) }
}

func (r *revs) register(fs *pflag.FlagSet) {
	fs.Var(r, "rev", "as of revision `N`; A..B: changes between two revisions, A..: until now")
}

// Set implements pflag.Value.
func (r *revs) Set(s string) error {
	from, to, two := strings.Cut(s, "..")
	set := revs{two: two}
	var err error
	if set.from, err = parseRevision(from); err == nil && to != "" {
		set.to, err = parseRevision(to)
	}
	switch {
	case err != nil:
		return err
	case set.to > 0 && set.to <= set.from:
		return errors.New("the second revision must be later than the first")
	}
	*r = set
	return nil
}

func parseRevision(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return 0, errors.New("must be a revision such as 812, or a range such as 812..900")
	}
	return n, nil
}

// String implements pflag.Value.
func (r *revs) String() string {
	switch {
	case r.from == 0:
		return ""
	case !r.two:
		return strconv.FormatInt(r.from, 10)
	case r.to == 0:
		return fmt.Sprintf("%d..", r.from)
	default:
		return fmt.Sprintf("%d..%d", r.from, r.to)
	}
}

// Type implements pflag.Value.
func (r *revs) Type() string { return "revision" }

// clock returns the time from which ages are counted. It is zero for a past
// revision, which has no time.
func (r *revs) clock(now func() time.Time) time.Time {
	if r.from > 0 {
		return time.Time{}
	}
	return now()
}

const changesFields = `With --rev A..B, prints the net changes: requests that are gone, that are new, and
that were granted, and keys in the way of requests that came or went. What came and
went in between does not show.

With --rev A..B -o json:
  from, to              the two revisions
  changes               by lock: event and request, as for watch; the revision of a request
                        that was only granted is not after from`

// changesDoc is what --rev A..B prints as JSON; changesFields documents it.
type changesDoc struct {
	From    int64        `json:"from"`
	To      int64        `json:"to"`
	Changes []docs.Event `json:"changes"`
}

// compareRevisions returns what changed between two revisions in the locks that are
// wanted, given how the locks were at a revision.
func compareRevisions(at func(int64) (inspect.Snapshot, error), r revs, wanted func(inspect.LockID) bool) (changesDoc, error) {
	before, err := at(r.from)
	if err != nil {
		return changesDoc{}, err
	}
	after, err := at(r.to)
	if err != nil {
		return changesDoc{}, err
	}
	doc := changesDoc{From: before.Revision, To: after.Revision, Changes: []docs.Event{}}
	for _, e := range inspect.Compare(before, after) {
		if wanted(e.Lock()) {
			doc.Changes = append(doc.Changes, docs.NewEvent(e))
		}
	}
	return doc, nil
}

func anyLock(inspect.LockID) bool { return true }

func (d changesDoc) write(out output.Printer) error {
	if out.Format == output.JSON {
		return out.Document(d)
	}
	if len(d.Changes) == 0 {
		return out.Line(output.Cell{Text: fmt.Sprintf("no changes from revision %d to %d", d.From, d.To)})
	}
	var heading []string
	for _, c := range docs.EventColumns() {
		heading = append(heading, c.Heading)
	}
	rows := make([][]output.Cell, 0, len(d.Changes))
	for _, e := range d.Changes {
		rows = append(rows, e.Cells())
	}
	return out.Table(heading, rows)
}

const snapshotLong = `Writes the locks whose keys begin with a PREFIX, or all locks, to the new FILE, with what
happened to them as far back as etcd has it, up to 100,000 revisions, and with what why
finds. With --recording, it writes that recording, or the part of it between two times.

FILE is one file to attach to a ticket. Whatever reads a recording reads it:
"etcd-lock why --recording FILE".

It has the names of locks, keys, hosts and programs. --anonymize replaces them: equal
names stay equal, nested ones nested, and numbers, hexadecimal numbers and UUIDs stay
such. Leases, revisions, process IDs and times stay as they are.`

func newSnapshotCmd(a *app, runF func(context.Context, *recording.SnapshotOptions) error) *cobra.Command {
	if runF == nil {
		runF = recording.Snapshot
	}
	opts := &recording.SnapshotOptions{}
	cmd := &cobra.Command{
		Use:   "snapshot FILE [PREFIX...]",
		Short: "Write locks and what happened to them to one file",
		Long:  snapshotLong,
		Example: `  etcd-lock snapshot now.jsonl.zst
  etcd-lock snapshot incident.jsonl.zst --recording /var/lib/etcd-lock --from 03:00 --to 03:30 --anonymize`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.File, opts.Prefixes = args[0], args[1:]
			opts.Rules, opts.Connect, opts.Note, opts.Now = a.rules, a.connect, a.note, a.now
			opts.Reach = a.reach
			if err := opts.Check(); err != nil {
				return err
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	recording.RegisterPath(cmd.Flags(), &opts.Recording)
	opts.Span.Register(cmd.Flags())
	cmd.Flags().BoolVar(&opts.Anonymize, "anonymize", false, "replace the names of locks, keys, hosts, programs and labels")
	return cmd
}
