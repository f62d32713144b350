package screens

import (
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// eventsScreen is the log, newest first. The cursor on the first line follows
// the newest; anywhere else it stays on its line.
type eventsScreen struct {
	*nav.Context
	table  *widget.Table[uint64, *state.Entry]
	of     *state.Log // that is shown, up to its entry seen
	seen   uint64
	follow bool
	keys   []widget.Group
}

func newEventsScreen(c *nav.Context) *eventsScreen {
	s := &eventsScreen{Context: c, follow: true}
	s.table = widget.NewTable(c.Theme, []widget.Column[*state.Entry]{
		{Title: "time", Box: widget.Box{Min: 8, Rank: 1}, Cell: func(e *state.Entry, _ int) theme.Text {
			return theme.Styled(e.At.Format(time.TimeOnly), s.Theme.Dim)
		}, Text: func(e *state.Entry) string { return e.At.Format(time.RFC3339Nano) }},
		{Title: "event", Box: widget.Box{Min: 10}, Cell: func(e *state.Entry, _ int) theme.Text {
			return entrySign(s.Theme, e.Kind)
		}, Text: func(e *state.Entry) string { return string(e.Kind) }},
		{Title: "what", Box: widget.Box{Min: 24, Flex: true}, Cell: func(e *state.Entry, _ int) theme.Text {
			return theme.Styled(e.Text, s.Theme.Plain)
		}},
	}, func(e *state.Entry) uint64 { return e.ID })
	s.table.Match = func(e *state.Entry) string { return string(e.Kind) + " " + e.Text }
	s.table.Label = func(e *state.Entry) string { return e.Text }
	s.table.Moved = func() { s.follow = s.table.AtTop() }
	s.keys = append([]widget.Group{{Title: "events", Bindings: []widget.Binding{
		{
			Keys: "enter", Short: "open", Long: "go to the lock",
			Doc:   "open the lock",
			Where: widget.InFooter, Off: nav.EitherOff(nav.Unless(s.there, "no event is selected"), nav.Unless(s.hasLock, "this event is not about a lock")), Do: s.drill,
		},
	}}}, s.table.Bindings()...)
	return s
}

func (s *eventsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindEvents} }

func (s *eventsScreen) Grid() widget.Grid { return s.table }

func (s *eventsScreen) Bindings() []widget.Group { return s.keys }

// Refresh does nothing: the log is taken in by Fit.
func (s *eventsScreen) Refresh() {}

func (s *eventsScreen) Fit(w, h int) {
	s.table.Resize(theme.Inner(w, h, false))
	s.read()
}

func (s *eventsScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

// read takes new log entries, unless the display is frozen, or those of another moment.
func (s *eventsScreen) read() {
	log := s.ShownLog()
	if log == s.of && (s.seen == log.Last || s.Frozen != nil && s.seen > 0) {
		return
	}
	if s.of != nil && log != s.of {
		s.follow = true
	}
	s.of, s.seen = log, log.Last
	rows := make([]*state.Entry, len(log.Entries))
	for i, e := range log.Entries {
		rows[len(rows)-1-i] = e
	}
	if s.follow {
		s.table.ToTop()
	}
	s.table.Set(rows)
}

// hasLock reports whether the line under the cursor is about a lock.
func (s *eventsScreen) hasLock() bool {
	e, ok := s.table.Current()
	return ok && e.Lock != (inspect.LockID{})
}

func (s *eventsScreen) there() bool { _, ok := s.table.Current(); return ok }

func (s *eventsScreen) drill() nav.Action {
	if !s.hasLock() {
		return nil
	}
	e, _ := s.table.Current()
	return nav.OpenLock(e.Lock)
}

func (s *eventsScreen) View(w, h int) string {
	title := "events " + format.Count(s.table.Len(), "line", "lines") + ofClusters(s.Context) + filterTitle(s.table)
	if !s.follow {
		title += " · " + s.KeyOn(nav.KindEvents, "g") + " follows the newest"
	}
	return s.Theme.Panel(title, s.table.View(true, orUnmatched(s.Context, s.table, noEvents(s.ShownLog()))), w, h, true, false)
}

// Describe implements nav.Describer.
func (s *eventsScreen) Describe() []string {
	e, ok := s.table.Current()
	if !ok {
		return nil
	}
	lines := append(describe.Field("event", string(e.Kind)), e.Text)
	if s.hasLock() {
		lines = append(append(lines, ""), describe.Lock(s.Context, e.Lock)...)
	}
	return lines
}
