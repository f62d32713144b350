package screens

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// historyScreen is what changed, by revision, the latest first: of all locks, or
// of one. Nothing is read before the user asks for it.
type historyScreen struct {
	*nav.Context
	ref   nav.Ref          // of one lock, or of all
	of    *backend.Changes // that are shown
	anew  bool             // the newest were asked for, and the cursor goes there
	table *widget.Table[changeID, backend.Change]
	keys  []widget.Group
}

// changeID identifies a change.
type changeID struct {
	revision int64
	key      string
	kind     inspect.EventKind
	lock     inspect.LockID
}

// newHistoryScreen makes the screen of KindPast or KindHistory.
func newHistoryScreen(c *nav.Context, ref nav.Ref) *historyScreen {
	s := &historyScreen{Context: c, ref: ref}
	s.table = widget.NewTable(c.Theme, s.tableColumns(), func(e backend.Change) changeID { return changeID{e.Revision, e.Request.Key, e.Kind, e.Lock()} })
	s.table.Match = func(e backend.Change) string {
		return string(e.Kind) + " " + modeText(e.Request) + " " + term.Name(e.Lock().Name) + " " + eventWho(e.Event)
	}
	s.table.Label = func(e backend.Change) string { return e.Request.Key }
	s.keys = append([]widget.Group{{Title: ref.Kind.String(), Bindings: []widget.Binding{
		{
			Keys: "enter", Short: "go", Long: "to the revision, or read what changed",
			Doc:   "go to the revision under the cursor; if nothing was read yet, read the latest changes",
			Where: widget.InFooter, Off: c.OffTravel, Do: s.drill,
		},
		{
			Keys: "o", Short: "older", Long: "read older changes",
			Doc:   "read older changes",
			Where: widget.InFooter, Off: nav.EitherOff(c.OffTravel, s.offOlder), Do: s.older,
		},
		{
			Keys: "n", Short: "newest", Long: "read changes up to the revision shown",
			Doc:   "read changes up to the revision shown",
			Where: widget.InFooter, Off: c.OffTravel, Do: s.newest,
		},
	}}}, s.table.Bindings()...)
	return s
}

// all reports whether the changes of all locks are shown.
func (s *historyScreen) all() bool { return s.ref.Kind == nav.KindPast }

// tableColumns are without that of the lock where there is only one, and of the time where
// it is not known.
func (s *historyScreen) tableColumns() []widget.Column[backend.Change] {
	dim := func(text string) theme.Text { return theme.Styled(text, s.Theme.Dim) }
	revisionRank := 0
	if s.Can.Clock { // then the time says when
		revisionRank = 2
	}
	clientLeast := 14
	if s.all() {
		clientLeast = 18
	}
	cols := []widget.Column[backend.Change]{
		{Title: "time", Box: widget.Box{Min: 8}, Cell: func(e backend.Change, _ int) theme.Text { return dim(clockText(e.Place)) },
			Text: func(e backend.Change) string { return state.PlaceText(e.Place) }},
		{Title: "revision", Box: widget.Box{Min: 10, Want: 14, Rank: revisionRank}, Right: true, Cell: s.revision},
		{Title: "event", Box: widget.Box{Min: 10}, Cell: func(e backend.Change, _ int) theme.Text {
			return entrySign(s.Theme, state.EntryKind(e.Kind))
		}},
		{Title: "mode", Box: widget.Box{Min: 5, Rank: 3}, Cell: func(e backend.Change, _ int) theme.Text { return theme.Styled(modeText(e.Request), s.Theme.Plain) }},
		{Title: "lock", Box: widget.Box{Min: 12, Want: 32, Soon: true, Uncut: true}, Cell: func(e backend.Change, w int) theme.Text {
			return theme.Styled(term.CutMiddle(term.Name(e.Lock().Name), w), s.Theme.Plain)
		}},
		{Title: "client", Box: widget.Box{Min: clientLeast, Rank: 1, Flex: true, Uncut: true}, Cell: func(e backend.Change, w int) theme.Text {
			if !e.Kind.OfOther() {
				return theme.Styled(clientIn(e.Request, w), s.Theme.Plain)
			}
			return theme.Styled(term.CutMiddle(eventWho(e.Event), w), s.Theme.Plain)
		}, Brief: func(e backend.Change) string { return briefWho(e.Request) }},
		{Title: "token", Box: widget.Box{Min: 8, Rank: 4}, Right: true, Cell: func(e backend.Change, _ int) theme.Text { return dim(tokenText(e.Request)) }},
	}
	return slices.DeleteFunc(cols, func(col widget.Column[backend.Change]) bool {
		return col.Title == "lock" && !s.all() || col.Title == "time" && !s.Can.Clock
	})
}

// clockText is the time of a place, which revisions of etcd do not have.
func clockText(p backend.Place) string {
	if p.Time.IsZero() {
		return "-"
	}
	return p.Time.Format(time.TimeOnly)
}

// eventWho labels what an event is about: the client of a request, or another key.
func eventWho(e inspect.Event) string {
	switch {
	case !e.Kind.OfOther():
		return state.Who(e.Request)
	case e.Request.IsRequest():
		return term.Safe(e.Request.Key + ", a request for " + format.Name(e.Request.Lock.Name))
	default:
		return term.Safe(e.Request.Key + ", " + e.Request.AsOther())
	}
}

// revision is that of the change, loud when it is the one that is shown.
func (s *historyScreen) revision(e backend.Change, _ int) theme.Text {
	text := strconv.FormatInt(e.Revision, 10)
	if s.InPast() && e.Revision == s.Shown().Revision {
		return theme.Styled("▸ "+text, s.Theme.Past)
	}
	return theme.Styled(text, s.Theme.Plain)
}

