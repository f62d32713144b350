package screens

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/inspect"
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
	table *widget.Table[string, *inspect.Finding]
	of    state.Edition // of the verdict that is shown
	w, h  int
	pager widget.Pager
	keys  []widget.Group
}

func newProblemsScreen(c *nav.Context) *problemsScreen {
	s := &problemsScreen{Context: c}
	s.table = widget.NewTable(c.Theme, []widget.Column[*inspect.Finding]{
		{Title: "severity", Box: widget.Box{Min: 10}, Cell: s.severity},
		{Title: "kind", Box: widget.Box{Min: 13}, Key: "N", Ascending: true, Compare: func(a, b *inspect.Finding) int { return strings.Compare(string(a.Kind), string(b.Kind)) },
			Cell: func(f *inspect.Finding, _ int) theme.Text { return theme.Styled(string(f.Kind), s.Theme.Bold) }},
		{Title: "behind", Box: widget.Box{Min: 7, Rank: 1}, Right: true, Key: "B", Compare: func(a, b *inspect.Finding) int { return b.Behind - a.Behind },
			Cell: func(f *inspect.Finding, _ int) theme.Text { return theme.Styled(strconv.Itoa(f.Behind), s.Theme.Plain) }},
		{Title: "what", Box: widget.Box{Min: 20, Flex: true}, Cell: func(f *inspect.Finding, _ int) theme.Text { return theme.Styled(term.Safe(f.Text), s.Theme.Plain) }},
	}, findingID)
	s.table.Match = func(f *inspect.Finding) string {
		return f.Severity.String() + " " + string(f.Kind) + " " + term.Safe(f.Text)
	}
	s.table.Label = func(f *inspect.Finding) string { return f.Text }
	s.table.Moved = func() { s.pager.Reset() }
	s.keys = append([]widget.Group{{Title: "problems", Bindings: s.own()}}, s.table.Bindings()...)
	s.keys = append(s.keys, endBinding(c, "carry out the first remedy, by force", s.remedy,
		nav.EitherOff(nav.Unless(s.there, "no problem is selected"), nav.Unless(s.helps, "nothing to release here would help"))))
	return s
}

func (s *problemsScreen) own() []widget.Binding {
	selected := nav.Unless(s.there, "no problem is selected")
	hasSession := func() bool { f, ok := s.table.Current(); return ok && len(f.Sessions) > 0 }
	return append([]widget.Binding{
		widget.Bind("enter", "open", s.drill, "enter").Describe("go to its lock").In(widget.InFooter).OffIf(selected),
		widget.Bind("s", "session", s.openSession, "s").Describe("go to it").In(widget.InFooter).OffIf(nav.EitherOff(selected, nav.Unless(hasSession, "it is not about a session"))),
	}, s.pager.Bindings()...)
}

// findingID identifies a finding, also in the next diagnosis.
func findingID(f *inspect.Finding) string {
	id := string(f.Kind) + "\x00" + f.Locks[0].Name + "\x00" + string(f.Locks[0].Layout)
	for _, s := range f.Sessions {
		id += "\x00" + s.String()
	}
	return id
}

func (s *problemsScreen) severity(f *inspect.Finding, _ int) theme.Text {
	g := severitySign(s.Theme, f.Severity)
	return theme.Styled(g.Text+" "+f.Severity.String(), g.Style)
}

func (s *problemsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindProblems} }

func (s *problemsScreen) Grid() widget.Grid { return s.table }

func (s *problemsScreen) Bindings() []widget.Group { return s.keys }

// Alert counts the problems, with the sign of the worst.
func (s *problemsScreen) Alert() theme.Text {
	v := &s.Shown().Verdict
	if !v.Known || len(v.Findings) == 0 {
		return theme.Text{}
	}
	g := severitySign(s.Theme, v.Findings[0].Severity)
	return theme.Styled(g.Text+strconv.Itoa(len(v.Findings)), g.Style)
}

func (s *problemsScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.Resize(theme.Inner(w, s.tableHeight(), false))
}

func (s *problemsScreen) Mouse(m widget.Mouse) widget.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *problemsScreen) there() bool { _, ok := s.table.Current(); return ok }

func (s *problemsScreen) drill() widget.Action {
	if f, ok := s.table.Current(); ok {
		return nav.OpenLock(f.Locks[0])
	}
	return nil
}

