package screens

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// lockScreen is one lock: its queue from the holders to the last waiter, and
// what its sessions have done with it since the watch began.
type lockScreen struct {
	*nav.Context
	id    inspect.LockID
	lock  inspect.Lock
	table *widget.Table[string, queueRow]
	pager widget.Pager // through the findings and what is known of the layout
	read  bool         // the pager was drawn
	w, h  int
	keys  []widget.Group
}

func newLockScreen(c *nav.Context, id inspect.LockID) *lockScreen {
	s := &lockScreen{Context: c, id: id}
	s.table = widget.NewTable(c.Theme, s.tableColumns(), queueRow.id)
	s.table.Match = func(r queueRow) string {
		return state.Who(r.Request) + " " + format.Lease(r.Lease) + " " + r.Mode.String()
	}
	s.pager.More = c.KeyOn(nav.KindLock, widget.MoreKey)
	s.table.Beside = &s.pager
	s.table.Label = s.label
	s.table.Fold = func(rows []queueRow, cursor string) []queueRow { return fold(rows, cursor, s.folds) }
	s.table.Whole = s.whole
	s.table.Moved = s.table.Rebuild // those among which the cursor was may be folded again
	own := append([]widget.Binding{
		{
			Keys: "enter", Short: "open", Long: "go to its session; of a row that stands for several, show them",
			Doc:   "open the session of the request; of a row that stands for several waiters, show them until the cursor leaves them",
			Where: widget.InFooter, Off: nav.Unless(s.there, "no request is selected"), Do: s.drill,
		},
	}, append(takeBindings(c, s.toTake), s.pager.Bindings()...)...)
	s.keys = append([]widget.Group{{Title: "lock", Bindings: own}}, s.table.Bindings()...)
	s.keys = append(s.keys, historyBindings(c, id, s.selected), releaseBindings(c, s.table, s.toRelease))
	return s
}

func (s *lockScreen) tableColumns() []widget.Column[queueRow] {
	return []widget.Column[queueRow]{
		{Title: "#", Box: widget.Box{Min: 3}, Right: true, Cell: func(r queueRow, _ int) theme.Text { return theme.Styled(r.position(), s.Theme.Dim) }},
		{Title: "mode", Box: widget.Box{Min: 5, Rank: 1}, Cell: func(r queueRow, _ int) theme.Text { return theme.Styled(modeText(r.Request), s.Theme.Plain) }},
		{Title: "state", Box: widget.Box{Min: 8, Want: 9}, Cell: s.state},
		{Title: "owner", Box: widget.Box{Min: ownerShort, Want: ownerLeast, Soon: true, Uncut: true}, Cell: s.owner, Brief: func(r queueRow) string { return briefWho(r.Request) }},
		{Title: "session", Box: widget.Box{Min: 7, Want: 16, Rank: 5}, Cell: func(r queueRow, w int) theme.Text { return theme.Styled(term.Lease(r.Lease, w), s.Theme.Dim) }},
		{Title: "ttl", Box: widget.Box{Min: 6, Want: 16, Rank: 3}, Cell: func(r queueRow, w int) theme.Text { return ttlBar(s.Context, r.Request, w) }},
		{Title: "for", Box: widget.Box{Min: 7}, Right: true, Cell: func(r queueRow, _ int) theme.Text { return age(s.Context, r.Start()) }},
		{Title: "why it waits", Box: widget.Box{Min: whyShort, Want: whyLeast, Rank: 2, Soon: true, Flex: true, Uncut: true}, Cell: func(r queueRow, w int) theme.Text { return theme.Styled(r.whyIn(w), s.Theme.Dim) }},
	}
}

func (s *lockScreen) state(r queueRow, _ int) theme.Text {
	if r.at < 0 {
		return theme.Styled(format.SignCritical+" ahead", s.Theme.Lost)
	}
	g, word := requestSign(s.Theme, r.Request), r.StandingAt(s.Clock())
	switch word {
	case "holding":
		word = "holds"
	case "waiting":
		word = "waits"
	}
	return theme.Styled(g.Text+" "+word, g.Style)
}

func (s *lockScreen) owner(r queueRow, w int) theme.Text {
	who := term.Owner(r.Owner.Value())
	if s.IsOwn(r.Request) {
		return theme.Styled(strings.TrimSuffix("* yours "+who, " -"), s.Theme.Own)
	}
	return theme.Styled(ownerIn(r.Owner.Value(), who, w), s.Theme.Plain)
}

