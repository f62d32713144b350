package tui

import (
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// eventsScreen is the log, newest first. The cursor on the first line follows
// the newest; anywhere else it stays on its line.
type eventsScreen struct {
	*common
	table  *table[uint64, *entry]
	enter  key.Binding
	seen   uint64
	follow bool
}

func newEventsScreen(c *common) *eventsScreen {
	s := &eventsScreen{common: c, enter: bind("enter", "open: go to the lock", "enter"), follow: true}
	s.table = newTable(c, []column[*entry]{
		{title: "time", box: box{min: 8}, cell: func(e *entry, _ int) cell {
			return cell{e.at.Format(time.TimeOnly), s.theme.dim}
		}, text: func(e *entry) string { return e.at.Format(time.RFC3339Nano) }},
		{title: "event", box: box{min: 10}, cell: func(e *entry, _ int) cell {
			g := entrySign(s.theme, e.kind)
			return cell(g)
		}, text: func(e *entry) string { return string(e.kind) }},
		{title: "what", box: box{min: 10, flex: true}, cell: func(e *entry, _ int) cell {
			return cell{e.text, s.theme.plain}
		}},
	}, func(e *entry) uint64 { return e.id })
	s.table.match = func(e *entry) string { return string(e.kind) + " " + e.text }
	s.table.label = func(e *entry) string { return e.text }
	return s
}

func (s *eventsScreen) name() string { return "events" }

func (s *eventsScreen) grid() grid { return s.table }

func (s *eventsScreen) keys() []keyGroup {
	return append([]keyGroup{{"events", []key.Binding{s.enter}}}, s.table.helpKeys()...)
}

func (s *eventsScreen) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		s.table.resize(inner(msg.w, msg.h, false))
		s.read()
	case wheelMsg:
		s.table.move(msg.delta)
		s.follow = s.table.cursor.at == 0
	case clickMsg:
		if s.table.click(msg.x, msg.y-1) {
			return s.drill()
		}
		s.follow = s.table.cursor.at == 0
	case tea.KeyPressMsg:
		if key.Matches(msg, s.enter) {
			return s.drill()
		}
		if s.table.update(msg) {
			s.follow = s.table.cursor.at == 0
		}
	}
	return nil
}

// read takes what is new in the log, unless the picture stands still.
func (s *eventsScreen) read() {
	if s.seen == s.log.last || s.still != nil && s.seen > 0 {
		return
	}
	s.seen = s.log.last
	rows := make([]*entry, len(s.log.entries))
	for i, e := range s.log.entries {
		rows[len(rows)-1-i] = e
	}
	if s.follow {
		s.table.chosen = false
		s.table.cursor = cursor{}
	}
	s.table.set(rows)
}

func (s *eventsScreen) drill() tea.Cmd {
	e, ok := s.table.current()
	if !ok || e.lock.Name == "" {
		return nil
	}
	return s.open(newLockScreen(s.common, e.lock))
}

func (s *eventsScreen) view(w, h int) string {
	title := "events " + count(len(s.table.rows), "line", "lines") + filterTitle(s.table)
	if !s.follow {
		title += " · g follows the newest"
	}
	return s.theme.panel(title, s.table.view(true, "nothing has happened since the watch began"), w, h, true, false)
}

// filterTitle says that a table is filtered.
func filterTitle(g grid) string {
	if g.filtered() == "" {
		return ""
	}
	return " · filter “" + safe(g.filtered()) + "”"
}
