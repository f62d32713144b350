package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/follow"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/predicting"
	"etcd-lock/internal/cli/profiling"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
)

const historyFields = `With --history, prints the requests at the oldest revision that etcd has not
compacted, and then each change, oldest first: of requests, and of other keys in their
way. It cannot say why a request was
removed. etcd reads everything that was written since then, whatever the lock, and
writes wait meanwhile: where that is much, use --since REV. --command-timeout bounds
the time from one change to the next.

With --history -o json, a document per line: event "remembered" with floor (the
oldest revision that etcd has), revision (where the history begins), end (where it
ends) and summaries (how many requests existed there), and then the events that
"etcd-lock watch --help" describes. A last event "unknown" says that this etcd (before
3.4.25 or 3.5.8, behind etcd's grpc-proxy, or kine) does not say when it has sent everything:
the requests at the end were read and compared, but others may have come and gone.`

// showHistory prints the history of the lock, as far back as etcd has it.
func showHistory(ctx context.Context, c *connect.Conn, opts *showOptions) error {
	h, err := c.History(ctx, opts.since, c.Source.EverAround(opts.name))
	if err != nil {
		return err
	}
	out := output.NewStream(opts.out, false, docs.EventColumns())
	if err := out.Write(historyBegin(h, opts.wanted)); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	timer := time.AfterFunc(c.Timeout, func() { stop(c.NoAnswer(inspect.IsLeaderless(ctx, c.Client))) })
	defer timer.Stop()
	for e, err := range h.Events(ctx) {
		if err != nil {
			return cause(ctx, err)
		}
		timer.Reset(c.Timeout)
		if !opts.wanted(e.Lock()) {
			continue
		}
		if err := out.Write([]output.Entry{docs.NewEvent(e)}); err != nil {
			return err
		}
	}
	if h.Unproven {
		return out.Write([]output.Entry{docs.Notice{Event: "unknown", End: h.End, Text: "this etcd (a server before 3.4.25 or 3.5.8, a proxy, or kine) does not say when it has sent everything: " +
			"other requests may have come and gone until revision " + fmt.Sprint(h.End)}})
	}
	return nil
}

// historyBegin returns the first lines of a history: what etcd still has, and the
// requests for the wanted locks where the history begins.
func historyBegin(h *inspect.History, wanted func(inspect.LockID) bool) []output.Entry {
	n := 0
	head := docs.Notice{Event: "remembered", Revision: h.Begin.Revision, Floor: h.Floor, End: h.End, Summary: &n}
	head.Text = "etcd has all revisions"
	if h.Floor > 1 {
		head.Text = fmt.Sprintf("etcd has revisions since %d; older ones are compacted", h.Floor)
	}
	all := []output.Entry{head}
	for _, e := range inspect.Compare(inspect.Snapshot{}, h.Begin) {
		if wanted(e.Lock()) {
			n++
			all = append(all, docs.Summary(e, h.Begin.Revision, time.Time{}))
		}
	}
	return all
}

var profileLong = `Says what waiting for locks has cost: by class of locks, by owner, and by chain of who
waited for whom. It watches the locks whose keys begin with a PREFIX, or all locks, for
the time given by --for or until it is interrupted, and then prints what it saw. With
--recording, it reads what was recorded, from --from to --to.

Names fold into classes: /orders/4711 and /orders/4712 are of the class /orders/*. With
--class, all names that match a pattern are of one class.

A chain such as "report → billing → [idle holder]" says that report waited for billing,
which held the lock and waited for no other lock itself. Where several hold a lock, it is
the one that has held it longest. Other ends are [deadlock], [other key] and [unknown].

The seconds that were waited are those of all requests together, while it watched. The
percentiles are of whole waits and holds, and ≥ says that it may have been longer: it
began before the watch, or has not ended. docs/profile.md says more.

-o folded is for flamegraph.pl, -o pprof for "go tool pprof". --html writes a page that
needs no other files: a heat map of the waits over time, and a flame graph of the chains
of any part of it.

` + profiling.Help

func newProfileCmd(a *app, runF func(context.Context, *profiling.Options) error) *cobra.Command {
	if runF == nil {
		runF = profiling.Run
	}
	opts := &profiling.Options{Top: 10}
	cmd := &cobra.Command{
		Use:         "profile [PREFIX...]",
		Short:       "Say what waiting for locks has cost, and who kept whom waiting",
		Annotations: map[string]string{stacks: ""},
		Long:        profileLong,
		Example: `  etcd-lock profile --for 10m
  etcd-lock profile /orders/ --recording /var/lib/etcd-lock --from 03:00 --to 03:30
  etcd-lock profile --for 1h --html waits.html
  etcd-lock profile --for 1m -o folded | flamegraph.pl --countname us > waits.svg`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkSpan(cmd.Flags(), opts.Live.For, opts.Recorded); err != nil {
				return err
			}
			if opts.Top <= 0 {
				return notPositive("top", opts.Top)
			}
			opts.Live, opts.Recorded = a.followed(args, opts.Live.For, opts.Recorded)
			opts.Out, opts.Now = a.printer(), a.now
			return runResult(runF(cmd.Context(), opts))
		},
	}
	fs := cmd.Flags()
	registerSpan(fs, &opts.Live.For, &opts.Recorded)
	fs.StringArrayVar(&opts.Patterns, "class", nil, "`pattern` such as '/tenants/**': names that match it are one class; can be repeated")
	fs.IntVar(&opts.Top, "top", opts.Top, "print at most `N` rows of each table")
	fs.StringVar(&opts.Page, "html", "", "write a page with pictures to this `file`")
	return cmd
}

