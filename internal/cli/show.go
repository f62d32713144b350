package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
)

var showLong = `Shows the queue of the lock NAME, from its holders to the last waiter.

NAME is the exact name of the lock, not a prefix. A name may belong to a read/write
lock and to a mutex at once, which are shown separately. Requests can also wait for
keys that are not in their queue: clients of a mutex wait for every older key below
its name. These are shown above the queue, in state "blocks".

With --rev N, shows the queue as of that revision, unless etcd has compacted it. A
revision has no time and no leases, so there are no ages and TTLs.

With -o json:
  name, name_base64     as for ls
  revision              etcd revision of the queue
  locks                 one for each layout; empty when no request is known:
` + docs.Indent(docs.QueueHelp, "    ") + `
` + docs.RecordedHelp + `

` + changesFields + `

` + historyFields + `

` + contexts.SeveralHelp

// showOptions are the options of show.
type showOptions struct {
	name    string
	rev     revs
	history bool
	since   int64 // where the history begins; 0: as far back as etcd has it

	recorded moments           // nil: etcd is read
	several  []contexts.Member // in place of connect; nil: one etcd
	connect  func(context.Context) (*connect.Conn, error)
	out      output.Printer
	err      io.Writer
	now      func() time.Time
}

// wanted reports whether a lock has the name that is shown.
func (opts *showOptions) wanted(id inspect.LockID) bool { return id.Name == opts.name }

