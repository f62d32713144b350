package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/access"
	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
)

var watchLong = `Prints what happens to the requests for the locks whose keys begin with a PREFIX, or
for all locks, as it happens. It runs until it is interrupted, and then exits with 0.

It starts with the requests that exist, unless --changes-only. When etcd is
unreachable, it says so and continues once etcd answers again. It never drops events
silently.

To find out why a request is gone, it looks up the lease, for a bounded number of
requests at a time. The session of the request may be
  alive     the client released the lock, or its key was deleted by another client
  gone      expired: the lease had missed renewals and ran out
            revoked: the lease was revoked while it had this and other requests
            released: the lease had time left, so the client closed its session, or the
            lease was revoked
            ended: one of these, and the lease was not looked up in time to know which

With -o json, a document per line. What happened to a request:
` + docs.Indent(docs.EventHelp, "  ") + `
Other events, with time and revision where known:
  snapshot            the next lines, as many as summaries says, are the requests that exist
  lost                etcd does not answer, see error; events will be reported later
  back                etcd answers again, and no event was missed
  gap                 events were dropped because this output was read too slowly: missed
                      says how many. The next lines, as many as summaries says, are the
                      net changes
  resynced            events are missing, and cause says why: compacted (by etcd, since it was
                      lost), other_cluster, went_back or replaced (the data is not that of
                      before: another etcd or a restored backup), silent (the watch sent
                      nothing although keys have changed). From is the last revision before,
                      and with tokens_went_back, fencing tokens up to it can be given twice.
                      The next lines, as many as summaries says, are the net changes

With --recording, it prints what was recorded since --at, since --rev or from the
beginning, and ends. Of a recording, a gap is also a time in which nothing was recorded, and
there are more events:
  raised, cleared     a problem, as the recorder found it: finding has kind, severity,
                      text, locks and sessions, as for why
  clock               the clock of the recorder was set
  damaged             the rest of the recording cannot be read, see error

` + contexts.LastingHelp + `
--count counts the events of all of them together.`

// watchOptions are the options of watch.
type watchOptions struct {
	prefixes    []string
	changesOnly bool
	count       int // end after this many events; 0: never
	rev         revs
	replay      func(func(flight.Step) error) error // passes on what was recorded; nil: etcd is watched
	several     *contexts.Lasting                   // in place of connect; nil: one etcd
	connect     func(context.Context) (*connect.Conn, error)
	out         output.Printer
	err         io.Writer
	now         func() time.Time
}

