package tui

import (
	"slices"
	"strconv"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

// pastScreen is what changed, by revision, the latest first: of all locks, or of
// one. Nothing is read before the user asks for it.
type pastScreen struct {
	*common
	lock  inspect.LockID // whose name is empty: all
	title string
	of    *Changes
	anew  bool // the newest were asked for, and the cursor goes there
	table *table[changeID, inspect.Event]

	enter, older, newest key.Binding
}

// changeID tells a change from all others.
type changeID struct {
	revision int64
	key      string
	kind     inspect.EventKind
}

func newPastScreen(c *common) *pastScreen {
	return newChanges(c, "past", inspect.LockID{})
}

func newHistoryScreen(c *common, id inspect.LockID) *pastScreen {
	return newChanges(c, "history", id)
}

func newChanges(c *common, title string, id inspect.LockID) *pastScreen {
	s := &pastScreen{
		common: c, title: title, lock: id,
		enter:  bind("enter", "go: to the revision, or read what changed", "enter"),
		older:  bind("o", "older: read what changed before", "o"),
		newest: bind("n", "newest: read what changed up to the revision that is shown", "n"),
	}
	s.table = newTable(c, s.columns(), func(e inspect.Event) changeID { return changeID{e.Revision, e.Request.Key, e.Kind} })
	s.table.match = func(e inspect.Event) string {
		return string(e.Kind) + " " + e.Request.Mode.String() + " " + safe(e.Request.Lock.Name) + " " + whose(e.Request)
	}
	s.table.label = func(e inspect.Event) string { return e.Request.Key }
	return s
}

// columns are without that of the lock where there is only one.
func (s *pastScreen) columns() []column[inspect.Event] {
	dim := func(text string) cell { return cell{text, s.theme.dim} }
	cols := []column[inspect.Event]{
		{title: "revision", box: box{min: 10, want: 14}, right: true, cell: s.revision},
		{title: "event", box: box{min: 10}, cell: func(e inspect.Event, _ int) cell { return cell(entrySign(s.theme, entryKind(e.Kind))) }},
		{title: "mode", box: box{min: 5}, cell: func(e inspect.Event, _ int) cell { return cell{e.Request.Mode.String(), s.theme.plain} }},
		{title: "lock", box: box{min: 12, want: 32, soon: true}, cell: func(e inspect.Event, w int) cell {
			return cell{cutMiddle(safe(e.Request.Lock.Name), w), s.theme.plain}
		}},
		{title: "client", box: box{min: 18, flex: true}, cell: func(e inspect.Event, w int) cell { return cell{cutMiddle(whose(e.Request), w), s.theme.plain} }},
		{title: "token", box: box{min: 8, rank: 1}, right: true, cell: func(e inspect.Event, _ int) cell { return dim(strconv.FormatInt(e.Request.Revision, 10)) }},
	}
	if s.lock == (inspect.LockID{}) {
		return cols
	}
	return slices.DeleteFunc(cols, func(col column[inspect.Event]) bool { return col.title == "lock" })
}

// revision is that of the change, loud when it is the one that is shown.
func (s *pastScreen) revision(e inspect.Event, _ int) cell {
	text := strconv.FormatInt(e.Revision, 10)
	if s.inPast() && e.Revision == s.shown().snapshot.Revision {
		return cell{"▸ " + text, s.theme.past}
	}
	return cell{text, s.theme.plain}
}

func (s *pastScreen) name() string { return s.title }

func (s *pastScreen) grid() grid { return s.table }

func (s *pastScreen) keys() []keyGroup {
	return append([]keyGroup{{s.title, []key.Binding{s.enter, s.older, s.newest}}}, s.table.helpKeys()...)
}

func (s *pastScreen) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		s.table.resize(inner(msg.w, msg.h, false))
	case refreshMsg:
		s.refresh()
	case wheelMsg, clickMsg:
		return s.table.mouse(msg, s.drill)
	case tea.KeyPressMsg:
		switch {
		case key.Matches(msg, s.enter):
			return s.drill()
		case key.Matches(msg, s.older):
			return s.before()
		case key.Matches(msg, s.newest):
			s.anew = true
			return s.request(readMsg{})
		default:
			s.table.update(msg)
		}
	}
	return nil
}

func (s *pastScreen) drill() tea.Cmd {
	if e, ok := s.table.current(); ok {
		return s.request(revisionMsg{e.Revision})
	}
	return s.request(readMsg{})
}

func (s *pastScreen) before() tea.Cmd {
	switch {
	case s.trail == nil:
		return s.request(readMsg{})
	case s.trail.Since <= s.trail.Floor:
		return s.fail(s.trail.floorText())
	default:
		return s.request(readMsg{until: s.trail.Since})
	}
}

func (s *pastScreen) refresh() {
	if s.of == s.trail {
		return
	}
	s.of = s.trail
	var rows []inspect.Event
	for i := len(s.trail.Events) - 1; i >= 0; i-- {
		if e := s.trail.Events[i]; s.lock == (inspect.LockID{}) || e.Request.Lock == s.lock {
			rows = append(rows, e)
		}
	}
	s.table.set(rows)
	if s.anew {
		s.anew = false
		s.table.move(-len(rows))
	}
}

func (s *pastScreen) view(w, h int) string {
	title, empty := s.title, "enter asks etcd for the last "+strconv.Itoa(trailWindow)+" revisions; it reads all that was written since for that"
	if s.lock.Name != "" {
		title += " of " + safe(s.lock.Name)
	}
	if s.trail != nil {
		title += " · revisions " + strconv.FormatInt(s.trail.Since, 10) + " to " + strconv.FormatInt(s.trail.Until, 10) +
			" · the oldest is " + strconv.FormatInt(s.trail.Floor, 10) + filterTitle(s.table)
		empty = "nothing has changed in these revisions; o looks further back"
	}
	return s.theme.panel(title, s.table.view(true, empty), w, h, true, false)
}
