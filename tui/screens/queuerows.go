package screens

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// queueRow is a request with its position in the queue, and what it waits for, or
// another key that is in the way of requests.
type queueRow struct {
	inspect.Request
	at       int // -1: another key
	blockers int // how many requests block it
	nearest  int // the position of the last of these; -1: none
	role     string
	others   int  // how many other keys block it, of those that are listed
	more     bool // not all are listed
	like     likeness
	folded   *folded // the row stands for these waiters; nil: it is a request
}

// id identifies the row.
func (r queueRow) id() string {
	if r.folded != nil {
		return r.folded.id()
	}
	return r.Key
}

// newLockRows makes the rows of a lock: other keys, and then the queue.
func newLockRows(l inspect.Lock) []queueRow {
	rows := make([]queueRow, 0, len(l.Others)+len(l.Queue))
	for _, o := range l.Others {
		rows = append(rows, queueRow{Request: o, at: -1, nearest: -1})
	}
	rows = append(rows, newQueueRows(l.Queue)...)
	for i := range rows {
		rows[i].like = likenessOf(rows[i].Request)
		if r := &rows[i]; r.at >= 0 {
			for _, o := range l.Others {
				if r.WaitsFor(o) {
					r.others++
					r.more = l.MoreOthers > 0
				}
			}
		}
	}
	return rows
}

// newQueueRows makes the rows of a queue in one pass, however long it is.
func newQueueRows(queue []inspect.Request) []queueRow {
	rows := make([]queueRow, len(queue))
	writers, first := 0, 0 // writers before the revision that begins at first
	for i, up := range parents(queue) {
		if i > 0 && queue[i].Revision != queue[i-1].Revision {
			for _, r := range queue[first:i] {
				if state.IsWriter(r) {
					writers++
				}
			}
			first = i
		}
		rows[i] = queueRow{Request: queue[i], at: i, nearest: up}
		if up < 0 {
			continue
		}
		rows[i].blockers, rows[i].role = writers, "reader"
		if state.IsWriter(queue[i]) {
			rows[i].blockers = first
		}
		if queue[up].Mode == keyspace.Slot {
			rows[i].role = "request"
		} else if state.IsWriter(queue[up]) {
			rows[i].role = "writer"
		}
	}
	return rows
}

// why says how many block the request, and which of them is nearest. Of another key,
// it says what that is.
func (r queueRow) why() string {
	switch {
	case r.at < 0 && r.IsRequest():
		return "request for " + term.Name(r.Lock.Name)
	case r.at < 0:
		return term.Safe(r.AsOther())
	}
	var parts []string
	if r.nearest >= 0 {
		parts = append(parts, strconv.Itoa(r.blockers)+": "+r.role+" #"+strconv.Itoa(r.nearest+1))
	}
	switch {
	case r.others > 0 && r.more:
		parts = append(parts, "over "+format.Count(r.others, "other key", "other keys"))
	case r.others > 0:
		parts = append(parts, format.Count(r.others, "other key", "other keys"))
	}
	if len(parts) == 0 {
		return ""
	}
	return "behind " + strings.Join(parts, ", ")
}

// whyIn is why in w cells: how many block the request, if there is no room for more.
func (r queueRow) whyIn(w int) string {
	why := r.why()
	if short := "behind " + strconv.Itoa(r.blockers); term.Width(why) > w && r.at >= 0 && r.nearest >= 0 && r.others == 0 {
		return short
	}
	return why
}

// position is the request's position in the queue.
func (r queueRow) position() string {
	if r.at < 0 {
		return "-"
	}
	return strconv.Itoa(r.at + 1)
}

// tokenText is a request's token. Another key has none.
func tokenText(r inspect.Request) string {
	if !r.IsRequest() {
		return "-"
	}
	return strconv.FormatInt(r.Revision, 10)
}

// modeText is a request's mode, with the permits that it takes. Another key has none.
func modeText(r inspect.Request) string {
	if !r.IsRequest() {
		return "-"
	}
	return r.ModeText()
}

// Describe implements nav.Describer.
func (s *lockScreen) Describe() []string {
	r, ok := s.table.Current()
	if !ok {
		return describe.Lock(s.Context, s.id)
	}
	return append(describe.Request(s.Context, r.Request), describe.Field("waits", r.why())...)
}

// Notifiable implements nav.Notifiable.
func (s *lockScreen) Notifiable() []state.Notification {
	all := state.AboutLock(s.id)
	if r, ok := s.table.Current(); ok {
		if session, known := s.Shown().Verdict.Session(r.Session()); known && session != nil {
			all = append(all, state.AboutSession(session)...)
		}
	}
	return all
}

// previewLines say what a release removes, and who is next.
func previewLines(t *theme.Theme, gone, granted []inspect.Request) []string {
	lines := make([]string, 0, len(gone)+len(granted)+1)
	for _, r := range gone {
		lines = append(lines, GoneLine(t, r))
	}
	return append(lines, NextLines(t, gone, granted)...)
}

// GoneLine says what a release does to a request.
func GoneLine(t *theme.Theme, r inspect.Request) string {
	g, does := requestSign(t, r), "releases "
	switch {
	case !r.IsRequest():
		return g.Style.Render(g.Text) + " takes " + term.Safe(r.Key) + " out of the way"
	case r.Vacant(), r.Encrypted:
		does = "deletes the key of "
	case !r.Holding:
		does = "cancels its wait for "
	}
	return g.Style.Render(g.Text) + " " + does + r.Mode.String() + " " + term.Name(r.Lock.Name)
}

// NextLines say which waiters are granted their lock next, once some requests are gone.
func NextLines(t *theme.Theme, gone, granted []inspect.Request) []string {
	cut := slices.ContainsFunc(gone, func(r inspect.Request) bool { return r.Cut })
	unrecorded := slices.ContainsFunc(gone, func(r inspect.Request) bool { return r.IsRequest() && !r.Lock.Layout.Waiters })
	switch {
	case len(granted) == 0 && cut:
		return []string{t.Dim.Render("who gets it next is not known: only a part of its lock was read")}
	case len(granted) == 0 && unrecorded:
		return []string{t.Dim.Render("who gets it next is not known: clients that wait leave no key")}
	case len(granted) == 0:
		return []string{t.Dim.Render("no waiter would get a lock")}
	}
	var lines []string
	for _, r := range granted {
		lines = append(lines, t.Own.Render("→")+" next: "+state.Who(r)+" gets "+r.Mode.String()+" "+term.Name(r.Lock.Name))
	}
	return lines
}
