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

	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
	"etcd-lock/rwlock"
)

var showLong = `Shows the queue of the lock NAME, from its holders to the last waiter.

NAME is the lock's name exactly, not a prefix. A name may be a read/write lock
and a mutex at once: these do not wait for each other, and are shown apart.

With --rev N, the queue as of that revision, as far back as etcd remembers. A
revision has no time and its leases are gone: ages and TTLs are not known of it.

With -o json:
  name, name_base64     as for ls
  revision              etcd's revision that this is of
  locks                 one for each layout; empty when the lock is free:
    layout, state       as for ls
    queue               in the order in which etcd received the requests:
      position            from 1
` + indent(requestLong, "      ") + `
      ttl_seconds         what is left of the lease; absent when unknown, and far back in a long queue
      blocked_by          positions of the requests that it waits for

` + changesFields + `

` + historyFields

// showOptions are what show was asked for.
type showOptions struct {
	name    string
	rev     revs
	history bool
	since   int64 // the history's begin; 0 is as far back as etcd remembers
	connect func(context.Context) (*connect.Conn, error)
	out     printer
	err     io.Writer
	now     func() time.Time
}

// wanted reports whether a lock has the name that was asked for.
func (opts *showOptions) wanted(id inspect.LockID) bool { return id.Name == opts.name }

func newShowCmd(a *app, runF func(context.Context, *showOptions) error) *cobra.Command {
	if runF == nil {
		runF = showRun
	}
	opts := &showOptions{}
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             "Show one lock's queue, holder to last waiter",
		Long:              showLong,
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
	cmd.Flags().BoolVar(&opts.history, "history", false, "what became of its requests, as far back as etcd remembers; costs etcd a reading of its whole history")
	cmd.Flags().Int64Var(&opts.since, "since", 0, "begin the history at revision `REV`")
	return cmd
}

func (opts *showOptions) check(fs *pflag.FlagSet) error {
	switch {
	case opts.history && fs.Changed("rev"):
		return errors.New("--history and --rev exclude each other")
	case fs.Changed("since") && !opts.history:
		return errors.New("--since goes with --history")
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
	// All requests for a name lie below it, beside those for names nested in it.
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
	if err != nil && ctx.Err() == nil { // the queue says enough without them
		_, _ = fmt.Fprintln(opts.err, printable.Text(fmt.Sprintf("etcd-lock: remaining TTLs are not known: %v", err)))
	}
	doc := newShowDoc(opts.name, snapshot.Revision, locks, leases)
	if opts.out.format == formatJSON {
		return opts.out.document(doc)
	}
	return doc.write(opts.out, opts.rev.clock(opts.now))
}

// named are the locks of that name, one for each layout at most.
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
	return c.Leases(ctx, ids)
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
	requestDoc
	TTL       *float64 `json:"ttl_seconds,omitempty"`
	BlockedBy []int    `json:"blocked_by"`
}

func newShowDoc(name string, revision int64, locks []inspect.Lock, leases map[int64]inspect.Lease) showDoc {
	doc := showDoc{Name: name, NameBase64: base64Of(name), Revision: revision, Locks: []showLock{}}
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
	shown := showRequest{Position: position, requestDoc: newRequestDoc(r), BlockedBy: []int{}}
	if lease.State == inspect.LeaseAlive {
		s := lease.Remaining.Seconds()
		shown.TTL = &s
	}
	return shown
}

// write prints the locks for people, as seen at a time, which is zero when
// nobody knows it.
func (d showDoc) write(out printer, now time.Time) error {
	if len(d.Locks) == 0 {
		return out.line(cell{text: d.Name + " is free"})
	}
	for i, l := range d.Locks {
		if i > 0 {
			_ = out.line()
		}
		head := fmt.Sprintf("  %s, %s, at revision %d", l.Layout, l.State, d.Revision)
		if err := out.line(cell{text: d.Name}, cell{text: head}); err != nil {
			return err
		}
		if err := l.table(out, now); err != nil {
			return err
		}
	}
	return nil
}

func (l showLock) table(out printer, now time.Time) error {
	var rows [][]cell
	for _, r := range l.Queue {
		age, ttl := "-", "-"
		if !r.Since.IsZero() && !now.IsZero() {
			age = seconds(since(now, r.Since))
		}
		if r.TTL != nil {
			ttl = seconds(time.Duration(*r.TTL * float64(time.Second)))
		}
		row := plainRow(
			strconv.Itoa(r.Position), r.Mode, r.State, age, ownerText(r.Owner), orDash(r.Lease), ttl,
			strconv.FormatInt(r.Revision, 10), orDash(positions(r.BlockedBy)), r.Key)
		row[2].tone = standingTone(r.State == "holding")
		rows = append(rows, row)
	}
	return out.table([]string{"#", "MODE", "STATE", "AGE", "OWNER", "LEASE", "TTL", "REVISION", "BLOCKED BY", "KEY"}, rows)
}

// positions names blockers as ranges, since a waiter far back has many.
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