// folds reports whether one row may stand for the request and others like it.
func (s *lockScreen) folds(r queueRow) bool {
	return r.at >= 0 && r.Waiting() && r.others == 0 && !s.IsOwn(r.Request)
}

// whole is the text of a row that stands for several waiters.
func (s *lockScreen) whole(r queueRow) (text theme.Text, is bool) {
	if r.folded == nil {
		return theme.Text{}, false
	}
	return theme.Styled(r.folded.text(), s.Theme.Waiting), true
}

func (s *lockScreen) label(r queueRow) string {
	if r.folded != nil {
		return r.folded.text()
	}
	return r.Key
}

func (s *lockScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindLock, Lock: s.id} }

func (s *lockScreen) Grid() widget.Grid { return s.table }

func (s *lockScreen) Bindings() []widget.Group { return s.keys }

func (s *lockScreen) Leases(*nav.Context) []int64 {
	var ids []int64
	for _, r := range s.table.Visible() {
		if r.folded == nil {
			ids = append(ids, r.Lease)
		}
	}
	return ids
}

func (s *lockScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.Resize(theme.Inner(w, s.queueHeight(), false))
}

func (s *lockScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *lockScreen) drill() nav.Action {
	switch r, ok := s.table.Current(); {
	case !ok:
	case r.folded != nil:
		s.table.Choose(r.folded.rows[0].Key)
		s.table.Rebuild()
	default:
		return nav.OpenSession(r.Session())
	}
	return nil
}

// selected is the request under the cursor.
func (s *lockScreen) selected() (inspect.Request, bool) {
	r, ok := s.table.Current()
	return r.Request, ok && r.folded == nil
}

func (s *lockScreen) there() bool { _, ok := s.table.Current(); return ok }

// toTake is what the keys act on that take locks: the lock always is there.
func (s *lockScreen) toTake() (id inspect.LockID, key string, ok bool) {
	r, _ := s.selected()
	return s.id, r.Key, true
}

func (s *lockScreen) toRelease() (key string, lease int64) {
	r, _ := s.selected()
	return r.Key, r.Lease
}

func (s *lockScreen) Refresh() {
	l, _ := s.Shown().Find(s.id)
	if s.lock.ID == s.id && inspect.Same(l.Queue, s.lock.Queue) && slices.Equal(l.Others, s.lock.Others) {
		return
	}
	l.ID = s.id
	s.lock = l
	rows := newLockRows(l)
	want, why := ownerLeast, whyLeast
	for _, r := range rows[:min(len(rows), treeMost)] {
		want = max(want, min(term.Width(s.owner(r, widget.WholeWidth).Text), ownerMost))
		why = max(why, min(term.Width(r.why()), whyMost))
	}
	digits := max(len(strconv.Itoa(len(l.Queue))), 2)
	s.table.Widen(positionColumn, digits, digits)
	s.table.Widen(ownerColumn, ownerShort, want)
	s.table.Widen(whyColumn, whyShort, why)
	s.table.Set(rows)
}

// No position is cut. The columns of owners and of what they wait for are as wide as these
// are, within bounds, where there is room.
const (
	positionColumn                    = 0
	ownerColumn                       = 3
	ownerShort, ownerLeast, ownerMost = 11, 28, 44
	whyColumn                         = 7
	whyShort, whyLeast, whyMost       = 19, 24, 40
)

// detailLines is for the request under the cursor.
const detailLines = 3

func (s *lockScreen) queueHeight() int {
	need := s.table.Len() + 2
	if s.h < 14 {
		return s.h
	}
	return max(min(need, s.h/2-detailLines), 5)
}

func (s *lockScreen) View(w, h int) string {
	queue := s.queueHeight()
	s.read = false
	parts := []string{s.Theme.Panel(s.title(), s.table.View(!s.pager.Focused(), orUnmatched(s.Context, s.table, "not held")), w, queue, !s.pager.Focused(), false)}
	if h >= 14 {
		parts = append(parts, s.detail(w))
		parts = append(parts, s.below(w, h-queue-detailLines)...)
	}
	if !s.read { // or it would have the focus unseen
		s.pager.Reset()
	}
	return strings.Join(parts, "\n")
}

