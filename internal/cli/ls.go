package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

const lsLong = `Lists the locks whose keys begin with a PREFIX, or all locks. Several prefixes are read
at one revision. A user who may not read all keys and gives no PREFIX sees the locks
below each prefix that the user may read, and a note says so.

A free lock has no keys in etcd, and is not listed.

With --rev N, lists the locks as of that revision, unless etcd has compacted it. A
revision has no time, so there are no wait times.

With -o json:
  prefixes              that were read: as given, without those below others; empty for
                        all keys
  prefixes_base64       only when one is not valid UTF-8
  revision              etcd revision of the list
  other                 number of keys below the prefixes that are not lock requests; null
                        for a part of a recording
  locks                 sorted by name, then layout:
    name                as in etcd
    name_base64         only when the name is not valid UTF-8
    layout              rwlock, mutex for etcd's own mutexes and elections, or another
                        one: etcd-lock layouts lists them
    state               read, write, contended when there are waiters, or blocked when
                        there are waiters and no holder: other keys are in the way;
                        cached: its writer keeps it between its uses until others ask;
                        vacant: its key says that nobody holds it; kept: its client has
                        ended, and nobody gets it until the key's lease ends; lapsed: its
                        key names a holder who has not renewed it in time; unknown: its
                        value is encrypted
    readers, writers    number of holders; null in state unknown
    waiters             number of waiters; null when clients of the layout leave no trace
                        while they wait
    oldest              when the oldest request was made; absent when unknown
    longest_wait_seconds  absent when unknown or without waiters
    longest_wait_bound  exact, or at_least: the first waiter recorded no time
` + docs.RecordedHelp + `

` + changesFields + `

` + contexts.SeveralHelp

// lsOptions are the options of ls.
type lsOptions struct {
	prefixes []string
	rev      revs
	recorded moments           // nil: etcd is read
	several  []contexts.Member // in place of connect; nil: one etcd
	connect  func(context.Context) (*connect.Conn, error)
	out      output.Printer
	err      io.Writer
	now      func() time.Time
}

