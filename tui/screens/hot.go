package screens

import (
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// hotScreen is what waiting has cost: by class of locks, by owner, or by chain of who
// waited for whom.
type hotScreen struct {
	*nav.Context
	table *widget.Table[string, *hotRow]
	by    hotBy
	costs hotCosts
	shown hotShown // of which the rows are
	about hotAbout
	pager widget.Pager
	size  size
	keys  []widget.Group
}

// hotBy is what the rows are.
type hotBy int

const (
	byClass hotBy = iota
	byOwner
	byChain
	allHot
)

// String returns it in the plural, for titles.
func (b hotBy) String() string { return [...]string{"classes", "owners", "chains"}[b] }

// hotShown says which rows are shown.
type hotShown struct {
	by       hotBy
	recorded bool
	edition  int // of the costs
}

func newHotScreen(c *nav.Context) *hotScreen {
	s := &hotScreen{Context: c}
	s.table = widget.NewTable(c.Theme, s.columns(), func(r *hotRow) string { return r.id })
	s.table.Match = func(r *hotRow) string { return r.name }
	s.table.Fields = map[string]func(*hotRow) iter.Seq[string]{
		"class": func(r *hotRow) iter.Seq[string] { return slices.Values(r.classes) },
		"owner": func(r *hotRow) iter.Seq[string] { return slices.Values(r.owners) },
	}
	s.table.Label = func(r *hotRow) string { return r.name }
	s.table.Moved = s.pager.Reset
	s.pager.More = c.KeyOn(nav.KindHot, widget.MoreKey)
	s.table.Beside = &s.pager
	s.keys = append([]widget.Group{{Title: "hot", Bindings: s.own()}}, s.table.Bindings()...)
	return s
}

func (s *hotScreen) own() []widget.Binding {
	selected := nav.Unless(s.there, "nothing is selected")
	return append([]widget.Binding{
		{
			Keys: "enter", Short: "open", Long: "the locks of a class, the chains of an owner, the locks that a chain waited for most",
			Doc:   "of a class, show its locks; of an owner, its chains; of a chain, the locks of the class that it has waited for most",
			Where: widget.InFooter, Off: nav.EitherOff(selected, nav.Unless(s.opens, "these are all those beyond what is kept")), Do: s.drill,
		},
		{
			Keys: "v", Short: "by", Long: "classes, owners or chains",
			Doc:   "switch between classes of locks, owners and chains",
			Where: widget.InFooter, Do: func() nav.Action { return s.show((s.by+1)%allHot, "") },
		},
		{
			Keys: "c", Short: "chains", Long: "of the class or the owner",
			Doc:   "show the chains of the class or the owner",
			Where: widget.InFooter, Off: nav.EitherOff(selected, nav.Unless(s.opens, "these are all those beyond what is kept"),
				nav.Unless(func() bool { return s.by != byChain }, "these are the chains")), Do: s.chains,
		},
	}, s.pager.Bindings()...)
}

func (s *hotScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindHot} }

func (s *hotScreen) Grid() widget.Grid { return s.table }

func (s *hotScreen) Bindings() []widget.Group { return s.keys }

func (s *hotScreen) there() bool { _, ok := s.table.Current(); return ok }

// opens reports whether the row under the cursor is of something that has a name.
func (s *hotScreen) opens() bool { r, ok := s.table.Current(); return ok && !r.other }

// show shows rows of another kind, those that a filter shows.
func (s *hotScreen) show(by hotBy, filter string) nav.Action {
	s.by = by
	s.table.ToTop()
	s.pager.Reset()
	if err := s.table.SetFilter(filter); err != nil {
		return nav.Fail("filter: " + err.Error())
	}
	s.Refresh()
	return nil
}

func (s *hotScreen) drill() nav.Action {
	r, ok := s.table.Current()
	switch {
	case !ok || r.other:
		return nil
	case s.by == byOwner:
		return s.chains()
	case len(r.classes) == 0:
		return nav.Note("nothing is known of the locks that it waited for")
	default:
		return nav.FilterLocks{Filter: exactly("class", r.classes[0])}
	}
}

