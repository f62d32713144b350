package tui

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/inspect"
)

// historyScreen is what changed, by revision, the latest first: of all locks, or
// of one. Nothing is read before the user asks for it.
type historyScreen struct {
	*Context
	ref   Ref      // of one lock, or of all
	of    *Changes // that are shown
	anew  bool     // the newest were asked for, and the cursor goes there
	table *table[changeID, inspect.Event]
	keys  []Group
}

// changeID identifies a change.
type changeID struct {
	revision int64
	key      string
	kind     inspect.EventKind
}

// newHistoryScreen makes the screen of KindPast or KindHistory.
func newHistoryScreen(c *Context, ref Ref) *historyScreen {
	s := &historyScreen{Context: c, ref: ref}
	s.table = newTable(c.theme, s.tableColumns(), func(e inspect.Event) changeID { return changeID{e.Revision, e.Request.Key, e.Kind} })
	s.table.match = func(e inspect.Event) string {
		return string(e.Kind) + " " + e.Request.Mode.String() + " " + safe(e.Request.Lock.Name) + " " + ownerOrSession(e.Request)
	}
	s.table.label = func(e inspect.Event) string { return e.Request.Key }
	s.keys = append([]Group{{ref.Kind.String(), []Binding{
		bind("enter", "go", s.drill, "enter").describe("to the revision, or read what changed").in(InFooter).offIf(c.offTravel),
		bind("o", "older", s.older, "o").describe("read what changed before").in(InFooter).offIf(eitherOff(c.offTravel, s.offOlder)),
		bind("n", "newest", s.newest, "n").describe("read what changed up to the revision that is shown").in(InFooter).offIf(c.offTravel),
	}}}, s.table.bindings()...)
	return s
}

// all reports whether the changes of all locks are shown.
func (s *historyScreen) all() bool { return s.ref.Kind == KindPast }

// tableColumns are without that of the lock where there is only one.
func (s *historyScreen) tableColumns() []column[inspect.Event] {
	dim := func(text string) cell { return cell{text, s.theme.dim} }
	cols := []column[inspect.Event]{
		{title: "revision", box: box{min: 10, want: 14}, right: true, cell: s.revision},
		{title: "event", box: box{min: 10}, cell: func(e inspect.Event, _ int) cell { return cell(entrySign(s.theme, entryKind(e.Kind))) }},
		{title: "mode", box: box{min: 5}, cell: func(e inspect.Event, _ int) cell { return cell{e.Request.Mode.String(), s.theme.plain} }},
		{title: "lock", box: box{min: 12, want: 32, soon: true}, cell: func(e inspect.Event, w int) cell {
			return cell{cutMiddle(safe(e.Request.Lock.Name), w), s.theme.plain}
		}},
		{title: "client", box: box{min: 18, flex: true}, cell: func(e inspect.Event, w int) cell { return cell{cutMiddle(ownerOrSession(e.Request), w), s.theme.plain} }},
		{title: "token", box: box{min: 8, rank: 1}, right: true, cell: func(e inspect.Event, _ int) cell { return dim(strconv.FormatInt(e.Request.Revision, 10)) }},
	}
	if s.all() {
		return cols
	}
	return slices.DeleteFunc(cols, func(col column[inspect.Event]) bool { return col.title == "lock" })
}

// revision is that of the change, loud when it is the one that is shown.
func (s *historyScreen) revision(e inspect.Event, _ int) cell {
	text := strconv.FormatInt(e.Revision, 10)
	if s.inPast() && e.Revision == s.shown().Revision {
		return cell{"▸ " + text, s.theme.past}
	}
	return cell{text, s.theme.plain}
}

func (s *historyScreen) Ref() Ref { return s.ref }

func (s *historyScreen) Grid() grid { return s.table }

func (s *historyScreen) Bindings() []Group { return s.keys }

func (s *historyScreen) Fit(w, h int) { s.table.resize(inner(w, h, false)) }

func (s *historyScreen) Mouse(m mouse) Action {
	if s.table.mouse(m.below(1)) {
		return s.drill()
	}
	return nil
}

func (s *historyScreen) drill() Action {
	if e, ok := s.table.current(); ok {
		return GoTo{e.Revision}
	}
	return ReadHistory{}
}

// offOlder is why there is nothing older.
func (s *historyScreen) offOlder() Off {
	if s.changes != nil && s.changes.Since <= s.changes.Floor {
		return Off{Why: floorText(s.changes), Shown: true}
	}
	return Off{}
}

func (s *historyScreen) older() Action {
	if s.changes == nil {
		return ReadHistory{}
	}
	return ReadHistory{Until: s.changes.Since}
}

func (s *historyScreen) newest() Action {
	s.anew = true
	return ReadHistory{}
}

func (s *historyScreen) Refresh() {
	if s.of == s.changes {
		return
	}
	s.of = s.changes
	var rows []inspect.Event
	for i := len(s.changes.Events) - 1; i >= 0; i-- {
		if e := s.changes.Events[i]; s.all() || e.Request.Lock == s.ref.Lock {
			rows = append(rows, e)
		}
	}
	s.table.set(rows)
	if s.anew {
		s.anew = false
		s.table.move(-len(rows))
	}
}

func (s *historyScreen) View(w, h int) string {
	title, empty := s.ref.Kind.String(), "enter asks etcd for the last "+strconv.Itoa(changesWindow)+" revisions; it reads all that was written since for that"
	if s.ref.Lock.Name != "" {
		title += " of " + safe(s.ref.Lock.Name)
	}
	if s.changes != nil {
		title += " · revisions " + strconv.FormatInt(s.changes.Since, 10) + " to " + strconv.FormatInt(s.changes.Until, 10) +
			" · the oldest is " + strconv.FormatInt(s.changes.Floor, 10) + filterTitle(s.table)
		empty = "nothing has changed in these revisions; o looks further back"
	}
	return s.theme.panel(title, s.table.view(true, empty), w, h, true, false)
}

// historyOf draws the known changes of a lock up to the revision that is shown,
// in w×h, the last ones.
func historyOf(c *Context, id inspect.LockID, w, h int) string {
	if c.changes == nil {
		return c.theme.dim.Render(cut("not read yet: H reads it", w))
	}
	var lines []string
	for _, e := range c.changes.Events {
		if e.Request.Lock != id || e.Revision > c.shown().Revision {
			continue
		}
		g := entrySign(c.theme, entryKind(e.Kind))
		head := c.theme.dim.Render(pad(strconv.FormatInt(e.Revision, 10), 8, true)) + " " + g.style.Render(pad(g.text, 10, false))
		lines = append(lines, cut(head+" "+pad(e.Request.Mode.String(), 5, false)+" "+ownerOrSession(e.Request), w))
	}
	if len(lines) == 0 {
		return c.theme.dim.Render(cut("nothing, from revision "+strconv.FormatInt(c.changes.Since, 10)+" on", w))
	}
	return strings.Join(slices.Clone(lines[max(len(lines)-h, 0):]), "\n")
}
