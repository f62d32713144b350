package screens

import (
	"strconv"
	"strings"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// problemsScreen is all that is wrong, worst first, and what helps.
type problemsScreen struct {
	*nav.Context
	table *widget.Table[string, *diagnose.Finding]
	of    state.Edition // of the verdict that is shown
	w, h  int
	pager widget.Pager
	keys  []widget.Group
}

func newProblemsScreen(c *nav.Context) *problemsScreen {
	s := &problemsScreen{Context: c}
	s.table = widget.NewTable(c.Theme, []widget.Column[*diagnose.Finding]{
		{Title: "severity", Box: widget.Box{Min: 10}, Cell: s.severity},
		{Title: "kind", Box: widget.Box{Min: 13}, Key: "N", Ascending: true, Compare: func(a, b *diagnose.Finding) int { return strings.Compare(string(a.Kind), string(b.Kind)) },
			Cell: func(f *diagnose.Finding, _ int) theme.Text { return theme.Styled(string(f.Kind), s.Theme.Bold) }},
		{Title: "behind", Box: widget.Box{Min: 7, Rank: 1}, Right: true, Key: "B", Compare: func(a, b *diagnose.Finding) int { return b.Behind - a.Behind },
			Cell: func(f *diagnose.Finding, _ int) theme.Text {
				return theme.Styled(strconv.Itoa(f.Behind), s.Theme.Plain)
			}},
		{Title: "what", Box: widget.Box{Min: 20, Flex: true}, Cell: func(f *diagnose.Finding, _ int) theme.Text {
			return theme.Styled(term.Safe(inWords(s.Context, f).Headline), s.Theme.Plain)
		}},
	}, findingID)
	s.table.Match = func(f *diagnose.Finding) string {
		t := inWords(s.Context, f)
		return f.Severity.String() + " " + string(f.Kind) + " " + term.Safe(strings.Join(append([]string{t.Headline}, t.Clauses...), " "))
	}
	s.table.Label = func(f *diagnose.Finding) string { return inWords(s.Context, f).Headline }
	s.table.Moved = func() { s.pager.Reset() }
	s.keys = append([]widget.Group{{Title: "problems", Bindings: s.own()}}, s.table.Bindings()...)
	s.keys = append(s.keys, endBinding(c, "apply", "the first remedy, after a preview", "apply the first remedy of the finding under the cursor", s.remedy,
		nav.EitherOff(nav.Unless(s.there, "no problem is selected"), nav.Unless(s.helps, "this finding has no remedy"), s.table.OnlyCursor)))
	return s
}

func (s *problemsScreen) own() []widget.Binding {
	selected := nav.Unless(s.there, "no problem is selected")
	hasLock := func() bool { f, ok := s.table.Current(); return ok && len(f.Locks) > 0 }
	hasSession := func() bool { f, ok := s.table.Current(); return ok && len(f.Sessions) > 0 }
	return append([]widget.Binding{
		{
			Keys: "enter", Short: "open", Long: "go to its lock",
			Doc:   "open its lock",
			Where: widget.InFooter, Off: nav.EitherOff(selected, nav.Unless(hasLock, "this finding is about etcd itself")), Do: s.drill,
		},
		{
			Keys: "s", Short: "session", Long: "go to its session",
			Doc:   "open its session",
			Where: widget.InFooter, Off: nav.EitherOff(selected, nav.Unless(hasSession, "this finding names no session")), Do: s.openSession,
		},
	}, s.pager.Bindings()...)
}

// findingID identifies a finding, also in the next diagnosis.
func findingID(f *diagnose.Finding) string {
	id := string(f.Kind)
	for _, s := range f.Servers {
		id += "\x00" + s.Version
	}
	for _, l := range f.Locks[:min(len(f.Locks), 1)] {
		id += "\x00" + l.Name + "\x00" + l.Layout.String()
	}
	for _, s := range f.Sessions {
		id += "\x00" + s.ID.String()
	}
	return id
}

func (s *problemsScreen) severity(f *diagnose.Finding, _ int) theme.Text {
	g := severitySign(s.Theme, f.Severity)
	return theme.Styled(g.Text+" "+f.Severity.String(), g.Style)
}

func (s *problemsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindProblems} }

func (s *problemsScreen) Grid() widget.Grid { return s.table }

func (s *problemsScreen) Bindings() []widget.Group { return s.keys }

// Alert counts the problems, with the sign of the worst.
func (s *problemsScreen) Alert() theme.Text {
	v := &s.Shown().Verdict
	switch {
	case v.Known && len(v.Findings) == 0 && len(unseenNow(s.Context)) > 0:
		return theme.Styled("?", s.Theme.Warning)
	case !v.Known || len(v.Findings) == 0:
		return theme.Text{}
	}
	g := severitySign(s.Theme, v.Findings[0].Severity)
	return theme.Styled(g.Text+strconv.Itoa(len(v.Findings)), g.Style)
}

func (s *problemsScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.Resize(theme.Inner(w, s.tableHeight(), false))
}

func (s *problemsScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *problemsScreen) there() bool { _, ok := s.table.Current(); return ok }

