package screens

import (
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// sessionScreen is one session: its locks, and what revoking it would release.
type sessionScreen struct {
	*nav.Context
	id      inspect.SessionID
	session *inspect.Session // nil: it has ended
	of      state.Edition    // of the verdict that is shown
	table   *widget.Table[string, inspect.Request]
	w, h    int
	pager   widget.Pager
	preview inspect.Preview
	keys    []widget.Group
}

func newSessionScreen(c *nav.Context, id inspect.SessionID) *sessionScreen {
	s := &sessionScreen{Context: c, id: id}
	s.table = widget.NewTable(c.Theme, s.tableColumns(), func(r inspect.Request) string { return r.Key })
	s.table.Match = func(r inspect.Request) string { return term.Name(r.Lock.Name) }
	s.table.Label = func(r inspect.Request) string { return r.Key }
	s.pager.More = c.KeyOn(nav.KindSession, widget.MoreKey)
	s.table.Beside = &s.pager
	own := append([]widget.Binding{
		{
			Keys: "enter", Short: "lock", Long: "go to the lock",
			Doc:   "open the lock",
			Where: widget.InFooter, Off: nav.Unless(s.there, "no request is selected"), Do: s.drill,
		},
	}, s.pager.Bindings()...)
	s.keys = append([]widget.Group{{Title: "session", Bindings: own}}, s.table.Bindings()...)
	s.keys = append(s.keys, releaseBindings(c, s.table, s.toRelease))
	return s
}

func (s *sessionScreen) tableColumns() []widget.Column[inspect.Request] {
	return []widget.Column[inspect.Request]{
		{Title: "state", Box: widget.Box{Min: 9}, Cell: s.state},
		{Title: "mode", Box: widget.Box{Min: 5}, Cell: func(r inspect.Request, _ int) theme.Text { return theme.Styled(modeText(r), s.Theme.Plain) }},
		{Title: "lock", Box: widget.Box{Min: 12, Flex: true}, Cell: func(r inspect.Request, w int) theme.Text {
			name := term.Name(r.Lock.Name)
			if !r.IsRequest() {
				name = term.Safe(r.Key)
			}
			return theme.Styled(term.CutMiddle(name, w), s.Theme.Plain)
		}},
		{Title: "layout", Box: widget.Box{Min: 6, Rank: 2}, Cell: func(r inspect.Request, _ int) theme.Text {
			return theme.Styled(r.Lock.Layout.String(), s.Theme.Dim)
		}},
		{Title: "for", Box: widget.Box{Min: 7}, Right: true, Cell: func(r inspect.Request, _ int) theme.Text { return age(s.Context, r.Start()) }},
		{Title: "token", Box: widget.Box{Min: 8, Rank: 1}, Right: true, Cell: func(r inspect.Request, _ int) theme.Text {
			return theme.Styled(tokenText(r), s.Theme.Dim)
		}},
	}
}

func (s *sessionScreen) state(r inspect.Request, _ int) theme.Text {
	if !r.IsRequest() {
		return theme.Styled(format.SignCritical+" blocks", s.Theme.Lost)
	}
	g := requestSign(s.Theme, r)
	return theme.Styled(g.Text+" "+r.StandingAt(s.Clock()), g.Style)
}

func (s *sessionScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindSession, Session: s.id} }

func (s *sessionScreen) Grid() widget.Grid { return s.table }

func (s *sessionScreen) Bindings() []widget.Group { return s.keys }

func (s *sessionScreen) Leases(*nav.Context) []int64 { return []int64{s.id.Lease} }

func (s *sessionScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.Resize(theme.Inner(w, s.tableHeight(), false))
}

func (s *sessionScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *sessionScreen) drill() nav.Action {
	r, ok := s.table.Current()
	switch {
	case !ok:
		return nil
	case r.Cut:
		return nav.Flash{Error: true, Text: "the lock of this request is not among those that are read: watch a shorter prefix"}
	case !r.IsRequest():
		return nav.Flash{Error: true, Text: "the key is not a lock request: there is no lock to open"}
	default:
		return nav.OpenLock(r.Lock)
	}
}