func newLsCmd(a *app, runF func(context.Context, *lsOptions) error) *cobra.Command {
	if runF == nil {
		runF = lsRun
	}
	var rev revs
	var from recording.Flags
	cmd := &cobra.Command{
		Annotations: map[string]string{severalContexts: ""},
		Use:         "ls [PREFIX...]",
		Short:       "List locks: layout, state, readers, writers, waiters, longest wait",
		Long:        lsLong,
		Example: `  etcd-lock ls /jobs/ /reports/
  etcd-lock ls -o json | jq -r '.locks[] | select(.waiters > 0) | .name'
  etcd-lock ls --rev 812..900
  etcd-lock ls --context dev,prod /jobs/
  etcd-lock ls --recording /var/lib/etcd-lock --at 03:12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := &lsOptions{prefixes: args, rev: rev, several: a.members(), connect: a.connect, out: a.printer(), err: a.Err, now: a.now}
			var err error
			if opts.recorded, err = a.recorded(from, cmd.Flags()); err != nil {
				return err
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	rev.register(cmd.Flags())
	from.Register(cmd.Flags())
	return cmd
}

func lsRun(ctx context.Context, opts *lsOptions) error {
	switch {
	case opts.recorded != nil:
		return lsRecorded(opts)
	case opts.several != nil:
		return lsSeveral(ctx, opts)
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if opts.rev.two {
		prefixes, err := reach(ctx, c, opts.prefixes, opts.err)
		if err != nil {
			return err
		}
		doc, err := compareRevisions(snapshotsOf(ctx, c, prefixes), opts.rev, anyLock)
		if err != nil {
			return err
		}
		return doc.write(opts.out)
	}
	doc, err := opts.read(ctx, c, opts.err)
	if err != nil {
		return err
	}
	return doc.write(opts)
}

// read lists the locks of an etcd.
func (opts *lsOptions) read(ctx context.Context, c *connect.Conn, notes io.Writer) (lsDoc, error) {
	prefixes, err := reach(ctx, c, opts.prefixes, notes)
	if err != nil {
		return lsDoc{}, err
	}
	snapshot, err := c.Snapshot(ctx, opts.rev.from, prefixes...)
	if err != nil {
		return lsDoc{}, err
	}
	printUnread(notes, snapshot)
	doc := newLsDoc(snapshot, opts.rev.clock(opts.now))
	switch {
	case snapshot.Other > 0:
		doc.helps = "to see why a key is no lock: " + c.Flags.Line("layouts", "explain", "KEY")
	case len(opts.prefixes) > 0:
		doc.helps = "a prefix is how keys begin: " + c.Flags.Line("ls") + " lists all locks"
	}
	return doc, nil
}

// lsSeveral lists the locks of several contexts.
func lsSeveral(ctx context.Context, opts *lsOptions) error {
	answers, failed := askAll(ctx, opts.several, opts.err, opts.read)
	if opts.out.Format == output.JSON {
		return cmp.Or(contexts.Document(opts.out, answers, func(a contexts.Answer[lsDoc]) any {
			a.Doc.Context = a.Context
			return a.Doc
		}), failed)
	}
	var rows [][]output.Cell
	for _, a := range contexts.Answered(answers) {
		if len(a.Doc.Locks) == 0 {
			_, _ = fmt.Fprintln(opts.err, printable.Text(a.Context+": "+a.Doc.none()))
			a.Doc.help(opts.err)
		}
		for _, row := range a.Doc.rows() {
			rows = append(rows, append(output.Row(a.Context), row...))
		}
	}
	if len(rows) == 0 {
		return failed
	}
	return cmp.Or(opts.out.Table(append([]string{"CONTEXT"}, lsHeading()...), rows), failed)
}

// lsRecorded lists the locks of a recording.
func lsRecorded(opts *lsOptions) error {
	if opts.rev.two {
		doc, err := compareRevisions(opts.recorded.snapshots(opts.prefixes...), opts.rev, anyLock)
		if err != nil {
			return err
		}
		return doc.write(opts.out)
	}
	m, err := opts.recorded(opts.rev.from, opts.prefixes...)
	if err != nil {
		return err
	}
	doc := newLsDoc(m.Snapshot, m.Time)
	doc.Time, doc.Doubts = m.Time, m.Doubts
	return doc.write(opts)
}

func (d lsDoc) write(opts *lsOptions) error {
	if opts.out.Format == output.JSON {
		return opts.out.Document(d)
	}
	if len(d.Locks) == 0 {
		_, err := fmt.Fprintln(opts.err, printable.Text(d.none()))
		d.help(opts.err)
		return err
	}
	return d.table(opts.out)
}

// help prints what helps if there is no lock.
func (d lsDoc) help(w io.Writer) {
	if d.helps != "" {
		_, _ = fmt.Fprintln(w, printable.Text(d.helps))
	}
}

// lsDoc is what ls prints as JSON; lsLong documents its fields.
type lsDoc struct {
	Context        string   `json:"context,omitempty"` // one of several
	Prefixes       []string `json:"prefixes"`
	PrefixesBase64 []string `json:"prefixes_base64,omitempty"`
	Revision       int64    `json:"revision"`
	Other          *int     `json:"other"`
	Locks          []lsLock `json:"locks"`
	docs.Recorded

	helps string // if there is no lock; empty: nothing is known to
}

type lsLock struct {
	Name        string    `json:"name"`
	NameBase64  string    `json:"name_base64,omitempty"`
	Layout      string    `json:"layout"`
	State       string    `json:"state"`
	Readers     *int      `json:"readers"`
	Writers     *int      `json:"writers"`
	Waiters     *int      `json:"waiters"`
	Oldest      time.Time `json:"oldest,omitzero"`
	LongestWait *float64  `json:"longest_wait_seconds,omitempty"`
	WaitBound   string    `json:"longest_wait_bound,omitempty"`

	readers, writers, waiters, wait string // for people
}

// newLsDoc describes s as of a time, which is zero when that is not known.
func newLsDoc(s inspect.Snapshot, now time.Time) lsDoc {
	doc := lsDoc{
		Prefixes:       append([]string{}, s.Prefixes...),
		PrefixesBase64: output.Base64s(s.Prefixes),
		Revision:       s.Revision,
		Locks:          []lsLock{},
	}
	if s.Other != flight.OtherUnknown {
		doc.Other = &s.Other
	}
	for _, l := range s.Locks {
		doc.Locks = append(doc.Locks, newLsLock(l, now))
	}
	return doc
}

func newLsLock(l inspect.Lock, now time.Time) lsLock {
	counts := l.Count()
	row := lsLock{
		Name:       l.ID.Name,
		NameBase64: output.Base64(l.ID.Name),
		Layout:     l.ID.Layout.String(),
		State:      string(l.StateAt(now)),
		Oldest:     l.Oldest(),
		waiters:    format.Waiters(counts.Waiters, l.ID.Layout.Waiters),
	}
	known := l.State() != inspect.StateUnknown
	row.readers, row.writers = format.Waiters(counts.Readers, known), format.Waiters(counts.Writers, known)
	if known {
		row.Readers, row.Writers = &counts.Readers, &counts.Writers
	}
	if l.ID.Layout.Waiters {
		row.Waiters = &counts.Waiters
	}
	longest := l.LongestWait()
	row.wait = longest.Short(now)
	if t, bound := longest.Since(); longest.Known() && !now.IsZero() {
		wait := max(now.Sub(t), 0).Seconds()
		row.LongestWait, row.WaitBound = &wait, bound.String()
	}
	return row
}

// none is printed instead of a table without rows.
func (d lsDoc) none() string {
	none := "no locks"
	if len(d.Prefixes) > 0 {
		none += " below " + format.List(d.Prefixes, "or")
	}
	if d.Other != nil && *d.Other > 0 {
		none += "; " + format.Count(*d.Other, "other key", "other keys")
	}
	return none
}

func (d lsDoc) table(out output.Printer) error { return out.Table(lsHeading(), d.rows()) }

func lsHeading() []string {
	return []string{"NAME", "LAYOUT", "STATE", "READERS", "WRITERS", "WAITERS", "LONGEST WAIT"}
}

func (d lsDoc) rows() (rows [][]output.Cell) {
	for _, l := range d.Locks {
		row := output.Row(format.Name(l.Name), l.Layout, l.State,
			l.readers, l.writers, l.waiters, l.wait)
		row[2].Tone = stateTone(l.State)
		rows = append(rows, row)
	}
	return rows
}

func stateTone(state string) output.Tone {
	if state == string(inspect.StateContended) || state == string(inspect.StateBlocked) {
		return output.Contended
	}
	return output.Holding
}
