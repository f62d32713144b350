package cli

import (
	"context"
	"fmt"
	"time"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
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
	timer := time.AfterFunc(c.Timeout, func() { stop(c.NoAnswer()) })
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