func (s *problemsScreen) drill() nav.Action {
	if f, ok := s.table.Current(); ok && len(f.Locks) > 0 {
		return nav.OpenLock(f.Locks[0])
	}
	return nil
}

func (s *problemsScreen) openSession() nav.Action {
	f, _ := s.table.Current()
	return nav.OpenSession(f.Sessions[0].ID)
}

// helps reports whether the finding under the cursor has a remedy.
func (s *problemsScreen) helps() bool {
	f, ok := s.table.Current()
	return ok && len(f.Remedies) > 0 && f.Remedies[0].Command == ""
}

// remedy plans the first remedy of the finding under the cursor.
func (s *problemsScreen) remedy() nav.Action {
	f, _ := s.table.Current()
	return nav.PlanRelease{Target: f.Remedies[0].Target}
}

func (s *problemsScreen) Refresh() {
	v := &s.Shown().Verdict
	if v.Edition() == s.of {
		return
	}
	s.of = v.Edition()
	rows := make([]*diagnose.Finding, len(v.Findings))
	for i := range v.Findings {
		rows[i] = &v.Findings[i]
	}
	before, _ := s.table.Current()
	s.table.Set(rows)
	if now, ok := s.table.Current(); ok && before != nil && findingID(now) != findingID(before) {
		s.pager.Reset() // it is about another one
	}
}

func (s *problemsScreen) tableHeight() int { return max(min(s.table.Len()+2, s.h/2), 4) }

func (s *problemsScreen) View(w, h int) string {
	th := s.tableHeight()
	title := "problems " + strconv.Itoa(s.table.Len()) + filterTitle(s.table)
	none := "no problems"
	if len(unseenNow(s.Context)) > 0 {
		none = "no problems in what is read"
	}
	empty := s.EmptyText(s.Shown().Verdict.Known, none)
	parts := []string{s.Theme.Panel(title, s.table.View(true, empty), w, th, true, false)}
	if h > th {
		iw, ih := theme.Inner(w, h-th, false)
		parts = append(parts, s.Theme.Panel("details and fixes", s.pager.View(s.Theme, s.about(iw), ih), w, h-th, false, false))
	}
	return strings.Join(parts, "\n")
}

// about returns the finding under the cursor in full: its cycle, its words, its
// remedies.
func (s *problemsScreen) about(w int) []string {
	f, ok := s.table.Current()
	if !ok {
		return unseenLines(s.Context, w)
	}
	lines := findingLines(s.Context, f, nil, w)
	if f.Kind == diagnose.Deadlock {
		lines = append(append(s.cycle(f, w), ""), lines...)
	}
	for _, r := range f.Remedies {
		t := narrate.Remedy(r)
		lines = append(lines, "", s.Theme.Key.Render(narrate.CommandLine(r)))
		for _, text := range append([]string{t.Headline}, t.Clauses...) {
			lines = append(lines, term.Wrap("  "+term.Safe(text), w, s.Theme.Plain.Render)...)
		}
		if args := narrate.Etcdctl(r.Target); args != nil && r.Command == "" {
			lines = append(lines, s.Theme.Dim.Render("  = etcdctl "+printable.Shell(args...)))
		}
	}
	if unseen := unseenLines(s.Context, w); len(unseen) > 0 {
		lines = append(append(lines, ""), unseen...)
	}
	for i, l := range lines {
		lines[i] = term.Cut(l, w)
	}
	return lines
}

// cycle draws a deadlock: each session, and an arrow to the one that it waits
// for, back to the first.
func (s *problemsScreen) cycle(f *diagnose.Finding, w int) []string {
	var lines []string
	for i, e := range f.Cycle {
		lead := "│  "
		if i == 0 {
			lead = "┌▸ "
		}
		lines = append(lines,
			s.Theme.Lost.Render(lead)+s.Theme.Bold.Render(term.Safe(e.From.WhoOf(e.Waiter))),
			s.Theme.Lost.Render("│")+"    ↓ "+s.arrow(e))
	}
	if len(f.Cycle) > 0 {
		lines = append(lines, s.Theme.Lost.Render("└──────┘")+" back to "+term.Safe(f.Cycle[0].From.WhoOf(f.Cycle[0].Waiter)))
	}
	for i, l := range lines {
		lines[i] = term.Cut("  "+l, w)
	}
	return lines
}

// arrow says what leads from a session of the cycle to the next.
func (s *problemsScreen) arrow(e diagnose.Edge) string {
	lock := s.Theme.Waiting.Render(e.Waiter.Mode.String() + " " + term.Name(e.Waiter.Lock.Name))
	next := term.Safe(e.To.WhoOf(e.Blocker))
	switch {
	case e.Kind == diagnose.EdgeInside:
		return "holds " + lock + ", and runs " + next + " under it"
	case e.Blocker.Lock != e.Waiter.Lock:
		return "waits for " + lock + ", behind the key " + term.Safe(e.Blocker.Key) + " of " + next
	case e.Kind == diagnose.EdgeSoft:
		return "waits for " + lock + ", which " + next + " requested earlier"
	default:
		return "waits for " + lock + ", which " + next + " holds"
	}
}
