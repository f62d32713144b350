package tui

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/inspect"
)

// sessionScreen is one session: its locks, and what ending it would release.
type sessionScreen struct {
	*Context
	id      inspect.SessionID
	session *inspect.Session // nil: it has ended
	of      edition          // of the verdict that is shown
	table   *table[string, inspect.Request]
	w, h    int
	pager   pager
	preview inspect.Preview
	keys    []Group
}

func newSessionScreen(c *Context, id inspect.SessionID) *sessionScreen {
	s := &sessionScreen{Context: c, id: id}
	s.table = newTable(c.theme, s.tableColumns(), func(r inspect.Request) string { return r.Key })
	s.table.match = func(r inspect.Request) string { return safe(r.Lock.Name) }
	s.table.label = func(r inspect.Request) string { return r.Key }
	own := append([]Binding{
		bind("enter", "lock", s.drill, "enter").describe("go to it").in(InFooter).offIf(unless(s.there, "no request is selected")),
	}, s.pager.bindings()...)
	s.keys = append([]Group{{"session", own}}, s.table.bindings()...)
	s.keys = append(s.keys, releaseBindings(c, s.toRelease))
	return s
}

func (s *sessionScreen) tableColumns() []column[inspect.Request] {
	return []column[inspect.Request]{
		{title: "state", box: box{min: 9}, cell: s.state},
		{title: "mode", box: box{min: 5}, cell: func(r inspect.Request, _ int) cell { return cell{r.Mode.String(), s.theme.plain} }},
		{title: "lock", box: box{min: 12, flex: true}, cell: func(r inspect.Request, w int) cell { return cell{cutMiddle(safe(r.Lock.Name), w), s.theme.plain} }},
		{title: "layout", box: box{min: 6, rank: 2}, cell: func(r inspect.Request, _ int) cell { return cell{safe(string(r.Lock.Layout)), s.theme.dim} }},
		{title: "for", box: box{min: 7}, right: true, cell: func(r inspect.Request, _ int) cell { return cell{age(s.clock(), r.Since), s.theme.plain} }},
		{title: "token", box: box{min: 8, rank: 1}, right: true, cell: func(r inspect.Request, _ int) cell { return cell{strconv.FormatInt(r.Revision, 10), s.theme.dim} }},
	}
}

func (s *sessionScreen) state(r inspect.Request, _ int) cell {
	g := requestSign(s.theme, r.Holding)
	if r.Holding {
		return cell{g.text + " holding", g.style}
	}
	return cell{g.text + " waiting", g.style}
}

func (s *sessionScreen) Ref() Ref { return Ref{Kind: KindSession, Session: s.id} }

func (s *sessionScreen) Grid() grid { return s.table }

func (s *sessionScreen) Bindings() []Group { return s.keys }

func (s *sessionScreen) Leases() []int64 { return []int64{s.id.Lease} }

func (s *sessionScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.resize(inner(w, s.tableHeight(), false))
}

func (s *sessionScreen) Mouse(m mouse) Action {
	if s.table.mouse(m.below(1)) {
		return s.drill()
	}
	return nil
}

func (s *sessionScreen) drill() Action {
	if r, ok := s.table.current(); ok {
		return openLock(r.Lock)
	}
	return nil
}

func (s *sessionScreen) there() bool { _, ok := s.table.current(); return ok }

func (s *sessionScreen) toRelease() (key string, lease int64) {
	r, _ := s.table.current()
	return r.Key, s.id.Lease
}

func (s *sessionScreen) tableHeight() int { return max(min(s.table.len()+2, s.h/2), 4) }

func (s *sessionScreen) Refresh() {
	v := s.shown().verdict
	if !v.known || v.edition() == s.of {
		return
	}
	s.of = v.edition()
	s.session, _ = v.Session(s.id)
	var keys []string
	if s.session == nil {
		s.table.set(nil)
	} else {
		s.table.set(slices.Clone(s.session.Requests))
		for _, r := range s.session.Requests {
			keys = append(keys, r.Key)
		}
	}
	s.preview = v.Snapshot.Without(keys...)
}

func (s *sessionScreen) View(w, h int) string {
	th := s.tableHeight()
	title := "session " + safe(s.id.String())
	if s.session != nil {
		title += " · " + safe(s.session.Who())
	}
	parts := []string{s.theme.panel(title+filterTitle(s.table), s.table.view(true, "it has ended, or has no requests any more"), w, th, true, false)}
	return strings.Join(append(parts, s.effects(w, h-th)), "\n")
}

// effects is a panel with what is known of the lease, and what a revoke does.
func (s *sessionScreen) effects(w, h int) string {
	iw, ih := inner(w, h, false)
	return s.theme.panel("its lease, and what ending it would do", s.pager.view(s.theme, s.about(iw), ih), w, h, false, false)
}

// about is the lease and the preview of a revoke.
func (s *sessionScreen) about(w int) []string {
	var lines []string
	ttl, renewals := ttlBar(s.Context, s.id.Lease, min(w/2, 30)), renewalsCell(s.Context, s.id.Lease)
	lines = append(lines, "ttl "+ttl.style.Render(ttl.text)+"   renewals "+renewals.style.Render(renewals.text))
	if f := s.lease(s.id.Lease); f.Granted > 0 && !s.inPast() {
		lines[0] += s.theme.dim.Render("   granted " + span(f.Granted))
	}
	if s.session == nil {
		return lines
	}
	lines = append(lines, previewLines(s.theme, s.preview.Gone, s.preview.Granted)...)
	for i, l := range lines {
		lines[i] = cut(l, w)
	}
	return lines
}
