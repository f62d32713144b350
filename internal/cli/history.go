package cli

import (
	"context"
	"fmt"
	"time"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
)

const historyFields = `With --history, what became of the lock's requests as far back as etcd remembers,
oldest first: its requests at that revision, and then each change. What was
before etcd's last compaction is gone. Why a request went is not known of the
past. etcd reads all that was written to it since then, whatever lock it is
asked for, and writes wait meanwhile, so --since REV is kinder where there is
much. --command-timeout is how long it may take from one change to the next.

With --history -o json, a document a line: event "remembered" with floor (the
oldest revision that etcd remembers), revision (where this begins), end (where it
ends) and summaries (how many requests there were), and then what "etcd-lock watch
--help" describes.`

// showHistory prints the past of the lock as etcd remembers it.
func showHistory(ctx context.Context, c *connect.Conn, opts *showOptions) error {
	h, err := c.History(ctx, opts.name+"/", opts.since)
	if err != nil {
		return err
	}
	out := newStream(opts.out, false)
	if err := out.write(historyBegin(h, opts.wanted)); err != nil {
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
		if !opts.wanted(e.Request.Lock) {
			continue
		}
		if err := out.write([]entry{newEventDoc(e)}); err != nil {
			return err
		}
	}
	return nil
}

// historyBegin says what a history is of, and how the wanted locks were where
// it begins.
func historyBegin(h *inspect.History, wanted func(inspect.LockID) bool) []entry {
	n := 0
	head := notice{Event: "remembered", Revision: h.Begin.Revision, Floor: h.Floor, End: h.End, Summary: &n}
	head.text = "etcd remembers everything since its beginning"
	if h.Floor > 1 {
		head.text = fmt.Sprintf("etcd remembers back to revision %d; what was before is gone", h.Floor)
	}
	all := []entry{head}
	for _, e := range inspect.Compare(inspect.Snapshot{}, h.Begin) {
		if wanted(e.Request.Lock) {
			n++
			all = append(all, summaryDoc(e, h.Begin.Revision, time.Time{}))
		}
	}
	return all
}
