package tui

import (
	"slices"
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

// problemsScreen is all that is wrong, worst first, and what helps.
type problemsScreen struct {
	*common
	table *table[string, *inspect.Finding]
	of    edition // of the verdict that is shown
	w, h  int
	enter key.Binding
	sess  key.Binding
	force forceKeys
	below below
}

func newProblemsScreen(c *common) *problemsScreen {
	s := &problemsScreen{
		common: c,
		enter:  bind("enter", "open: go to its lock", "enter"),
		force:  newForceKeys(c),
		sess:   bind("s", "session: go to it", "s"),
		below:  newBelow(),
	}
	s.table = newTable(c, []column[*inspect.Finding]{
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
	return s
}

// findingID tells a finding from others, also in the next diagnosis.
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

func (s *problemsScreen) name() string { return "problems" }

func (s *problemsScreen) grid() grid { return s.table }

func (s *problemsScreen) keys() []keyGroup {
	keys := append([]keyGroup{{"problems", []key.Binding{s.enter, s.sess, s.below.down, s.below.up}}}, s.table.helpKeys()...)
	return append(keys, s.force.endGroup("kill: carry out the first remedy, by force"))
}

// alert is what the bar says of the problems.
func (s *problemsScreen) alert() sign {
	v := s.shown().verdict
	if !v.known || len(v.Findings) == 0 {
		return sign{}
	}
	g := severitySign(s.theme, v.Findings[0].Severity)
	return sign{g.text + strconv.Itoa(len(v.Findings)), g.style}
}

func (s *problemsScreen) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		s.w, s.h = msg.w, msg.h
		s.table.resize(inner(msg.w, s.tableHeight(), false))
	case refreshMsg:
		s.refresh()
	case wheelMsg, clickMsg:
		return s.table.mouse(msg, s.drill)
	case tea.KeyPressMsg:
		switch {
		case key.Matches(msg, s.enter):
			return s.drill()
		case key.Matches(msg, s.sess):
			return s.openSession()
		case s.force.ends(msg):
			return s.remedy()
		case s.below.update(msg):
		default:
			s.table.update(msg)
			s.below.top = 0
		}
	}
	return nil
}

func (s *problemsScreen) drill() tea.Cmd {
	if f, ok := s.table.current(); ok {
		return s.open(newLockScreen(s.common, f.Locks[0]))
	}
	return nil
}

func (s *problemsScreen) openSession() tea.Cmd {
	if f, ok := s.table.current(); ok && len(f.Sessions) > 0 {
		return s.open(newSessionScreen(s.common, f.Sessions[0]))
	}
	return nil
}

// remedy carries out the first one of the finding under the cursor, once that
// is agreed to.
func (s *problemsScreen) remedy() tea.Cmd {
	switch f, ok := s.table.current(); {
	case !ok:
		return s.say("no problem is selected")
	case len(f.Remedies) == 0:
		return s.say("nothing to release here would help")
	default:
		return s.force.remedy(f.Remedies[0])
	}
}

func (s *problemsScreen) refresh() {
	v := s.shown().verdict
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
		s.below.top = 0 // it is about another one
	}
}

func (s *problemsScreen) tableHeight() int { return max(min(len(s.table.rows)+2, s.h/2), 4) }

func (s *problemsScreen) view(w, h int) string {
	th := s.tableHeight()
	title := "problems " + strconv.Itoa(len(s.table.rows)) + filterTitle(s.table)
	empty := s.ifKnown(s.shown().verdict.known, "nothing is wrong with any lock")
	parts := []string{s.theme.panel(title, s.table.view(true, empty), w, th, true, false)}
	if h > th {
		iw, ih := inner(w, h-th, false)
		parts = append(parts, s.theme.panel("what it is, and what helps", s.below.view(s.theme, s.about(iw), ih), w, h-th, false, false))
	}
	return strings.Join(parts, "\n")
}

// about is the finding under the cursor in full: its sentence, its cycle, its
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

// cycle draws a deadlock: each session with what it holds, and an arrow to
// whom it waits for, back to the first.
func (s *problemsScreen) cycle(f *inspect.Finding, w int) []string {
	v := s.shown().verdict
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
func (s *problemsScreen) arrow(v verdict, e inspect.Edge) string {
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

func (s *problemsScreen) who(v verdict, id inspect.SessionID) string {
	if session, ok := v.Session(id); ok {
		return safe(session.Who())
	}
	return safe(id.String())
}

// wrapped breaks a text into lines of w, each in a style.
func wrapped(text string, w int, render func(...string) string) []string {
	lines := strings.Split(ansi.Wrap(text, max(w, 10), ""), "\n")
	for i, l := range lines {
		lines[i] = render(l)
	}
	return lines
}