func (s *problemsScreen) openSession() widget.Action {
	f, _ := s.table.Current()
	return nav.OpenSession(f.Sessions[0])
}

// helps reports whether the finding under the cursor has a remedy that releases
// something.
func (s *problemsScreen) helps() bool {
	f, ok := s.table.Current()
	return ok && len(f.Remedies) > 0 && len(f.Remedies[0].Releases) > 0
}

// remedy plans the first remedy of the finding under the cursor.
func (s *problemsScreen) remedy() widget.Action {
	f, _ := s.table.Current()
	r := f.Remedies[0]
	if slices.Contains(r.Args, "--lease") {
		return nav.PlanRelease{Target: nav.Target{Lease: r.Releases[0].Lease}}
	}
	return nav.PlanRelease{Target: nav.Target{Key: r.Releases[0].Key}}
}

func (s *problemsScreen) Refresh() {
	v := &s.Shown().Verdict
	if v.Edition() == s.of {
		return
	}
	s.of = v.Edition()
	rows := make([]*inspect.Finding, len(v.Findings))
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
	empty := s.IfKnown(s.Shown().Verdict.Known, "nothing is wrong with any lock")
	parts := []string{s.Theme.Panel(title, s.table.View(true, empty), w, th, true, false)}
	if h > th {
		iw, ih := theme.Inner(w, h-th, false)
		parts = append(parts, s.Theme.Panel("what it is, and what helps", s.pager.View(s.Theme, s.about(iw), ih), w, h-th, false, false))
	}
	return strings.Join(parts, "\n")
}

// about returns the finding under the cursor in full: its cycle, its sentence, its
// remedies.
func (s *problemsScreen) about(w int) []string {
	f, ok := s.table.Current()
	if !ok {
		return nil
	}
	g := severitySign(s.Theme, f.Severity)
	lines := term.Wrap(g.Text+" "+term.Safe(f.Text), w, g.Style.Render)
	if f.Kind == inspect.FindingDeadlock {
		lines = append(append(s.cycle(f, w), ""), lines...)
	}
	for _, r := range f.Remedies {
		lines = append(lines, "", s.Theme.Key.Render("etcd-lock "+printable.Shell(r.Args...)))
		lines = append(lines, term.Wrap("  "+term.Safe(r.Text), w, s.Theme.Plain.Render)...)
		lines = append(lines, s.Theme.Dim.Render("  = etcdctl "+printable.Shell(r.Etcdctl...)))
	}
	for i, l := range lines {
		lines[i] = term.Cut(l, w)
	}
	return lines
}

// cycle draws a deadlock: each session, and an arrow to the one that it waits
// for, back to the first.
func (s *problemsScreen) cycle(f *inspect.Finding, w int) []string {
	v := &s.Shown().Verdict
	var edges []inspect.Edge
	for _, c := range v.Cycles {
		if len(c) > 0 && len(f.Sessions) > 0 && slices.Contains(f.Sessions, c[0].From) {
			edges = c
			break
		}
	}
	var lines []string
	for i, e := range edges {
		lead := "│  "
		if i == 0 {
			lead = "┌▸ "
		}
		lines = append(lines,
			s.Theme.Lost.Render(lead)+s.Theme.Bold.Render(s.who(v, e.From)),
			s.Theme.Lost.Render("│")+"    ↓ "+s.arrow(v, e))
	}
	if len(edges) > 0 {
		lines = append(lines, s.Theme.Lost.Render("└──────┘")+" and so back to "+s.who(v, edges[0].From))
	}
	for i, l := range lines {
		lines[i] = term.Cut("  "+l, w)
	}
	return lines
}

// arrow says what leads from a session of the cycle to the next.
func (s *problemsScreen) arrow(v *state.Verdict, e inspect.Edge) string {
	lock := s.Theme.Waiting.Render(e.Waiter.Mode.String() + " " + term.Safe(e.Waiter.Lock.Name))
	next := s.who(v, e.To)
	switch e.Kind {
	case inspect.EdgeInside:
		return "holds " + lock + ", and runs " + next + " under it"
	case inspect.EdgeSoft:
		return "waits for " + lock + ", which " + next + " is ahead for"
	default:
		return "waits for " + lock + ", which " + next + " holds"
	}
}

func (s *problemsScreen) who(v *state.Verdict, id inspect.SessionID) string {
	if session, ok := v.Session(id); ok {
		return term.Safe(session.Who())
	}
	return term.Safe(id.String())
}