// stacks is the annotation of commands that print stacks.
const stacks = "stacks"

// registerSpan adds flags that say which time is followed.
func registerSpan(fs *pflag.FlagSet, duration *time.Duration, recorded *follow.Recorded) {
	fs.DurationVar(duration, "for", 0, "watch for `DURATION` (default: until interrupted)")
	if fs.Lookup("recording") == nil {
		recording.RegisterPath(fs, &recorded.Path)
	}
	recorded.Span.Register(fs)
}

// checkSpan checks the flags of registerSpan.
func checkSpan(fs *pflag.FlagSet, duration time.Duration, recorded follow.Recorded) error {
	switch {
	case fs.Changed("for") && duration <= 0:
		return notPositive("for", duration)
	case fs.Changed("for") && recorded.Path != "":
		return exclusive("--for", "--recording")
	default:
		return recorded.Span.Check(recorded.Path)
	}
}

// followed completes what says how to follow locks.
func (a *app) followed(prefixes []string, duration time.Duration, recorded follow.Recorded) (follow.Live, follow.Recorded) {
	recorded.Prefixes, recorded.Rules, recorded.Now, recorded.Doubt = prefixes, a.rules, a.now, func(text string) { printNote(a.Err, "note", text) }
	return follow.Live{
		Prefixes: prefixes, For: duration, Connect: a.connect, Now: a.now, Warn: a.warn,
		Reach: a.reach,
	}, recorded
}

// potentials are the flags of why that look for deadlocks that could happen.
type potentials struct {
	wanted bool
	predicting.Options
}

// addPotential adds these flags to why, and those of a recording. With --potential, why does
// nothing else.
func addPotential(a *app, cmd *cobra.Command, from *recording.Flags, prefixes *[]string) {
	p, otherwise, fs := &potentials{}, cmd.RunE, cmd.Flags()
	fs.BoolVar(&p.wanted, "potential", false, "find orders of acquiring locks that could deadlock, by watching them or in a recording")
	from.Register(fs)
	registerSpan(fs, &p.Live.For, &p.Recorded)
	fs.StringArrayVar(&p.Patterns, "class", nil, "with --potential, `pattern` such as '/tenants/**': names that match it are one class; can be repeated")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if done, err := p.run(a, cmd, *from, *prefixes); done {
			return err
		}
		return otherwise(cmd, args)
	}
}

// run finds potential deadlocks if that is wanted.
func (p *potentials) run(a *app, cmd *cobra.Command, from recording.Flags, prefixes []string) (done bool, err error) {
	fs := cmd.Flags()
	p.Recorded.Path = from.Path
	switch {
	case !p.wanted:
		for _, flag := range []string{"for", "from", "to", "class"} {
			if fs.Changed(flag) {
				return true, fmt.Errorf("--%s requires --potential", flag)
			}
		}
		return false, nil
	case fs.NArg() > 0 || fs.Changed("name-base64"):
		return true, hint.Add(errors.New("--potential is about several locks: leave out NAME"), "--prefix selects locks")
	case fs.Changed("rev") || fs.Changed("at"):
		return true, hint.Add(errors.New("--potential is about a time, not a moment"), "--from and --to select a time of a recording")
	}
	for _, flag := range []string{"watch", "fail-on"} {
		if fs.Changed(flag) {
			return true, exclusive("--potential", "--"+flag)
		}
	}
	if err := checkSpan(fs, p.Live.For, p.Recorded); err != nil {
		return true, err
	}
	p.Live, p.Recorded = a.followed(prefixes, p.Live.For, p.Recorded)
	p.Flags, p.Out = a.connection.Flags, a.printer()
	return true, runResult(predicting.Run(cmd.Context(), &p.Options))
}

// showSeveral shows the queues of the lock in several contexts, in one table.
func showSeveral(ctx context.Context, opts *showOptions) error {
	answers, failed := askAll(ctx, opts.several, opts.err, opts.read)
	if opts.out.Format == output.JSON {
		return cmp.Or(contexts.Document(opts.out, answers, func(a contexts.Answer[shown]) any {
			a.Doc.Context = a.Context
			return a.Doc.showDoc
		}), failed)
	}
	return cmp.Or(writeShown(opts.out, contexts.Answered(answers), opts.now()), failed)
}

// writeShown prints the locks of several contexts, a line each, and their queues in one table.
func writeShown(out output.Printer, answers []contexts.Answer[shown], now time.Time) error {
	queued := false
	for _, a := range answers {
		for _, line := range a.Doc.absent {
			if err := out.Line(output.Cell{Text: a.Context + ": " + line}); err != nil {
				return err
			}
		}
		for _, l := range a.Doc.Locks {
			queued = true
			err := out.Line(output.Cell{Text: a.Context + ": " + format.Name(a.Doc.Name)}, output.Cell{Text: a.Doc.head(l)})
			if err = cmp.Or(err, l.SayMore(out, a.Context+": ")); err != nil {
				return err
			}
		}
	}
	if !queued {
		return nil
	}
	return out.Rows(append([]string{"CONTEXT", "LAYOUT"}, docs.QueueHeading()...), func(yield func([]output.Cell) bool) {
		for _, a := range answers {
			for _, l := range a.Doc.Locks {
				for row := range l.Rows(now) {
					if !yield(append(output.Row(a.Context, l.Layout), row...)) {
						return
					}
				}
			}
		}
	})
}
