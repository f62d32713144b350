package tui

import "time"

// eventsScreen is the log, newest first. The cursor on the first line follows
// the newest; anywhere else it stays on its line.
type eventsScreen struct {
	*Context
	table  *table[uint64, *entry]
	seen   uint64
	follow bool
	keys   []Group
}

func newEventsScreen(c *Context) *eventsScreen {
	s := &eventsScreen{Context: c, follow: true}
	s.table = newTable(c.theme, []column[*entry]{
		{title: "time", box: box{min: 8}, cell: func(e *entry, _ int) cell {
			return cell{e.at.Format(time.TimeOnly), s.theme.dim}
		}, text: func(e *entry) string { return e.at.Format(time.RFC3339Nano) }},
		{title: "event", box: box{min: 10}, cell: func(e *entry, _ int) cell {
			return cell(entrySign(s.theme, e.kind))
		}, text: func(e *entry) string { return string(e.kind) }},
		{title: "what", box: box{min: 10, flex: true}, cell: func(e *entry, _ int) cell {
			return cell{e.text, s.theme.plain}
		}},
	}, func(e *entry) uint64 { return e.id })
	s.table.match = func(e *entry) string { return string(e.kind) + " " + e.text }
	s.table.label = func(e *entry) string { return e.text }
	s.table.moved = func() { s.follow = s.table.atTop() }
	s.keys = append([]Group{{"events", []Binding{
		bind("enter", "open", s.drill, "enter").describe("go to the lock").in(InFooter).offIf(unless(s.hasLock, "it is not about a lock")),
	}}}, s.table.bindings()...)
	return s
}

func (s *eventsScreen) Ref() Ref { return Ref{Kind: KindEvents} }

func (s *eventsScreen) Grid() grid { return s.table }

func (s *eventsScreen) Bindings() []Group { return s.keys }

// Refresh does nothing: the log is taken in by Fit.
func (s *eventsScreen) Refresh() {}

func (s *eventsScreen) Fit(w, h int) {
	s.table.resize(inner(w, h, false))
	s.read()
}

func (s *eventsScreen) Mouse(m mouse) Action {
	if s.table.mouse(m.below(1)) {
		return s.drill()
	}
	return nil
}

// read takes in what is new in the log, unless the display is frozen.
func (s *eventsScreen) read() {
	if s.seen == s.log.last || s.frozen != nil && s.seen > 0 {
		return
	}
	s.seen = s.log.last
	rows := make([]*entry, len(s.log.entries))
	for i, e := range s.log.entries {
		rows[len(rows)-1-i] = e
	}
	if s.follow {
		s.table.toTop()
	}
	s.table.set(rows)
}

// hasLock reports whether the line under the cursor is about a lock.
func (s *eventsScreen) hasLock() bool {
	e, ok := s.table.current()
	return ok && e.lock.Name != ""
}

func (s *eventsScreen) drill() Action {
	if !s.hasLock() {
		return nil
	}
	e, _ := s.table.current()
	return openLock(e.lock)
}

func (s *eventsScreen) View(w, h int) string {
	title := "events " + count(s.table.len(), "line", "lines") + filterTitle(s.table)
	if !s.follow {
		title += " · g follows the newest"
	}
	return s.theme.panel(title, s.table.view(true, "nothing has happened since the watch began"), w, h, true, false)
}
