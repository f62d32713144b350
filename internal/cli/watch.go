package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
)

var watchLong = `Prints what becomes of the requests for the locks whose keys begin with PREFIX,
or for all of them, as it happens, until it is interrupted, which is no failure.

It begins with the requests that are there, unless --changes-only. It goes on
when etcd goes away and comes back, and says so; nothing is left out silently.

Why a request is gone is found out by looking up leases, a bounded number at a
time. Its session may be
  alive     the client gave the lock back, or somebody deleted its key
  gone      expired: the session's time had run out, and renewals had been missed.
            revoked: it was closed or revoked before its time, with this and other
            requests. Otherwise one of these, or the client gave the lock back and
            then closed its session: which of them cannot be known.

With -o json, a document a line. What became of a request:
` + indent(eventLong, "  ") + `
Between them, with time and revision where known:
  snapshot            as many lines as summaries says follow: the requests there are
  lost                etcd does not answer, as error says; what happens now is told later
  back                it answers again, and all that it told meanwhile is told
  gap                 as many events as missed says are left out, because this was read too
                      slowly; as many lines as summaries says follow: what they come to
  resynced            etcd has forgotten what happened while it was away, or is another one;
                      as many lines as summaries says follow: what that comes to`

// watchOptions are what watch was asked for.
type watchOptions struct {
	prefix      string
	changesOnly bool
	count       int // of events, after which it ends; 0 is never
	connect     func(context.Context) (*connect.Conn, error)
	out         printer
	now         func() time.Time
}

func newWatchCmd(a *app, runF func(context.Context, *watchOptions) error) *cobra.Command {
	if runF == nil {
		runF = watchRun
	}
	opts := &watchOptions{}
	cmd := &cobra.Command{
		Use:   "watch [PREFIX]",
		Short: "Print what becomes of requests, as it happens",
		Long:  watchLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.count < 0 || cmd.Flags().Changed("count") && opts.count == 0 {
				return fmt.Errorf("--count %d: must be more than 0", opts.count)
			}
			if len(args) > 0 {
				opts.prefix = args[0]
			}
			opts.connect, opts.out, opts.now = a.connect, a.printer(), a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().BoolVar(&opts.changesOnly, "changes-only", false, "do not begin with the requests that are there")
	cmd.Flags().IntVar(&opts.count, "count", 0, "end after `N` events, not counting the requests that are there")
	return cmd
}

func watchRun(ctx context.Context, opts *watchOptions) error {
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, stop := context.WithCancel(ctx)
	updates := c.Source.WatchEnds(ctx, opts.prefix)
	defer func() {
		stop()
		for range updates { // until nothing of it is left
		}
	}()
	f := feed{changesOnly: opts.changesOnly, now: opts.now, count: opts.count}
	out := newStream(opts.out, true)
	for u := range updates {
		if f.last.Revision == 0 && errors.Is(u.Err, rpctypes.ErrPermissionDenied) {
			return u.Err // it will not come to anything
		}
		if err := out.write(f.entries(u)); err != nil || f.done {
			return err
		}
	}
	return nil
}

// feed turns updates into entries. It has no I/O.
type feed struct {
	changesOnly bool
	count       int // ends after so many events, unless it is 0
	now         func() time.Time

	last inspect.Snapshot // all up to there has been told
	lost string           // the error that has been told, while etcd does not answer
	done bool             // nothing more is wanted
}

// entries is what u has to tell. Where it does not know everything that
// happened, what that came to is told instead.
func (f *feed) entries(u inspect.Update) []entry {
	var all []entry
	if u.Err == nil && f.lost != "" {
		f.lost = ""
		all = append(all, notice{Event: "back", Revision: u.Snapshot.Revision, Time: f.now(), text: "etcd answers again"})
	}
	all = append(all, f.news(u)...)
	if u.Err != nil && f.lost != u.Err.Error() {
		f.lost = u.Err.Error()
		all = append(all, notice{Event: "lost", Time: f.now(), Error: f.lost, text: f.lost})
	}
	return all
}

func (f *feed) news(u inspect.Update) []entry {
	before := f.last
	f.last = u.Snapshot
	switch {
	case u.Snapshot.Revision == 0: // etcd has not answered yet
		return nil
	case before.Revision == 0:
		if f.changesOnly {
			return nil
		}
		return f.summary(u, before, notice{Event: "snapshot", text: "as it is"})
	case u.Resynced:
		return f.counted(f.summary(u, before, notice{
			Event: "resynced", text: "etcd has forgotten what happened, or is another one: what it comes to",
		}))
	case u.Missed > 0:
		missed := u.Missed + len(u.Events)
		return f.counted(f.summary(u, before, notice{
			Event: "gap", Missed: missed, text: fmt.Sprintf("%d events missed by a slow reader: what they come to", missed),
		}))
	}
	all := make([]entry, 0, len(u.Events))
	for _, e := range u.Events {
		all = append(all, newEventDoc(e))
	}
	return f.counted(all)
}

// summary is n and what led from a snapshot to that of u.
func (f *feed) summary(u inspect.Update, before inspect.Snapshot, n notice) []entry {
	changes := inspect.Compare(before, u.Snapshot)
	number, now := len(changes), f.now()
	n.Revision, n.Time, n.Summary = u.Snapshot.Revision, now, &number
	all := []entry{n}
	for _, e := range changes {
		all = append(all, summaryDoc(e, u.Snapshot.Revision, now))
	}
	return all
}

// counted are the entries up to the last event that is wanted.
func (f *feed) counted(all []entry) []entry {
	if f.count == 0 {
		return all
	}
	for i, e := range all {
		if _, ok := e.(eventDoc); !ok {
			continue
		}
		if f.count--; f.count == 0 {
			f.done = true
			return all[:i+1]
		}
	}
	return all
}