func newShowCmd(a *app, runF func(context.Context, *showOptions) error) *cobra.Command {
	if runF == nil {
		runF = showRun
	}
	opts := &showOptions{}
	var name []byte
	var from recording.Flags
	cmd := &cobra.Command{
		Annotations: map[string]string{severalContexts: ""},
		Use:         "show {NAME | --name-base64 NAME}",
		Short:       "Show the queue of a lock, from its holders to the last waiter",
		Long:        showLong,
		Example: `  etcd-lock show /jobs/nightly
  etcd-lock show /jobs/nightly --history --since 812
  etcd-lock show /jobs/nightly --context dev,prod
  etcd-lock show /jobs/nightly --recording /var/lib/etcd-lock --at -2h`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeNames(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.check(cmd.Flags()); err != nil {
				return err
			}
			var err error
			if opts.name, err = nameOf(args, name); err != nil {
				return err
			}
			if opts.recorded, err = a.recorded(from, cmd.Flags()); err != nil {
				return err
			}
			opts.several, opts.connect, opts.out, opts.err, opts.now = a.members(), a.connect, a.printer(), a.Err, a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	opts.rev.register(cmd.Flags())
	from.Register(cmd.Flags())
	cmd.Flags().BytesBase64Var(&name, "name-base64", nil, "in place of NAME, in base64, for a `name` that cannot be an argument")
	cmd.Flags().BoolVar(&opts.history, "history", false, "show what happened to its requests, as far back as etcd has it; etcd reads its whole history for that")
	cmd.Flags().Int64Var(&opts.since, "since", 0, "start the history at revision `REV`")
	return cmd
}

// nameOf returns the name of a lock that was given as an argument, or encoded by a flag.
func nameOf(args []string, encoded []byte) (string, error) {
	switch {
	case encoded == nil && len(args) == 1:
		return args[0], nil
	case encoded != nil && len(args) == 0:
		return string(encoded), nil
	default:
		return "", errors.New("give either NAME or --name-base64")
	}
}

func (opts *showOptions) check(fs *pflag.FlagSet) error {
	switch {
	case opts.history && fs.Changed("rev"):
		return exclusive("--history", "--rev")
	case opts.history && fs.Changed("recording"):
		return exclusive("--history", "--recording")
	case fs.Changed("since") && !opts.history:
		return errors.New("--since requires --history")
	case fs.Changed("since") && opts.since <= 0:
		return fmt.Errorf("--since %d: must be a revision such as 812", opts.since)
	default:
		return nil
	}
}

func showRun(ctx context.Context, opts *showOptions) error {
	switch {
	case opts.recorded != nil:
		return showRecorded(opts)
	case opts.several != nil:
		return showSeveral(ctx, opts)
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	switch {
	case opts.history:
		return showHistory(ctx, c, opts)
	case opts.rev.two:
		doc, err := compareRevisions(snapshotsOf(ctx, c, []string{c.Source.EverAround(opts.name)}), opts.rev, opts.wanted)
		if err != nil {
			return err
		}
		return doc.write(opts.out)
	default:
		s, err := opts.read(ctx, c, opts.err)
		if err != nil {
			return err
		}
		return s.write(opts)
	}
}

// shown is what show says of an etcd.
type shown struct {
	showDoc
	absent []string // lines for people that say that there is no lock of the name
}

// read reads the queues of the lock.
func (opts *showOptions) read(ctx context.Context, c *connect.Conn, notes io.Writer) (shown, error) {
	snapshot, err := c.SnapshotOf(ctx, opts.rev.from, opts.name)
	if err != nil {
		return shown{}, err
	}
	printUnread(notes, snapshot)
	locks := withInfo(ctx, c, opts.rev.from, snapshot.Named(opts.name))
	var leases map[int64]inspect.Lease
	if opts.rev.from == 0 {
		leases, err = leasesOf(ctx, c, locks)
	}
	if err != nil && ctx.Err() == nil { // the queue is useful without them
		printNote(notes, "warning", fmt.Sprintf("remaining TTLs are not known: %s", format.Plainly(err)))
	}
	s := shown{showDoc: newShowDoc(opts.name, snapshot.Revision, locks, leases, opts.rev.clock(opts.now))}
	if len(locks) > 0 || opts.out.Format == output.JSON {
		return s, nil
	}
	text, meant, err := absence(ctx, c, opts.name, opts.rev.from)
	if s.absent = []string{text}; meant != "" {
		s.absent = append(s.absent, meant)
	}
	return s, err
}

func (s shown) write(opts *showOptions) error {
	if opts.out.Format == output.JSON {
		return opts.out.Document(s.showDoc)
	}
	for _, line := range s.absent {
		if err := opts.out.Line(output.Cell{Text: line}); err != nil {
			return err
		}
	}
	return s.showDoc.write(opts.out, opts.rev.clock(opts.now))
}

// showRecorded shows a queue of a recording.
func showRecorded(opts *showOptions) error {
	if opts.rev.two {
		doc, err := compareRevisions(opts.recorded.snapshots(), opts.rev, opts.wanted)
		if err != nil {
			return err
		}
		return doc.write(opts.out)
	}
	m, err := opts.recorded(opts.rev.from)
	if err != nil {
		return err
	}
	locks := m.Snapshot.Named(opts.name)
	doc := newShowDoc(opts.name, m.Snapshot.Revision, locks, m.Leases, m.Time)
	doc.Time, doc.Doubts = m.Time, m.Doubts
	switch {
	case opts.out.Format == output.JSON:
		return opts.out.Document(doc)
	case len(locks) == 0:
		return opts.out.Line(output.Cell{Text: notRecorded(opts.name)})
	default:
		return doc.write(opts.out, m.Time)
	}
}

// notRecorded says that a recording has no lock of a name.
func notRecorded(name string) string {
	return "no requests for " + format.Name(name) + " at that moment"
}

// withInfo returns locks with the owners that are in keys beside them. Where those cannot
// be read, the owner is not known, as before.
func withInfo(ctx context.Context, c *connect.Conn, revision int64, locks []inspect.Lock) []inspect.Lock {
	informed := locks
	_ = c.Do(ctx, func(ctx context.Context) (err error) {
		informed, err = c.Source.WithInfo(ctx, revision, locks)
		return err
	})
	return informed
}

// absence says that there is no lock of a name, and which locks may be meant. If the
// user may not read what begins with the name, it looks below the name only.
func absence(ctx context.Context, c *connect.Conn, name string, revision int64) (text, meant string, err error) {
	found, err := c.Absence(ctx, name, revision)
	if err != nil {
		return "", "", err
	}
	text, meant = absent(c.Flags, name, revision, found)
	return text, meant, nil
}

// showCommand is the command that prints the queues of a name, for a shell.
func showCommand(flags cmdline.Flags, name string) string {
	if strings.HasPrefix(name, "-") {
		return flags.Line("show", "--", name)
	}
	return flags.Line("show", name)
}

// absent says what absence returns, given what begins with the name.
func absent(flags cmdline.Flags, name string, revision int64, found inspect.Absence) (text, meant string) {
	text, names := narrate.Absence(name, found)
	itself := slices.ContainsFunc(found.Keys, func(k inspect.Request) bool { return k.Key == name })
	switch word := printable.Shell(name); {
	case len(names) > 0:
		for i, name := range names {
			names[i] = format.Name(name)
		}
		meant = "did you mean " + strings.Join(names, " or ") + "?"
	case itself && printable.Text(word) == word:
		meant = "to see why that key is no lock: " + flags.Line("layouts", "explain", name)
	case found.Count == 0 && len(found.Candidates) == 0 && !found.KeyOnly:
		ls := []string{"ls"}
		if revision > 0 {
			ls = append(ls, "--rev", fmt.Sprint(revision))
		}
		meant = "names are exact: " + flags.Line(ls...) + " lists those that are held or waited for"
	}
	return text, meant
}

// leasesOf looks up the leases of locks, from the heads of the queues on: etcd is
// asked for inspect.MaxLeases of them at most.
func leasesOf(ctx context.Context, c *connect.Conn, locks []inspect.Lock) (map[int64]inspect.Lease, error) {
	var ids []int64
	for _, l := range locks {
		for _, requests := range [][]inspect.Request{l.Others, l.Queue} {
			for i := 0; i < len(requests) && len(ids) < inspect.MaxLeases; i++ {
				if id := requests[i].Lease; id != 0 && !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
		}
	}
	return c.Leases(ctx, ids, inspect.Snapshot{Locks: locks})
}

// showDoc is what show prints as JSON; showLong documents its fields.
type showDoc struct {
	Context    string       `json:"context,omitempty"` // one of several
	Name       string       `json:"name"`
	NameBase64 string       `json:"name_base64,omitempty"`
	Revision   int64        `json:"revision"`
	Locks      []docs.Queue `json:"locks"`
	docs.Recorded
}

// Lists implements output.Lister.
func (d showDoc) Lists() []output.Elements { return docs.Queues(d.Locks) }

func newShowDoc(name string, revision int64, locks []inspect.Lock, leases map[int64]inspect.Lease, now time.Time) showDoc {
	doc := showDoc{Name: name, NameBase64: output.Base64(name), Revision: revision, Locks: []docs.Queue{}}
	for _, l := range locks {
		doc.Locks = append(doc.Locks, docs.NewQueue(l, leases, now))
	}
	return doc
}

// write prints the locks for people as of a time, which is zero when that is not
// known.
func (d showDoc) write(out output.Printer, now time.Time) error {
	for i, l := range d.Locks {
		if i > 0 {
			_ = out.Line()
		}
		if err := out.Line(output.Cell{Text: format.Name(d.Name)}, output.Cell{Text: d.head(l)}); err != nil {
			return err
		}
		if err := l.Table(out, now); err != nil {
			return err
		}
	}
	return nil
}

// head is what is said of a lock behind its name.
func (d showDoc) head(l docs.Queue) string {
	return fmt.Sprintf("  %s, %s, at revision %d", l.Layout, l.State, d.Revision)
}
