package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/seconds"
	"etcd-lock/rwlock"
)

var showLong = `Shows the queue of the lock NAME, from its holders to the last waiter.

NAME is the exact name of the lock, not a prefix. A name may belong to a read/write
lock and to a mutex at once: they do not wait for each other, and are shown
separately.

With --rev N, shows the queue as of that revision, unless etcd has compacted it. A
revision has no time and no leases, so there are no ages and TTLs.

With -o json:
  name, name_base64     as for ls
  revision              etcd revision of the queue
  locks                 one for each layout; empty when the lock is free:
    layout, state       as for ls
    queue               in the order of the requests in etcd:
      position            from 1
` + docs.Indent(docs.RequestHelp, "      ") + `
      ttl_seconds         remaining TTL of the lease; absent when unknown, and far back in a
                          long queue
      blocked_by          positions of the requests that it waits for

` + changesFields + `

` + historyFields

// showOptions are the options of show.
type showOptions struct {
	name    string
	rev     revs
	history bool
	since   int64 // where the history begins; 0: as far back as etcd has it
	connect func(context.Context) (*connect.Conn, error)
	out     output.Printer
	err     io.Writer
	now     func() time.Time
}

// wanted reports whether a lock has the name that is shown.
func (opts *showOptions) wanted(id inspect.LockID) bool { return id.Name == opts.name }

func newShowCmd(a *app, runF func(context.Context, *showOptions) error) *cobra.Command {
	if runF == nil {
		runF = showRun
	}
	opts := &showOptions{}
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show the queue of a lock, from its holders to the last waiter",
		Long:  showLong,
		Example: `  etcd-lock show /jobs/nightly
  etcd-lock show /jobs/nightly --history --since 812`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.check(cmd.Flags()); err != nil {
				return err
			}
			opts.name, opts.connect, opts.out, opts.err, opts.now = args[0], a.connect, a.printer(), a.Err, a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	opts.rev.register(cmd.Flags())
	cmd.Flags().BoolVar(&opts.history, "history", false, "show what happened to its requests, as far back as etcd has it; etcd reads its whole history for that")
	cmd.Flags().Int64Var(&opts.since, "since", 0, "start the history at revision `REV`")
	return cmd
}

func (opts *showOptions) check(fs *pflag.FlagSet) error {
	switch {
	case opts.history && fs.Changed("rev"):
		return exclusive("--history", "--rev")
	case fs.Changed("since") && !opts.history:
		return errors.New("--since requires --history")
	case fs.Changed("since") && opts.since <= 0:
		return fmt.Errorf("--since %d: must be a revision such as 812", opts.since)
	default:
		return nil
	}
}

