package tui

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

// problemsScreen is all that is wrong, worst first, and what helps.
type problemsScreen struct {
	*Context
	table *table[string, *inspect.Finding]
	of    edition // of the verdict that is shown
	w, h  int
	pager pager
	keys  []Group
}

func newProblemsScreen(c *Context) *problemsScreen {
	s := &problemsScreen{Context: c}
	s.table = newTable(c.theme, []column[*inspect.Finding]{
		{title: "severity", box: box{min: 10}, cell: s.severity},
		{title: "kind", box: box{min: 13}, key: "N", ascending: true, compare: func(a, b *inspect.Finding) int { return strings.Compare(string(a.Kind), string(b.Kind)) },
			cell: func(f *inspect.Finding, _ int) cell { return cell{string(f.Kind), s.theme.bold} }},
		{title: "behind", box: box{min: 7, rank: 1}, right: true, key: "B", compare: func(a, b *inspect.Finding) int { return b.Behind - a.Behind },
			cell: func(f *inspect.Finding, _ int) cell { return cell{strconv.Itoa(f.Behind), s.theme.plain} }},
		{title: "what", box: box{min: 20, flex: true}, cell: func(f *inspect.Finding, _ int) cell { return cell{safe(f.Text), s.theme.plain} }},
	}, findingID)
	s.table.match = func(f *inspect.Finding) string {
		return f.Severity.String() + " " + string(f.Kind) + " " + safe(f.Text)
	}
	s.table.label = func(f *inspect.Finding) string { return f.Text }
	s.table.moved = func() { s.pager.reset() }
	s.keys = append([]Group{{"problems", s.own()}}, s.table.bindings()...)
	s.keys = append(s.keys, endBinding(c, "carry out the first remedy, by force", s.remedy,
		eitherOff(unless(s.there, "no problem is selected"), unless(s.helps, "nothing to release here would help"))))
	return s
}

func (s *problemsScreen) own() []Binding {
	selected := unless(s.there, "no problem is selected")
	hasSession := func() bool { f, ok := s.table.current(); return ok && len(f.Sessions) > 0 }
	return append([]Binding{
		bind("enter", "open", s.drill, "enter").describe("go to its lock").in(InFooter).offIf(selected),
		bind("s", "session", s.openSession, "s").describe("go to it").in(InFooter).offIf(eitherOff(selected, unless(hasSession, "it is not about a session"))),
	}, s.pager.bindings()...)
}

// findingID identifies a finding, also in the next diagnosis.
func findingID(f *inspect.Finding) string {
	id := string(f.Kind) + "\x00" + f.Locks[0].Name + "\x00" + string(f.Locks[0].Layout)
	for _, s := range f.Sessions {
		id += "\x00" + s.String()
	}
	return id
}

func (s *problemsScreen) severity(f *inspect.Finding, _ int) cell {
	g := severitySign(s.theme, f.Severity)
	return cell{g.text + " " + f.Severity.String(), g.style}
}

func (s *problemsScreen) Ref() Ref { return Ref{Kind: KindProblems} }

func (s *problemsScreen) Grid() grid { return s.table }

func (s *problemsScreen) Bindings() []Group { return s.keys }

// Alert counts the problems, with the sign of the worst.
func (s *problemsScreen) Alert() sign {
	v := &s.shown().verdict
	if !v.known || len(v.Findings) == 0 {
		return sign{}
	}
	g := severitySign(s.theme, v.Findings[0].Severity)
	return sign{g.text + strconv.Itoa(len(v.Findings)), g.style}
}

func (s *problemsScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.resize(inner(w, s.tableHeight(), false))
}

func (s *problemsScreen) Mouse(m mouse) Action {
	if s.table.mouse(m.below(1)) {
		return s.drill()
	}
	return nil
}

func (s *problemsScreen) there() bool { _, ok := s.table.current(); return ok }

func (s *problemsScreen) drill() Action {
	if f, ok := s.table.current(); ok {
		return openLock(f.Locks[0])
	}
	return nil
}

