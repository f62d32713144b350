package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

const lsLong = `Lists the locks whose keys begin with PREFIX, or all locks.

A free lock has no keys in etcd, and is not listed.

With --rev N, lists the locks as of that revision, unless etcd has compacted it. A
revision has no time, so there are no wait times.

With -o json:
  prefix                as given
  revision              etcd revision of the list
  other                 number of keys below the prefix that are not lock requests
  locks                 sorted by name, then layout:
    name                as in etcd
    name_base64         only when the name is not valid UTF-8
    layout              rwlock, mutex for etcd's own mutexes and elections, or another
                        one: etcd-lock layouts lists them
    state               read, write, contended when there are waiters, or blocked when
                        there are waiters and no holder: other keys are in the way;
                        vacant: its key says that nobody holds it; lapsed: its key names
                        a holder who has not renewed it in time; unknown: its value is
                        encrypted
    readers, writers    number of holders
    waiters             number of waiters; null when clients of the layout leave no trace
                        while they wait
    oldest              when the oldest request was made; absent when unknown
    longest_wait_seconds  absent when unknown or without waiters
    longest_wait_bound  exact, or at_least: the first waiter recorded no time

` + changesFields

// lsOptions are the options of ls.
type lsOptions struct {
	prefix  string
	rev     revs
	connect func(context.Context) (*connect.Conn, error)
	out     output.Printer
	err     io.Writer
	now     func() time.Time
}

func newLsCmd(a *app, runF func(context.Context, *lsOptions) error) *cobra.Command {
	if runF == nil {
		runF = lsRun
	}
	var rev revs
	cmd := &cobra.Command{
		Use:   "ls [PREFIX]",
		Short: "List locks: layout, state, readers, writers, waiters, longest wait",
		Long:  lsLong,
		Example: `  etcd-lock ls /jobs/
  etcd-lock ls -o json | jq -r '.locks[] | select(.waiters > 0) | .name'
  etcd-lock ls --rev 812..900`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := &lsOptions{rev: rev, connect: a.connect, out: a.printer(), err: a.Err, now: a.now}
			if len(args) > 0 {
				opts.prefix = args[0]
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	rev.register(cmd.Flags())
	return cmd
}

func lsRun(ctx context.Context, opts *lsOptions) error {
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if opts.rev.two {
		doc, err := compareRevisions(ctx, c, opts.prefix, opts.rev, anyLock)
		if err != nil {
			return err
		}
		return doc.write(opts.out)
	}
	snapshot, err := c.Snapshot(ctx, opts.prefix, opts.rev.from)
	if err != nil {
		return err
	}
	doc := newLsDoc(snapshot, opts.rev.clock(opts.now))
	if opts.out.Format == output.JSON {
		return opts.out.Document(doc)
	}
	if len(doc.Locks) == 0 {
		_, err := fmt.Fprintln(opts.err, printable.Text(doc.none()))
		return err
	}
	return doc.table(opts.out)
}

// lsDoc is what ls prints as JSON; lsLong documents its fields.
type lsDoc struct {
	Prefix       string   `json:"prefix"`
	PrefixBase64 string   `json:"prefix_base64,omitempty"`
	Revision     int64    `json:"revision"`
	Other        int      `json:"other"`
	Locks        []lsLock `json:"locks"`
}

type lsLock struct {
	Name        string    `json:"name"`
	NameBase64  string    `json:"name_base64,omitempty"`
	Layout      string    `json:"layout"`
	State       string    `json:"state"`
	Readers     int       `json:"readers"`
	Writers     int       `json:"writers"`
	Waiters     *int      `json:"waiters"`
	Oldest      time.Time `json:"oldest,omitzero"`
	LongestWait *float64  `json:"longest_wait_seconds,omitempty"`
	WaitBound   string    `json:"longest_wait_bound,omitempty"`

	wait, waiters string // for people
}

// newLsDoc describes s as of a time, which is zero when that is not known.
func newLsDoc(s inspect.Snapshot, now time.Time) lsDoc {
	doc := lsDoc{
		Prefix:       s.Prefix,
		PrefixBase64: output.Base64(s.Prefix),
		Revision:     s.Revision,
		Other:        s.Other,
		Locks:        []lsLock{},
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
		Readers:    counts.Readers,
		Writers:    counts.Writers,
		Oldest:     l.Oldest(),
		waiters:    format.Waiters(counts.Waiters, l.ID.Layout.Waiters),
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
	if d.Prefix == "" {
		return "no locks"
	}
	return "no locks below " + d.Prefix
}

func (d lsDoc) table(out output.Printer) error {
	var rows [][]output.Cell
	for _, l := range d.Locks {
		row := output.Row(format.Name(l.Name), l.Layout, l.State,
			strconv.Itoa(l.Readers), strconv.Itoa(l.Writers), l.waiters, l.wait)
		row[2].Tone = stateTone(l.State)
		rows = append(rows, row)
	}
	return out.Table([]string{"NAME", "LAYOUT", "STATE", "READERS", "WRITERS", "WAITERS", "LONGEST WAIT"}, rows)
}

func stateTone(state string) output.Tone {
	if state == string(inspect.StateContended) || state == string(inspect.StateBlocked) {
		return output.Contended
	}
	return output.Holding
}
