package screens

import (
	"iter"
	"slices"
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
	table *widget.Table[string, *problem]
	rows  []*problem
	past  bool          // the rows are of the past
	of    state.Edition // of the verdict that is shown
	could []*problem    // potential deadlocks, below the rows
	known int           // edition of these
	best  int           // index of the remedy that is chosen for the problem under the cursor
	w, h  int
	pager widget.Pager
	keys  []widget.Group
}

func newProblemsScreen(c *nav.Context) *problemsScreen {
	s := &problemsScreen{Context: c}
	s.table = widget.NewTable(c.Theme, s.columns(), (*problem).id)
	s.table.Match = func(p *problem) string {
		t := s.words(p)
		return p.Severity.String() + " " + string(p.Kind) + " " + term.Safe(strings.Join(append([]string{t.Headline}, t.Clauses...), " "))
	}
	s.table.More = func(p *problem) iter.Seq[string] {
		return func(yield func(string) bool) { // the waits that it is shown with
			for _, w := range p.waits {
				if !yield(term.Safe(inWords(s.Context, w).Headline)) {
					return
				}
			}
		}
	}
	s.table.Label = func(p *problem) string { return s.words(p).Headline }
	s.table.Moved = s.begin
	s.table.Beside = &s.pager
	s.keys = append([]widget.Group{{Title: "problems", Bindings: s.own()}}, s.table.Bindings()...)
	s.keys = append(s.keys, applyBinding(c, "the chosen remedy, after a preview", "apply the chosen remedy of the finding under the cursor", s.remedy,
		nav.EitherOff(nav.Unless(s.there, "no problem is selected"), nav.Unless(s.helps, "this finding has no remedy that can be applied here"), s.table.OnlyCursor)))
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
		{
			Keys: "o", Short: "other remedy", Long: "choose the next remedy",
			Doc: "choose the next of its remedies, for `ctrl+k`",
			Off: nav.EitherOff(selected, nav.Unless(s.hasChoice, "this finding has no other remedy")), Do: s.nextRemedy,
		},
	}, s.pager.Bindings()...)
}

func (s *problemsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindProblems} }

func (s *problemsScreen) Grid() widget.Grid { return s.table }

func (s *problemsScreen) Bindings() []widget.Group { return s.keys }