func (s *hotScreen) chains() nav.Action {
	r, _ := s.table.Current()
	if s.by == byOwner {
		return s.show(byChain, exactly("owner", r.name))
	}
	return s.show(byChain, exactly("class", r.name))
}

var (
	spaces = regexp.MustCompile(`\s`)
	signs  = regexp.MustCompile(`\\([*.+?()|{}$])`)
)

// exactly returns the filter that shows what has exactly that text in a field.
func exactly(field, text string) string {
	pattern := signs.ReplaceAllString(regexp.QuoteMeta(text), "[$1]") // without backslashes, which are shown escaped
	return field + ":~^" + spaces.ReplaceAllString(pattern, `\s`) + "$"
}

// Refresh takes in the costs, if they have changed. They are of the live watch, or of the
// part of the recording that the time line shows.
func (s *hotScreen) Refresh() {
	costs := s.ShownCosts()
	shown := hotShown{by: s.by, recorded: s.InRecording(), edition: -1}
	if costs != nil {
		shown.edition = costs.Edition
	}
	if shown == s.shown && s.table.Total() > 0 {
		return
	}
	s.shown, s.about = shown, hotAbout{}
	if costs == nil {
		s.costs = hotCosts{}
		s.table.Set(nil)
		return
	}
	s.costs = newHotCosts(&costs.Profile)
	s.table.Set(s.costs.rows(s.by))
}

func (s *hotScreen) Fit(w, h int) {
	s.size = size{w, h}
	s.table.Resize(theme.Inner(w, s.tableHeight(), false))
}

func (s *hotScreen) tableHeight() int { return max(min(s.table.Len()+2, s.size.h*3/5), 4) }

func (s *hotScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *hotScreen) View(w, h int) string {
	th := min(s.tableHeight(), h)
	parts := []string{s.Theme.Panel(s.title(), s.table.View(!s.pager.Focused(), orUnmatched(s.Context, s.table, s.empty())), w, th, !s.pager.Focused(), false)}
	if r, ok := s.table.Current(); ok && h-th > 2 {
		iw, ih := theme.Inner(w, h-th, false)
		parts = append(parts, s.Theme.Panel(r.name, s.pager.View(s.Theme, s.lines(r, iw), ih), w, h-th, s.pager.Focused(), false))
	}
	return strings.Join(parts, "\n")
}

// title says of which time the costs are, and how much was waited in it.
func (s *hotScreen) title() string {
	t := "hot " + s.by.String() + " " + strconv.Itoa(s.table.Len())
	if s.table.Filtered() != "" {
		t += " of " + strconv.Itoa(s.table.Total())
	}
	t += ofClusters(s.Context) + filterTitle(s.table)
	if c := s.ShownCosts(); c != nil && c.Edition > 0 && c.Failure == "" {
		t += " · waited " + format.Brief(c.Waited) + " from " + s.clock(c.From) + " to " + s.clock(c.To)
		if c.Gaps > 0 {
			t += " · ? " + format.Count(c.Gaps, "gap", "gaps") + ", " + format.Brief(c.InGaps)
		}
	}
	return t
}

// clock returns a time of the costs: with the day, if that is another one.
func (s *hotScreen) clock(t time.Time) string {
	now := s.Clock()
	switch t = t.In(now.Location()); {
	case t.IsZero():
		return "-"
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format(time.TimeOnly)
	default:
		return t.Format("01-02 15:04:05")
	}
}

// empty says why there is no row.
func (s *hotScreen) empty() string {
	c := s.ShownCosts()
	switch {
	case c == nil:
		return "etcd keeps no times, so what waiting cost is known of the present and of recordings only"
	case c.Failure != "":
		return "✗ " + c.Failure
	case c.Edition == 0 && s.InRecording():
		return "reading what was recorded …"
	case c.Edition == 0:
		return s.EmptyText(s.Live.Known(), "adding up …")
	default:
		return "no lock was held or waited for"
	}
}
