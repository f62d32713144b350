package tui

import (
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
)

// problemsScreen is all that is wrong, worst first, and what helps.
type problemsScreen struct {
	*common
	table *table[string, *diagnose.Finding]
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
	s.table = newTable(c, []column[*diagnose.Finding]{
		{title: "severity", box: box{min: 10}, cell: s.severity},
		{title: "kind", box: box{min: 13}, key: "N", ascending: true, compare: func(a, b *diagnose.Finding) int { return strings.Compare(string(a.Kind), string(b.Kind)) },
			cell: func(f *diagnose.Finding, _ int) cell { return cell{string(f.Kind), s.theme.bold} }},
		{title: "behind", box: box{min: 7, rank: 1}, right: true, key: "B", compare: func(a, b *diagnose.Finding) int { return b.Behind - a.Behind },
			cell: func(f *diagnose.Finding, _ int) cell { return cell{strconv.Itoa(f.Behind), s.theme.plain} }},
		{title: "what", box: box{min: 20, flex: true}, cell: func(f *diagnose.Finding, _ int) cell { return cell{safe(narrate.Finding(*f).Headline), s.theme.plain} }},
	}, findingID)
	s.table.match = func(f *diagnose.Finding) string {
		t := narrate.Finding(*f)
		return f.Severity.String() + " " + string(f.Kind) + " " + safe(strings.Join(append([]string{t.Headline}, t.Clauses...), " "))
	}
	s.table.label = func(f *diagnose.Finding) string { return narrate.Finding(*f).Headline }
	return s
}

// findingID tells a finding from others, also in the next diagnosis.
func findingID(f *diagnose.Finding) string {
	id := string(f.Kind) + "\x00" + f.Locks[0].Name + "\x00" + string(f.Locks[0].Layout)
	for _, s := range f.Sessions {
		id += "\x00" + s.ID.String()
	}
	return id
}

func (s *problemsScreen) severity(f *diagnose.Finding, _ int) cell {
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
		return s.open(newSessionScreen(s.common, f.Sessions[0].ID))
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
	rows := make([]*diagnose.Finding, len(v.Findings))
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

// about is the finding under the cursor in full: its cycle, its words, its
// remedies.
func (s *problemsScreen) about(w int) []string {
	f, ok := s.table.current()
	if !ok {
		return nil
	}
	lines := s.findingLines(f, nil, w)
	if f.Kind == diagnose.Deadlock {
		lines = append(append(s.cycle(f, w), ""), lines...)
	}
	for _, r := range f.Remedies {
		t := narrate.Remedy(r)
		lines = append(lines, "", s.theme.key.Render("etcd-lock "+printable.Shell(narrate.Command(r.Target)...)))
		for _, text := range append([]string{t.Headline}, t.Clauses...) {
			lines = append(lines, wrapped("  "+safe(text), w, s.theme.plain.Render)...)
		}
		lines = append(lines, s.theme.dim.Render("  = etcdctl "+printable.Shell(narrate.Etcdctl(r.Target)...)))
	}
	for i, l := range lines {
		lines[i] = cut(l, w)
	}
	return lines
}

// cycle draws a deadlock: each session with what it holds, and an arrow to
// whom it waits for, back to the first.
func (s *problemsScreen) cycle(f *diagnose.Finding, w int) []string {
	var lines []string
	for i, e := range f.Cycle {
		lead := "│  "
		if i == 0 {
			lead = "┌▸ "
		}
		lines = append(lines,
			s.theme.lost.Render(lead)+s.theme.bold.Render(safe(e.From.Who())),
			s.theme.lost.Render("│")+"    ↓ "+s.arrow(e))
	}
	if len(f.Cycle) > 0 {
		lines = append(lines, s.theme.lost.Render("└──────┘")+" and so back to "+safe(f.Cycle[0].From.Who()))
	}
	for i, l := range lines {
		lines[i] = cut("  "+l, w)
	}
	return lines
}

// arrow says what leads from a session of the cycle to the next.
func (s *problemsScreen) arrow(e diagnose.Edge) string {
	lock := s.theme.waiting.Render(e.Waiter.Mode.String() + " " + safe(e.Waiter.Lock.Name))
	next := safe(e.To.Who())
	switch e.Kind {
	case diagnose.EdgeInside:
		return "holds " + lock + ", and runs " + next + " under it"
	case diagnose.EdgeSoft:
		return "waits for " + lock + ", which " + next + " is ahead for"
	default:
		return "waits for " + lock + ", which " + next + " holds"
	}
}

// findingLines is a finding in full: its headline, what helps, if that is given,
// then each clause on a line of its own.
func (c *common) findingLines(f *diagnose.Finding, helps []string, w int) []string {
	t, g := narrate.Finding(*f), severitySign(c.theme, f.Severity)
	lines := wrapped(g.text+" "+safe(t.Headline), w, g.style.Render)
	lines = append(lines, helps...)
	for _, clause := range t.Clauses {
		lines = append(lines, wrapped("  "+safe(clause), w, c.theme.plain.Render)...)
	}
	return lines
}

// wrapped breaks a text into lines of w, each in a style.
func wrapped(text string, w int, render func(...string) string) []string {
	lines := strings.Split(ansi.Wrap(text, max(w, 10), ""), "\n")
	for i, l := range lines {
		lines[i] = render(l)
	}
	return lines
}