func (s *historyScreen) Ref() nav.Ref { return s.ref }

func (s *historyScreen) Grid() widget.Grid { return s.table }

func (s *historyScreen) Bindings() []widget.Group { return s.keys }

func (s *historyScreen) Fit(w, h int) { s.table.Resize(theme.Inner(w, h, false)) }

func (s *historyScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *historyScreen) drill() nav.Action {
	if e, ok := s.table.Current(); ok {
		return nav.GoTo{Place: e.Place}
	}
	return nav.ReadHistory{}
}

// offOlder is why there is nothing older.
func (s *historyScreen) offOlder() widget.Off {
	if s.Changes != nil && s.Changes.Since.Compare(s.Changes.Floor) <= 0 {
		return widget.Off{Why: state.FloorText(s.Changes), Shown: true}
	}
	return widget.Off{}
}

func (s *historyScreen) older() nav.Action {
	if s.Changes == nil {
		return nav.ReadHistory{}
	}
	return nav.ReadHistory{Until: s.Changes.Since}
}

func (s *historyScreen) newest() nav.Action {
	s.anew = true
	return nav.ReadHistory{}
}

func (s *historyScreen) Refresh() {
	if s.of == s.Changes {
		return
	}
	s.of = s.Changes
	var rows []backend.Change
	for i := len(s.Changes.Events) - 1; i >= 0; i-- {
		if e := s.Changes.Events[i]; s.all() || e.Lock() == s.ref.Lock {
			rows = append(rows, e)
		}
	}
	s.table.Set(rows)
	if s.anew {
		s.anew = false
		s.table.Move(-len(rows))
	}
}

func (s *historyScreen) View(w, h int) string {
	title, empty := s.ref.Kind.String(), s.KeyOn(s.ref.Kind, "enter")+" reads the latest changes"
	switch {
	case !s.Can.Clock:
		empty += "; etcd scans all writes since then"
	case !s.Can.Recording:
		empty += "; etcd scans all writes since then, unless they were recorded"
	}
	if !s.all() {
		title += " of " + term.Name(s.ref.Lock.Name)
	}
	title += ofClusters(s.Context)
	if s.Changes != nil {
		title += " · " + rangeText(s.Changes) + filterTitle(s.table)
		empty = "no changes in that time; " + s.KeyOn(s.ref.Kind, "o") + " reads older ones"
		if why := s.offOlder().Why; why != "" {
			empty = "no changes; " + why
		}
		if s.Changes.Unproven {
			title += " · " + unproven
			empty = unproven
		}
	}
	return s.Theme.Panel(title, s.table.View(true, orUnmatched(s.Context, s.table, empty)), w, h, true, false)
}

// rangeText says which changes these are, and how far back there are any.
func rangeText(c *backend.Changes) string {
	if c.Recorded {
		since, until := c.Since.Time, c.Until.Time
		text := since.Format(time.DateTime) + " to " + until.Format(time.DateTime)
		if since.Format(time.DateOnly) == until.Format(time.DateOnly) {
			text = since.Format(time.DateTime) + " to " + until.Format(time.TimeOnly)
		}
		if c.Since.Compare(c.Floor) > 0 {
			text += " · recorded since " + state.PlaceText(c.Floor)
		}
		return text
	}
	return "revisions " + strconv.FormatInt(c.Since.Revision, 10) + " to " + strconv.FormatInt(c.Until.Revision, 10) +
		" · oldest " + strconv.FormatInt(c.Floor.Revision, 10)
}

// unproven says that changes may be missing.
const unproven = "changes may be missing: this etcd does not say whether it has sent all"

// historyOf draws the known changes of a lock up to the revision that is shown,
// in w×h, the last ones.
func historyOf(c *nav.Context, id inspect.LockID, w, h int) string {
	if c.Changes == nil {
		return c.Theme.Dim.Render(term.Cut("not read yet: "+c.KeyOn(nav.KindLock, "H")+" reads it", w))
	}
	var lines []string
	for _, e := range c.Changes.Events {
		if e.Lock() != id || c.InPast() && e.Place.Compare(c.Frozen.Place) > 0 {
			continue
		}
		g := entrySign(c.Theme, state.EntryKind(e.Kind))
		when := strconv.FormatInt(e.Revision, 10)
		if c.Changes.Recorded {
			when = clockText(e.Place)
		}
		head := c.Theme.Dim.Render(term.Pad(when, 8, true)) + " " + g.Style.Render(term.Pad(g.Text, 10, false))
		lines = append(lines, term.Cut(head+" "+term.Pad(modeText(e.Request), 5, false)+" "+eventWho(e.Event), w))
	}
	if len(lines) == 0 && c.Changes.Unproven {
		return c.Theme.Dim.Render(term.Cut("unknown: "+unproven, w))
	}
	if len(lines) == 0 {
		return c.Theme.Dim.Render(term.Cut("no changes since "+state.PlaceText(c.Changes.Since), w))
	}
	return strings.Join(slices.Clone(lines[max(len(lines)-h, 0):]), "\n")
}

// Describe implements nav.Describer.
func (s *historyScreen) Describe() []string {
	e, ok := s.table.Current()
	if !ok {
		return nil
	}
	return append(append(describe.Field("event", string(e.Kind)), describe.Field("at", state.PlaceText(e.Place))...), describe.Request(s.Context, e.Request)...)
}