func (s *sessionScreen) there() bool { _, ok := s.table.Current(); return ok }

func (s *sessionScreen) toRelease() (key string, lease int64) {
	r, _ := s.table.Current()
	return r.Key, s.id.Lease
}

func (s *sessionScreen) tableHeight() int { return max(min(s.table.Len()+2, s.h/2), 4) }

func (s *sessionScreen) Refresh() {
	v := s.Shown().Verdict
	if !v.Known || v.Edition() == s.of {
		return
	}
	s.of = v.Edition()
	s.session, _ = v.Session(s.id)
	var keys []string
	if s.session == nil {
		s.table.Set(nil)
	} else {
		s.table.Set(inspect.Values(s.session.Requests))
		for _, r := range s.session.Attached() {
			keys = append(keys, r.Key)
		}
	}
	s.preview = v.Snapshot.Without(keys...)
}

func (s *sessionScreen) View(w, h int) string {
	th := s.tableHeight()
	name := s.id.String()
	if s.session != nil {
		name = s.session.Named(" · ")
	}
	title := s.Of("session " + term.Safe(name))
	parts := []string{s.Theme.Panel(title+filterTitle(s.table), s.table.View(!s.pager.Focused(), orUnmatched(s.Context, s.table, "this session has ended, or has no requests left")), w, th, !s.pager.Focused(), false)}
	return strings.Join(append(parts, s.effects(w, h-th)), "\n")
}

// effects is a panel with the lease, and a preview of revoking it.
func (s *sessionScreen) effects(w, h int) string {
	iw, ih := theme.Inner(w, h, false)
	return s.Theme.Panel("lease, and what revoking it would do", s.pager.View(s.Theme, s.about(iw), ih), w, h, s.pager.Focused(), false)
}

// about is the lease and the preview of a revoke.
func (s *sessionScreen) about(w int) []string {
	var lines []string
	of := inspect.Request{Key: s.id.Key, Lease: s.id.Lease}
	if s.session != nil {
		of = anyOf(s.session)
	}
	ttl, renewals := ttlBar(s.Context, of, min(w/2, 30)), renewalsCell(s.Context, of, w/2)
	facts := []string{"ttl " + ttl.Style.Render(ttl.Text), "renewals " + renewals.Style.Render(renewals.Text)}
	if f := s.Lease(s.id.Lease); f.Granted > 0 {
		facts = append(facts, s.Theme.Dim.Render("granted "+format.Age(f.Granted)))
	}
	lines = facts
	if one := strings.Join(facts, "   "); term.Width(one) <= w {
		lines = []string{one}
	}
	if says := describe.Renewals(s.Context, s.id.Lease); says != "" {
		lines = append(lines, term.Wrap(says, w, s.Theme.Dim.Render)...)
	}
	if s.session == nil {
		return lines
	}
	lines = append(lines, previewLines(s.Theme, inspect.Values(s.preview.Gone), s.preview.Granted)...)
	for i, l := range lines {
		lines[i] = term.Cut(l, w)
	}
	return lines
}

// Describe implements nav.Describer.
func (s *sessionScreen) Describe() []string {
	r, ok := s.table.Current()
	if !ok {
		return describe.Session(s.Context, s.id)
	}
	return describe.Request(s.Context, r)
}

// Notifiable implements nav.Notifiable.
func (s *sessionScreen) Notifiable() []state.Notification {
	if s.session == nil {
		return nil
	}
	all := state.AboutSession(s.session)
	if r, ok := s.table.Current(); ok && r.IsRequest() {
		all = append(all, state.AboutLock(r.Lock)...)
	}
	return all
}

// Row is the request under the cursor.
func (s *sessionScreen) Row() (inspect.Request, bool) { return s.table.Current() }
