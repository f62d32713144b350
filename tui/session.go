package tui

import (
	"slices"
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

// sessionScreen is one session: its locks, and what ending it would release.
type sessionScreen struct {
	*common
	id      inspect.SessionID
	session *inspect.Session // nil: it is gone
	of      edition          // of the verdict that is shown
	table   *table[string, inspect.Request]
	w, h    int
	enter   key.Binding
	below   below
	preview inspect.Preview
	force   forceKeys
}

func newSessionScreen(c *common, id inspect.SessionID) *sessionScreen {
	s := &sessionScreen{common: c, id: id, below: newBelow(), enter: bind("enter", "lock: go to it", "enter"), force: newForceKeys(c)}
	s.table = newTable(c, []column[inspect.Request]{
		{title: "state", box: box{min: 9}, cell: func(r inspect.Request, _ int) cell {
			g := requestSign(s.theme, r.Holding)
			return cell{g.text + map[bool]string{true: " holding", false: " waiting"}[r.Holding], g.style}
		}},
		{title: "mode", box: box{min: 5}, cell: func(r inspect.Request, _ int) cell { return cell{r.Mode.String(), s.theme.plain} }},
		{title: "lock", box: box{min: 12, flex: true}, cell: func(r inspect.Request, w int) cell { return cell{cutMiddle(safe(r.Lock.Name), w), s.theme.plain} }},
		{title: "layout", box: box{min: 6, rank: 2}, cell: func(r inspect.Request, _ int) cell { return cell{safe(string(r.Lock.Layout)), s.theme.dim} }},
		{title: "for", box: box{min: 7}, right: true, cell: func(r inspect.Request, _ int) cell { return cell{age(s.clock(), r.Since), s.theme.plain} }},
		{title: "token", box: box{min: 8, rank: 1}, right: true, cell: func(r inspect.Request, _ int) cell { return cell{strconv.FormatInt(r.Revision, 10), s.theme.dim} }},
	}, func(r inspect.Request) string { return r.Key })
	s.table.match = func(r inspect.Request) string { return safe(r.Lock.Name) }
	s.table.label = func(r inspect.Request) string { return r.Key }
	return s
}

func (s *sessionScreen) name() string { return "session" }

func (s *sessionScreen) grid() grid { return s.table }

func (s *sessionScreen) leases() []int64 { return []int64{s.id.Lease} }

func (s *sessionScreen) keys() []keyGroup {
	return append(append([]keyGroup{{"session", []key.Binding{s.enter, s.below.down, s.below.up}}}, s.table.helpKeys()...), s.force.group())
}

func (s *sessionScreen) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		s.w, s.h = msg.w, msg.h
		s.table.resize(inner(msg.w, s.tableHeight(), false))
	case refreshMsg:
		s.refresh()
	case wheelMsg, clickMsg:
		return s.table.mouse(msg, s.drill)
	case tea.KeyPressMsg:
		if key.Matches(msg, s.enter) {
			return s.drill()
		}
		if s.force.matches(msg) {
			r, _ := s.table.current()
			return s.force.cmd(msg, r.Key, s.id.Lease)
		}
		if !s.below.update(msg) {
			s.table.update(msg)
		}
	}
	return nil
}

func (s *sessionScreen) drill() tea.Cmd {
	if r, ok := s.table.current(); ok {
		return s.open(newLockScreen(s.common, r.Lock))
	}
	return nil
}

func (s *sessionScreen) tableHeight() int { return max(min(len(s.table.rows)+2, s.h/2), 4) }

func (s *sessionScreen) refresh() {
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

func (s *sessionScreen) view(w, h int) string {
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
	return s.theme.panel("its lease, and what ending it would do", s.below.view(s.theme, s.about(iw), ih), w, h, false, false)
}

// about is the lease and the preview of a revoke.
func (s *sessionScreen) about(w int) []string {
	var lines []string
	ttl, renewals := s.ttlBar(s.id.Lease, min(w/2, 30)), renewalsCell(s.common, s.id.Lease)
	lines = append(lines, "ttl "+ttl.style.Render(ttl.text)+"   renewals "+renewals.style.Render(renewals.text))
	if f := s.fact(s.id.Lease); f.Granted > 0 && !s.inPast() {
		lines[0] += s.theme.dim.Render("   granted " + span(f.Granted))
	}
	if s.session == nil {
		return lines
	}
	lines = append(lines, s.previewLines(s.preview.Gone, s.preview.Granted)...)
	for i, l := range lines {
		lines[i] = cut(l, w)
	}
	return lines
}
