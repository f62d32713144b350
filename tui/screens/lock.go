package screens

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/tui/describe"
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
	s.table = widget.NewTable(c.Theme, s.tableColumns(), func(r queueRow) string { return r.Key })
	s.table.Match = func(r queueRow) string {
		return state.Who(r.Request) + " " + format.Lease(r.Lease) + " " + r.Mode.String()
	}
	s.table.Label = func(r queueRow) string { return r.Key }
	s.table.Beside = &s.pager
	own := append([]widget.Binding{
		{
			Keys: "enter", Short: "session", Long: "go to its session",
			Doc:   "open the session of the request",
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
		{Title: "mode", Box: widget.Box{Min: 5}, Cell: func(r queueRow, _ int) theme.Text { return theme.Styled(modeText(r.Request), s.Theme.Plain) }},
		{Title: "state", Box: widget.Box{Min: 8, Want: 9}, Cell: s.state},
		{Title: "owner", Box: widget.Box{Min: 10, Want: ownerLeast, Rank: 1, Soon: true}, Cell: s.owner},
		{Title: "session", Box: widget.Box{Min: 7, Want: 16, Rank: 4}, Cell: func(r queueRow, w int) theme.Text { return theme.Styled(term.Lease(r.Lease, w), s.Theme.Dim) }},
		{Title: "ttl", Box: widget.Box{Min: 6, Want: 16, Rank: 3}, Cell: func(r queueRow, w int) theme.Text { return ttlBar(s.Context, r.Request, w) }},
		{Title: "for", Box: widget.Box{Min: 7}, Right: true, Cell: func(r queueRow, _ int) theme.Text { return age(s.Context, r.Start()) }},
		{Title: "why it waits", Box: widget.Box{Min: 19, Want: 24, Rank: 2, Soon: true, Flex: true}, Cell: func(r queueRow, _ int) theme.Text { return theme.Styled(r.why(), s.Theme.Dim) }},
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

func (s *lockScreen) owner(r queueRow, _ int) theme.Text {
	who := term.Owner(r.Owner)
	if s.IsOwn(r.Request) {
		return theme.Styled(strings.TrimSuffix("* yours "+who, " -"), s.Theme.Own)
	}
	return theme.Styled(who, s.Theme.Plain)
}

func (s *lockScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindLock, Lock: s.id} }

func (s *lockScreen) Grid() widget.Grid { return s.table }

func (s *lockScreen) Bindings() []widget.Group { return s.keys }

func (s *lockScreen) Leases() []int64 {
	var ids []int64
	for _, r := range s.table.Visible() {
		ids = append(ids, r.Lease)
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
	if r, ok := s.table.Current(); ok {
		return nav.OpenSession(r.Session())
	}
	return nil
}

// selected is the request under the cursor.
func (s *lockScreen) selected() (inspect.Request, bool) {
	r, ok := s.table.Current()
	return r.Request, ok
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
	if s.lock.ID == s.id && inspect.SameQueue(l.Queue, s.lock.Queue) && slices.Equal(l.Others, s.lock.Others) {
		return
	}
	l.ID = s.id
	s.lock = l
	rows := newLockRows(l)
	want := ownerLeast
	for _, r := range rows[:min(len(rows), treeMost)] {
		want = max(want, min(term.Width(s.owner(r, widget.WholeWidth).Text), ownerMost))
	}
	s.table.Widen(ownerColumn, want)
	s.table.Set(rows)
}

// The owners' column is as wide as they are, within bounds, where there is room.
const (
	ownerColumn           = 3
	ownerLeast, ownerMost = 28, 44
)

// detailLines is for the request under the cursor.
const detailLines = 3

func (s *lockScreen) queueHeight() int {
	need := len(s.lock.Others) + len(s.lock.Queue) + 2
	if s.h < 14 {
		return s.h
	}
	return max(min(need, s.h/2-detailLines), 5)
}

func (s *lockScreen) View(w, h int) string {
	queue := s.queueHeight()
	s.read = false
	parts := []string{s.Theme.Panel(s.title(), s.table.View(!s.pager.Focused(), "not held"), w, queue, !s.pager.Focused(), false)}
	if h >= 14 {
		parts = append(parts, s.detail(w))
		parts = append(parts, s.below(w, h-queue-detailLines)...)
	}
	if !s.read { // or it would have the focus unseen
		s.pager.Reset()
	}
	return strings.Join(parts, "\n")
}

// below is the timeline and, if there is room, the findings and events.
func (s *lockScreen) below(w, h int) []string {
	if s.InPast() && !s.InRecording() {
		return []string{s.timeline(timeline{}, w, h)}
	}
	journal := s.ShownJournal()
	l := newTimeline(journal.ForLock(s.lock), journal.Began, s.Clock())
	lanes := min(h, len(l.all)+2)
	findings := s.findings(w)
	if h-lanes < 3 {
		return []string{s.timeline(l, w, h)}
	}
	parts := []string{s.timeline(l, w, lanes)}
	if rest := h - lanes; len(findings) > 0 {
		if rest >= 9 { // else there is no room for events
			rest = rest * 2 / 3
		}
		n := min(len(findings)+1, rest)
		lanes += n
		s.read = true
		parts = append(parts, s.Theme.Panel("problems and fixes", s.pager.View(s.Theme, findings, n-1), w, n, s.pager.Focused(), false))
	}
	if rest := h - lanes; rest >= 3 {
		iw, ih := theme.Inner(w, rest, false)
		about := func(e *state.Entry) bool { return e.Lock == s.id }
		parts = append(parts, s.Theme.Panel("events", logTail(s.ShownLog(), s.Theme, iw, ih, about), w, rest, false, false))
	}
	return parts
}

// findings are those of the lock, each with its first remedy.
func (s *lockScreen) findings(w int) []string {
	v := s.Shown().Verdict
	var lines []string
	for _, i := range v.ByLock[s.id] {
		f := &v.Findings[i]
		var helps []string
		if len(f.Remedies) > 0 {
			helps = append(helps, term.Cut("  "+s.Theme.Key.Render(narrate.CommandLine(f.Remedies[0])), w))
		}
		lines = append(lines, findingLines(s.Context, f, helps, w)...)
	}
	if len(s.lock.Queue) > s.lock.Count().Readers+s.lock.Count().Writers {
		lines = append(lines, unseenLines(s.Context, w)...)
	}
	for _, text := range narrate.Layout(s.lock, s.Clock()) {
		lines = append(lines, term.Wrap(term.Safe(text), w, s.Theme.Dim.Render)...)
	}
	return lines
}

func (s *lockScreen) title() string {
	c := s.lock.Count()
	return term.Name(s.id.Name) + " · " + s.id.Layout.String() + " · " + holdersText(s.lock) + " holding, " +
		format.Waiters(c.Waiters, s.id.Layout.Waiters) + " waiting" + filterTitle(s.table)
}

// detail is all that is known of the request under the cursor.
func (s *lockScreen) detail(w int) string {
	r, ok := s.table.Current()
	if !ok {
		return "\n\n"
	}
	who := term.Owner(r.Owner)
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
	for i, l := range lines {
		lines[i] = s.Theme.Dim.Render(term.Cut("  "+l, w))
	}
	return strings.Join(lines, "\n")
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
	end := "now"
	if s.InRecording() {
		end = "then"
	}
	return s.Theme.Panel("timeline · ▇ holding  ░ waiting  ✗ lost", l.view(s.Theme, iw, ih, s.Clock(), end), w, h, false, false)
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