// Alert counts the problems that are critical or warnings, and notices if there are only
// these.
func (s *problemsScreen) Alert() theme.Text {
	v := &s.Shown().Verdict
	switch {
	case v.Known && len(v.Findings) == 0 && len(unseenNow(s.Context)) > 0:
		return theme.Styled("?", s.Theme.Warning)
	case !v.Known || len(v.Findings)+potentialCount(s.Context) == 0:
		return theme.Text{}
	}
	var words []string
	var worst theme.Text
	for _, severity := range []diagnose.Severity{diagnose.Critical, diagnose.Warning, diagnose.Notice} {
		g := SeveritySign(s.Theme, severity)
		n := v.Counts[severity]
		if severity == diagnose.Notice {
			n += potentialCount(s.Context)
		}
		if n > 0 && (severity != diagnose.Notice || worst.Text == "") {
			words = append(words, g.Text+strconv.Itoa(n))
			if worst.Text == "" {
				worst = g
			}
		}
	}
	return theme.Styled(strings.Join(words, " "), worst.Style)
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

// helps reports whether the chosen remedy of the problem under the cursor can be applied.
func (s *problemsScreen) helps() bool {
	p, ok := s.table.Current()
	return ok && p.resolved.IsZero() && s.best < len(p.Remedies) && p.Remedies[s.best].Command == ""
}

// remedy plans it.
func (s *problemsScreen) remedy() nav.Action {
	p, _ := s.table.Current()
	return nav.PlanRelease{Target: p.Remedies[s.best].Target}
}

func (s *problemsScreen) hasChoice() bool {
	p, ok := s.table.Current()
	return ok && len(p.Remedies) > 1
}

func (s *problemsScreen) nextRemedy() nav.Action {
	p, _ := s.table.Current()
	s.best = (s.best + 1) % len(p.Remedies)
	return nil
}

// begin begins anew below the problems: it is about another one.
func (s *problemsScreen) begin() {
	s.pager.Reset()
	s.best = 0
}

func (s *problemsScreen) Refresh() {
	v := &s.Shown().Verdict
	over := slices.ContainsFunc(s.rows, func(p *problem) bool { return p.over(s.Now) })
	if v.Edition() == s.of && s.past == s.InPast() && !over && s.known == s.Potential.Edition {
		return
	}
	s.of = v.Edition()
	rows := newProblems(v)
	if s.Frozen == nil && !s.past {
		rows = resolve(s.rows, rows, s.Now)
	}
	s.rows, s.past = rows, s.InPast()
	s.could, s.known = potentialProblems(s.Context), s.Potential.Edition
	before, _ := s.table.Current()
	s.table.Set(slices.Concat(rows, s.could))
	now, ok := s.table.Current()
	switch {
	case !ok || before == nil || now.id() != before.id() || now.resolved != before.resolved:
		s.begin()
	case s.best >= len(now.Remedies):
		s.best = 0
	}
}

func (s *problemsScreen) tableHeight() int { return max(min(s.table.Len()+2, s.h/2), 4) }

func (s *problemsScreen) View(w, h int) string {
	th := s.tableHeight()
	title := "problems " + strconv.Itoa(s.count())
	if n := len(s.could); n > 0 && s.table.Filtered() == "" {
		title += " · " + strconv.Itoa(n) + " potential"
	}
	title += filterTitle(s.table)
	none := "no problems"
	if len(unseenNow(s.Context)) > 0 {
		none = "no problems in what is read"
	}
	empty := s.EmptyText(s.Shown().Verdict.Known, none)
	parts := []string{s.Theme.Panel(title, s.table.View(!s.pager.Focused(), empty), w, th, !s.pager.Focused(), false)}
	if h > th {
		iw, ih := theme.Inner(w, h-th, false)
		parts = append(parts, s.Theme.Panel("details and fixes", s.pager.View(s.Theme, s.about(iw), ih), w, h-th, s.pager.Focused(), false))
	}
	return strings.Join(parts, "\n")
}

// count is the number of problems, without those that are resolved or potential.
func (s *problemsScreen) count() int {
	n := s.table.Len()
	if s.table.Filtered() == "" {
		n -= len(s.could)
	}
	for _, p := range s.rows {
		if !p.resolved.IsZero() && s.table.Filtered() == "" {
			n--
		}
	}
	return n
}

// about returns the finding under the cursor in full: its cycle, its words, its
// remedies.
func (s *problemsScreen) about(w int) []string {
	p, ok := s.table.Current()
	if !ok {
		return unseenLines(s.Context, w)
	}
	if p.potential != nil {
		return potentialLines(s.Context, p, w)
	}
	if !p.resolved.IsZero() {
		words := s.words(p)
		lines := []string{s.Theme.Holding.Render("✓ resolved"), ""}
		for _, text := range append([]string{words.Headline}, words.Clauses...) {
			lines = append(lines, term.Wrap(term.Safe(text), w, s.Theme.Dim.Render)...)
		}
		return lines
	}
	lines := append(findingLines(s.Context, p.Finding, nil, w), aliveLines(s.Context, p, w)...)
	if p.Kind == diagnose.Deadlock {
		lines = append(append(s.cycle(p.Finding, w), ""), lines...)
	}
	lines = append(lines, s.remedies(p, w)...)
	if len(p.waits) > 0 {
		lines = append(lines, "", "because of it:")
	}
	for _, f := range p.waits {
		lines = append(lines, findingLines(s.Context, f, nil, w)[0])
	}
	if unseen := unseenLines(s.Context, w); len(unseen) > 0 {
		lines = append(append(lines, ""), unseen...)
	}
	for i, l := range lines {
		lines[i] = term.Cut(l, w)
	}
	return lines
}

// remedies are the remedies of a problem, the chosen one marked if there are several.
func (s *problemsScreen) remedies(p *problem, w int) (lines []string) {
	for i, r := range p.Remedies {
		t := narrate.Remedy(r)
		mark := ""
		if len(p.Remedies) > 1 {
			mark = map[bool]string{true: "> ", false: "  "}[i == s.best]
		}
		lines = append(lines, "", mark+s.Theme.Key.Render(narrate.CommandLine(r)))
		for _, text := range append([]string{t.Headline}, t.Clauses...) {
			lines = append(lines, term.Wrap("  "+term.Safe(text), w, s.Theme.Plain.Render)...)
		}
		if args := narrate.Etcdctl(r.Target); args != nil && r.Command == "" {
			lines = append(lines, s.Theme.Dim.Render("  = etcdctl "+printable.Shell(args...)))
		}
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