func showRun(ctx context.Context, opts *showOptions) error {
	if opts.name == "" {
		return usageError{rwlock.ErrInvalidName}
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	// The requests for a name are below it, as are those for names nested in it.
	prefix := opts.name + "/"
	switch {
	case opts.history:
		return showHistory(ctx, c, opts)
	case opts.rev.two:
		doc, err := compareRevisions(ctx, c, prefix, opts.rev, opts.wanted)
		if err != nil {
			return err
		}
		return doc.write(opts.out)
	default:
		return showQueue(ctx, c, prefix, opts)
	}
}

func showQueue(ctx context.Context, c *connect.Conn, prefix string, opts *showOptions) error {
	snapshot, err := c.Snapshot(ctx, prefix, opts.rev.from)
	if err != nil {
		return err
	}
	locks := named(snapshot, opts.name)
	var leases map[int64]inspect.Lease
	if opts.rev.from == 0 {
		leases, err = leasesOf(ctx, c, locks)
	}
	if err != nil && ctx.Err() == nil { // the queue is useful without them
		printNote(opts.err, "warning", fmt.Sprintf("remaining TTLs are not known: %v", err))
	}
	doc := newShowDoc(opts.name, snapshot.Revision, locks, leases)
	if opts.out.Format == output.JSON {
		return opts.out.Document(doc)
	}
	return doc.write(opts.out, opts.rev.clock(opts.now))
}

// named returns the locks of that name, at most one for each layout.
func named(s inspect.Snapshot, name string) []inspect.Lock {
	return slices.DeleteFunc(slices.Clone(s.Locks), func(l inspect.Lock) bool { return l.ID.Name != name })
}

// leasesOf looks up the leases of locks, from the heads of the queues on: etcd is
// asked for inspect.MaxLeases of them at most.
func leasesOf(ctx context.Context, c *connect.Conn, locks []inspect.Lock) (map[int64]inspect.Lease, error) {
	var ids []int64
	for _, l := range locks {
		for _, r := range l.Queue {
			ids = append(ids, r.Lease)
		}
	}
	return c.Leases(ctx, ids, inspect.Snapshot{Locks: locks})
}

// showDoc is what show prints as JSON; showLong documents its fields.
type showDoc struct {
	Name       string     `json:"name"`
	NameBase64 string     `json:"name_base64,omitempty"`
	Revision   int64      `json:"revision"`
	Locks      []showLock `json:"locks"`
}

type showLock struct {
	Layout string        `json:"layout"`
	State  string        `json:"state"`
	Queue  []showRequest `json:"queue"`
}

type showRequest struct {
	Position int `json:"position"`
	docs.Request
	TTL       *float64 `json:"ttl_seconds,omitempty"`
	BlockedBy []int    `json:"blocked_by"`
}

func newShowDoc(name string, revision int64, locks []inspect.Lock, leases map[int64]inspect.Lease) showDoc {
	doc := showDoc{Name: name, NameBase64: output.Base64(name), Revision: revision, Locks: []showLock{}}
	for _, l := range locks {
		shown := showLock{Layout: string(l.ID.Layout), State: string(l.State())}
		position := map[string]int{}
		for i, r := range l.Queue {
			position[r.Key] = i + 1
			request := newShowRequest(r, i+1, leases[r.Lease])
			for _, b := range l.Blockers(i) {
				request.BlockedBy = append(request.BlockedBy, position[b.Key])
			}
			shown.Queue = append(shown.Queue, request)
		}
		doc.Locks = append(doc.Locks, shown)
	}
	return doc
}

func newShowRequest(r inspect.Request, position int, lease inspect.Lease) showRequest {
	shown := showRequest{Position: position, Request: docs.NewRequest(r), BlockedBy: []int{}}
	if lease.State == inspect.LeaseAlive || lease.State == inspect.LeaseOverdue {
		s := lease.Remaining.Seconds()
		shown.TTL = &s
	}
	return shown
}

// write prints the locks for people as of a time, which is zero when that is not
// known.
func (d showDoc) write(out output.Printer, now time.Time) error {
	if len(d.Locks) == 0 {
		return out.Line(output.Cell{Text: d.Name + " is free"})
	}
	for i, l := range d.Locks {
		if i > 0 {
			_ = out.Line()
		}
		head := fmt.Sprintf("  %s, %s, at revision %d", l.Layout, l.State, d.Revision)
		if err := out.Line(output.Cell{Text: d.Name}, output.Cell{Text: head}); err != nil {
			return err
		}
		if err := l.table(out, now); err != nil {
			return err
		}
	}
	return nil
}

func (l showLock) table(out output.Printer, now time.Time) error {
	var rows [][]output.Cell
	for _, r := range l.Queue {
		age, ttl := "-", "-"
		if !r.Since.IsZero() && !now.IsZero() {
			age = format.Duration(now.Sub(r.Since))
		}
		if r.TTL != nil {
			ttl = format.Duration(seconds.FromFloat(*r.TTL))
			if *r.TTL < 0 {
				ttl = "over for " + format.Duration(seconds.FromFloat(-*r.TTL))
			}
		}
		row := output.Row(
			strconv.Itoa(r.Position), r.Mode, r.State, age, docs.Owner(r.Owner), format.Dash(r.Lease), ttl,
			strconv.FormatInt(r.Revision, 10), format.Dash(positions(r.BlockedBy)), r.Key)
		row[2].Tone = docs.StateTone(r.State == "holding")
		rows = append(rows, row)
	}
	return out.Table([]string{"#", "MODE", "STATE", "AGE", "OWNER", "LEASE", "TTL", "REVISION", "BLOCKED BY", "KEY"}, rows)
}

// positions joins positions as ranges, because a waiter far back has many blockers.
func positions(at []int) string {
	var parts []string
	for i := 0; i < len(at); {
		j := i
		for j+1 < len(at) && at[j+1] == at[j]+1 {
			j++
		}
		part := strconv.Itoa(at[i])
		if j > i {
			part += "-" + strconv.Itoa(at[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}