func newWatchCmd(a *app, runF func(context.Context, *watchOptions) error) *cobra.Command {
	if runF == nil {
		runF = watchRun
	}
	opts := &watchOptions{}
	var from recording.Flags
	cmd := &cobra.Command{
		Annotations: map[string]string{severalContexts: ""},
		Use:         "watch [PREFIX...]",
		Short:       "Print lock events as they happen",
		Long:        watchLong,
		Example: `  etcd-lock watch /jobs/
  etcd-lock watch /jobs/nightly --changes-only --count 1 -o json
  etcd-lock watch --context dev,prod /jobs/
  etcd-lock watch /jobs/ --recording /var/lib/etcd-lock --at 03:12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.count < 0 || cmd.Flags().Changed("count") && opts.count == 0 {
				return notPositive("count", opts.count)
			}
			if err := opts.readRecording(a, from, cmd.Flags()); err != nil {
				return err
			}
			opts.prefixes = args
			opts.several, opts.connect, opts.out, opts.err, opts.now = a.lasting(), a.connect, a.printer(), a.Err, a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().BoolVar(&opts.changesOnly, "changes-only", false, "do not print the requests that exist at the start")
	from.Register(cmd.Flags())
	cmd.Flags().Var(&opts.rev, "rev", "of a recording: what happened after revision `N`")
	cmd.Flags().IntVar(&opts.count, "count", 0, "exit after `N` events, not counting the requests that exist at the start")
	return cmd
}

// readRecording has the events read from a recording, if flags say so.
func (opts *watchOptions) readRecording(a *app, from recording.Flags, fs *pflag.FlagSet) error {
	switch {
	case opts.rev.from > 0 && !from.Given():
		return hint.Add(errors.New("--rev requires --recording"), "show NAME --history reads what etcd still has")
	case opts.rev.two:
		return errors.New("--rev: only a single revision can be the start")
	case !from.Given():
		return from.Check(fs.Changed("rev"))
	}
	opts.replay = func(step func(flight.Step) error) error {
		rules, err := a.rules()
		if err != nil {
			return err
		}
		return from.Replay(rules, opts.rev.from, a.now(), step)
	}
	return from.Check(fs.Changed("rev"))
}

func watchRun(ctx context.Context, opts *watchOptions) error {
	if opts.replay != nil {
		return recording.Watch(&recording.WatchOptions{
			Prefixes: opts.prefixes, ChangesOnly: opts.changesOnly, Count: opts.count, Replay: opts.replay, Out: opts.out,
		})
	}
	if opts.several != nil {
		return watchSeveral(ctx, opts)
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	f := opts.feed(opts.limit())
	var out *output.Stream
	return opts.watch(ctx, c, opts.err, func(u inspect.Update) (bool, error) {
		if out == nil {
			out = output.NewStream(opts.out, true, docs.EventColumns())
		}
		err := out.Write(f.entries(u))
		return f.done, err
	})
}

// watch passes on what happens to the locks of an etcd, until it is enough or ctx ends.
func (opts *watchOptions) watch(ctx context.Context, c *connect.Conn, notes io.Writer, take func(inspect.Update) (enough bool, err error)) error {
	prefixes, err := reach(ctx, c, opts.prefixes, notes)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	updates := c.Source.WatchCauses(ctx, prefixes...)
	defer func() {
		stop()
		for range updates { // until the watch has ended
		}
	}()
	known := false
	for u := range updates {
		if !known {
			printUnread(notes, u.Snapshot)
		}
		if !known && u.Err != nil && access.IsPermissionDenied(u.Err) {
			return u.Err // retrying does not help
		}
		known = u.Snapshot.Revision > 0
		if enough, err := take(u); err != nil || enough {
			return err
		}
	}
	return nil
}

// limit returns how many events are left to print; nil: no limit.
func (opts *watchOptions) limit() *int {
	if opts.count == 0 {
		return nil
	}
	left := opts.count
	return &left
}

func (opts *watchOptions) feed(left *int) *feed {
	return &feed{changesOnly: opts.changesOnly, now: opts.now, left: left}
}

// watchSeveral prints what happens in several contexts, in one stream.
func watchSeveral(ctx context.Context, opts *watchOptions) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &severalWatch{
		opts: opts, stop: stop, feeds: map[string]*feed{},
		out: output.NewStream(opts.out, true, append([]output.Column{docs.ContextColumn()}, docs.EventColumns()...)),
	}
	left := opts.limit()
	for _, m := range opts.several.Members {
		w.feeds[m.Name] = opts.feed(left)
	}
	err := opts.several.Follow(ctx, w)
	return cmp.Or(w.failed, err)
}

// severalWatch prints what happens in several contexts. It implements contexts.Follower.
type severalWatch struct {
	opts  *watchOptions
	stop  func()
	feeds map[string]*feed // by context

	// Guarded by the terminal's mutex, and so are the feeds.
	out    *output.Stream
	ended  bool
	failed error // of the output
}

// Follow implements contexts.Follower.
func (w *severalWatch) Follow(ctx context.Context, m contexts.Member, c *connect.Conn) error {
	return w.opts.watch(ctx, c, notesOf{w.opts.err, m.Name}, func(u inspect.Update) (bool, error) { return w.take(m, u), nil })
}

// Down implements contexts.Follower.
func (w *severalWatch) Down(m contexts.Member, err error) { w.take(m, inspect.Update{Err: err}) }

// take prints an update of a context, and reports whether that is enough.
func (w *severalWatch) take(m contexts.Member, u inspect.Update) (enough bool) {
	w.opts.several.Terminal.Lock()
	defer w.opts.several.Terminal.Unlock()
	if w.ended {
		return true
	}
	f := w.feeds[m.Name]
	w.failed = w.out.Write(docs.In(m.Name, f.entries(u)))
	if w.ended = f.done || w.failed != nil; w.ended {
		w.stop()
	}
	return w.ended
}

// feed turns updates into the lines to print. It does no I/O.
type feed struct {
	changesOnly bool
	left        *int // events to print, of all contexts; nil: no limit
	now         func() time.Time

	last inspect.Snapshot // everything up to it has been printed
	lost string           // the error that was printed, while etcd does not answer
	done bool             // the limit is reached
}

// entries returns the lines for u. Where not all events are known, these are the
// net changes.
func (f *feed) entries(u inspect.Update) []output.Entry {
	var all []output.Entry
	wasLost := f.lost != ""
	if u.Err == nil && f.lost != "" {
		f.lost = ""
	}
	if u.Err == nil && wasLost && !u.Resynced.Happened() { // else events were missed, which it says
		all = append(all, docs.Notice{Event: "back", Revision: u.Snapshot.Revision, Time: f.now(), Text: "etcd answers again"})
	}
	all = append(all, f.news(u)...)
	if u.Err != nil && f.lost != format.Plainly(u.Err) {
		f.lost = format.Plainly(u.Err)
		all = append(all, docs.Notice{Event: "lost", Time: f.now(), Error: f.lost, Text: f.lost})
	}
	return all
}

// news returns the lines for the events of u.
func (f *feed) news(u inspect.Update) []output.Entry {
	before := f.last
	f.last = u.Snapshot
	switch {
	case u.Snapshot.Revision == 0: // etcd has not answered yet
		return nil
	case before.Revision == 0:
		if f.changesOnly {
			return nil
		}
		return f.summary(u, before, docs.Notice{Event: "snapshot", Text: "current state"})
	case u.Resynced.Happened():
		r := u.Resynced
		return f.counted(f.summary(u, before, docs.Notice{
			Event: "resynced", Cause: string(r.Cause), From: r.From, TokensWentBack: r.TokensRepeat(),
			Text: r.Text() + "; events are missing, net changes follow",
		}))
	case u.Missed > 0:
		missed := u.Missed + len(u.Events)
		return f.counted(f.summary(u, before, docs.Notice{
			Event: "gap", Missed: missed, Text: format.Count(missed, "event was", "events were") + " dropped for a slow reader; net changes follow",
		}))
	}
	all := make([]output.Entry, 0, len(u.Events))
	for _, e := range u.Events {
		all = append(all, docs.NewEvent(e))
	}
	return f.counted(all)
}

// summary returns n and the net changes from a snapshot to that of u.
func (f *feed) summary(u inspect.Update, before inspect.Snapshot, n docs.Notice) []output.Entry {
	changes := inspect.Compare(before, u.Snapshot)
	number, now := len(changes), f.now()
	n.Revision, n.Time, n.Summary = u.Snapshot.Revision, now, &number
	all := []output.Entry{n}
	for _, e := range changes {
		all = append(all, docs.Summary(e, u.Snapshot.Revision, now))
	}
	return all
}

// counted cuts entries off after the last event that is to be printed.
func (f *feed) counted(all []output.Entry) []output.Entry {
	if f.left == nil {
		return all
	}
	for i, e := range all {
		if _, ok := e.(docs.Event); !ok {
			continue
		}
		if *f.left--; *f.left == 0 {
			f.done = true
			return all[:i+1]
		}
	}
	return all
}