// below is the findings, the timeline and, if there is room, the events. The findings are
// read first, so they have all the room that they need but for a timeline of a few lanes.
func (s *lockScreen) below(w, h int) (parts []string) {
	take := func(n int, draw func(n int) string) {
		if n > 0 {
			parts = append(parts, draw(n))
			h -= n
		}
	}
	l := lockTimeline(s.Context, s.lock)
	lanes := l.height()
	findings := lockFindings(s.Context, s.lock, w)
	if n := len(findings) + 1; n > 1 {
		if n > h-lanesLeast && h-lanesLeast >= findingsLeast {
			n = h - lanesLeast
		}
		s.read = true
		take(min(n, h), func(n int) string {
			return s.Theme.Panel("problems and fixes", s.pager.View(s.Theme, findings, n-1), w, n, s.pager.Focused(), false)
		})
	}
	if s.InPast() && !s.InRecording() || h < lanes+eventsLeast {
		lanes = h
	}
	if h >= lanesLeast || len(parts) == 0 {
		take(lanes, func(n int) string { return s.timeline(l, w, n) })
	}
	take(h, func(n int) string {
		iw, ih := theme.Inner(w, n, false)
		about := func(e *state.Entry) bool { return e.Lock == s.id }
		return s.Theme.Panel("events", logTail(s.ShownLog(), s.Theme, iw, ih, about), w, n, false, false)
	})
	return parts
}

// The least heights of what is below the queue, with their titles.
const (
	findingsLeast = 6
	lanesLeast    = 5
	eventsLeast   = 3
)

func (s *lockScreen) title() string {
	c := s.lock.Count()
	return s.Of(term.Name(s.id.Name)) + " · " + s.id.Layout.String() + " · " + holdersText(s.lock) + " holding, " +
		format.Waiters(c.Waiters, s.id.Layout.Waiters) + " waiting" + filterTitle(s.table)
}

// detail is all that is known of the request under the cursor.
func (s *lockScreen) detail(w int) string {
	r, ok := s.table.Current()
	if !ok {
		return "\n\n"
	}
	if r.folded != nil {
		return s.detailOf(r.folded, w)
	}
	who := term.Owner(r.Owner.Value())
	if who == "-" {
		who = "owner unknown"
	}
	switch why := r.why(); {
	case r.at < 0:
		who = "in the way · " + why
	case why != "":
		who = "#" + r.position() + " " + who + " · waits " + why
	default:
		who = "#" + r.position() + " " + who
	}
	lines := []string{
		who,
		"lease " + term.Lease(r.Lease, 16) + place(r.Request) + lasted(r.Request, s.Clock()),
		"key " + term.Safe(r.Key),
	}
	return s.detailText(lines, w)
}

func (s *lockScreen) detailText(lines []string, w int) string {
	for i, l := range lines {
		lines[i] = s.Theme.Dim.Render(term.Cut("  "+l, w))
	}
	return strings.Join(lines, "\n")
}

// detailOf is what is known of waiters that a row stands for.
func (s *lockScreen) detailOf(f *folded, w int) string {
	first, last := f.rows[0], f.rows[len(f.rows)-1]
	return s.detailText([]string{
		f.positions() + " · " + s.KeyOn(nav.KindLock, "enter") + " shows them",
		"the first waits for " + first.Start().Words(s.Clock()) + ", the last for " + last.Start().Words(s.Clock()),
		"hosts: " + hostsText(f.hostCounts(), w-10),
	}, w)
}

// place is the token of a request, or the revision at which another key was created.
func place(r inspect.Request) string {
	what := " · token "
	if !r.IsRequest() {
		what = " · created at revision "
	}
	return what + strconv.FormatInt(r.Revision, 10)
}

// timeline is the lanes of the lock or, where the past has no times, its history.
func (s *lockScreen) timeline(l timeline, w, h int) string {
	iw, ih := theme.Inner(w, h, false)
	if s.InPast() && !s.InRecording() {
		return s.Theme.Panel("history, as far as read", historyOf(s.Context, s.id, iw, ih), w, h, false, false)
	}
	return timelinePanel(s.Context, l, w, h)
}

// Row is the request under the cursor.
func (s *lockScreen) Row() (inspect.Request, bool) { return s.selected() }