func (s *problemsScreen) openSession() Action {
	f, _ := s.table.current()
	return openSession(f.Sessions[0])
}

// helps reports whether the finding under the cursor has a remedy that releases
// something.
func (s *problemsScreen) helps() bool {
	f, ok := s.table.current()
	return ok && len(f.Remedies) > 0 && len(f.Remedies[0].Releases) > 0
}

// remedy plans the first remedy of the finding under the cursor.
func (s *problemsScreen) remedy() Action {
	f, _ := s.table.current()
	r := f.Remedies[0]
	if slices.Contains(r.Args, "--lease") {
		return PlanRelease{Target{Lease: r.Releases[0].Lease}}
	}
	return PlanRelease{Target{Key: r.Releases[0].Key}}
}

func (s *problemsScreen) Refresh() {
	v := &s.shown().verdict
	if v.edition() == s.of {
		return
	}
	s.of = v.edition()
	rows := make([]*inspect.Finding, len(v.Findings))
	for i := range v.Findings {
		rows[i] = &v.Findings[i]
	}
	before, _ := s.table.current()
	s.table.set(rows)
	if now, ok := s.table.current(); ok && before != nil && findingID(now) != findingID(before) {
		s.pager.reset() // it is about another one
	}
}

func (s *problemsScreen) tableHeight() int { return max(min(s.table.len()+2, s.h/2), 4) }

func (s *problemsScreen) View(w, h int) string {
	th := s.tableHeight()
	title := "problems " + strconv.Itoa(s.table.len()) + filterTitle(s.table)
	empty := s.ifKnown(s.shown().verdict.known, "nothing is wrong with any lock")
	parts := []string{s.theme.panel(title, s.table.view(true, empty), w, th, true, false)}
	if h > th {
		iw, ih := inner(w, h-th, false)
		parts = append(parts, s.theme.panel("what it is, and what helps", s.pager.view(s.theme, s.about(iw), ih), w, h-th, false, false))
	}
	return strings.Join(parts, "\n")
}

// about returns the finding under the cursor in full: its cycle, its sentence, its
// remedies.
func (s *problemsScreen) about(w int) []string {
	f, ok := s.table.current()
	if !ok {
		return nil
	}
	g := severitySign(s.theme, f.Severity)
	lines := wrapped(g.text+" "+safe(f.Text), w, g.style.Render)
	if f.Kind == inspect.FindingDeadlock {
		lines = append(append(s.cycle(f, w), ""), lines...)
	}
	for _, r := range f.Remedies {
		lines = append(lines, "", s.theme.key.Render("etcd-lock "+printable.Shell(r.Args...)))
		lines = append(lines, wrapped("  "+safe(r.Text), w, s.theme.plain.Render)...)
		lines = append(lines, s.theme.dim.Render("  = etcdctl "+printable.Shell(r.Etcdctl...)))
	}
	for i, l := range lines {
		lines[i] = cut(l, w)
	}
	return lines
}

// cycle draws a deadlock: each session, and an arrow to the one that it waits
// for, back to the first.
func (s *problemsScreen) cycle(f *inspect.Finding, w int) []string {
	v := &s.shown().verdict
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
			s.theme.lost.Render(lead)+s.theme.bold.Render(s.who(v, e.From)),
			s.theme.lost.Render("│")+"    ↓ "+s.arrow(v, e))
	}
	if len(edges) > 0 {
		lines = append(lines, s.theme.lost.Render("└──────┘")+" and so back to "+s.who(v, edges[0].From))
	}
	for i, l := range lines {
		lines[i] = cut("  "+l, w)
	}
	return lines
}

// arrow says what leads from a session of the cycle to the next.
func (s *problemsScreen) arrow(v *verdict, e inspect.Edge) string {
	lock := s.theme.waiting.Render(e.Waiter.Mode.String() + " " + safe(e.Waiter.Lock.Name))
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

func (s *problemsScreen) who(v *verdict, id inspect.SessionID) string {
	if session, ok := v.Session(id); ok {
		return safe(session.Who())
	}
	return safe(id.String())
}
