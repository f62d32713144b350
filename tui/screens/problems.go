package screens

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/narrate"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// problemsScreen is all that is wrong, worst first, and what helps.
type problemsScreen struct {
	*nav.Context
	table *widget.Table[in[string], *problem]
	parts []*problemPart // of each cluster
	rows  []*problem     // of all of them
	could []*problem     // potential deadlocks, below the rows
	best  int            // index of the remedy that is chosen for the problem under the cursor
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
				if !yield(term.Safe(inWords(p.of, w).Headline)) {
					return
				}
			}
		}
	}
	s.table.Label = func(p *problem) string { return s.words(p).Headline }
	s.table.Moved = func() { s.begin(); s.MoveTo(s.At()) }
	s.pager.More = c.KeyOn(nav.KindProblems, widget.MoreKey)
	s.table.Beside = &s.pager
	apply := applyBinding(c, "the chosen remedy, after a preview", "apply the chosen remedy of the finding under the cursor", s.remedy,
		nav.EitherOff(nav.Unless(s.there, "no problem is selected"), nav.Unless(s.lasts, "this problem is resolved; go to the next one"), nav.Unless(s.helps, "this finding has no remedy that can be applied here"), s.table.OnlyCursor))
	apply.Bindings[0].When = s.lasts
	s.keys = append([]widget.Group{{Title: "problems", Bindings: s.own()}, apply, {Title: "details", Bindings: s.pager.Bindings()}}, s.table.Bindings()...)
	return s
}

func (s *problemsScreen) own() []widget.Binding {
	selected := nav.Unless(s.there, "no problem is selected")
	hasLock := func() bool { f, ok := s.table.Current(); return ok && len(f.Locks) > 0 }
	hasSession := func() bool { f, ok := s.table.Current(); return ok && len(f.Sessions) > 0 }
	return []widget.Binding{
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
			Keys: "o", Short: "other", Long: "choose the next remedy",
			Doc:   "choose the next of its remedies, for `ctrl+k`",
			Where: widget.InFooter, When: s.hasChoice, Off: nav.EitherOff(selected, nav.Unless(s.hasChoice, "this finding has no other remedy")), Do: s.nextRemedy,
		},
	}
}

func (s *problemsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindProblems} }

func (s *problemsScreen) Grid() widget.Grid { return s.table }

func (s *problemsScreen) Bindings() []widget.Group { return s.keys }

// Alert counts the problems that are critical or warnings, and notices if there are only
// these.
func (s *problemsScreen) Alert() theme.Text {
	counts, unseen := countProblems(s.Clusters())
	if unseen {
		return theme.Styled("?", s.Theme.Warning)
	}
	var words []string
	var worst theme.Text
	for _, severity := range []diagnose.Severity{diagnose.Critical, diagnose.Warning, diagnose.Notice} {
		g := SeveritySign(s.Theme, severity)
		n := counts[severity]
		if n > 0 && (severity != diagnose.Notice || worst.Text == "") {
			words = append(words, g.Text+strconv.Itoa(n))
			if worst.Text == "" {
				worst = g
			}
		}
	}
	return theme.Styled(strings.Join(words, " "), worst.Style)
}

// Leases implements nav.Leaser: below the table is whether these are renewed.
func (s *problemsScreen) Leases(of *nav.Context) (ids []int64) {
	if p, ok := s.table.Current(); ok && p.of.Data == of.Data {
		for _, session := range concerned(p.Finding) {
			ids = append(ids, session.ID.Lease)
		}
	}
	return ids
}

// At implements nav.Roamer.
func (s *problemsScreen) At() *nav.Context {
	if p, ok := s.table.Current(); ok {
		return p.of
	}
	return nil
}

func (s *problemsScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.MoveTo(s.At())
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

// lasts reports whether the problem under the cursor is not resolved.
func (s *problemsScreen) lasts() bool { p, ok := s.table.Current(); return ok && p.resolved.IsZero() }

// helps reports whether the chosen remedy of the problem under the cursor can be applied.
func (s *problemsScreen) helps() bool {
	p, ok := s.table.Current()
	return ok && s.best < len(p.Remedies) && p.Remedies[s.best].Command == ""
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
	if !s.join() {
		return
	}
	widest := 0
	for _, p := range slices.Concat(s.rows, s.could) {
		widest = max(widest, term.Width(locksText(p)))
	}
	s.table.Widen(slices.Index(s.table.Columns(), "lock"), lockLeast, min(widest, lockMost))
	before, _ := s.table.Current()
	s.table.Set(slices.Concat(s.rows, s.could))
	s.MoveTo(s.At())
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
	title += s.more() + ofClusters(s.Context) + filterTitle(s.table)
	none := "no problems"
	if len(unseenNow(s.Context)) > 0 {
		none = "no problems in what is read"
	}
	empty := s.EmptyText(judged(s.Context), none)
	parts := []string{s.Theme.Panel(title, s.table.View(!s.pager.Focused(), orUnmatched(s.Context, s.table, empty)), w, th, !s.pager.Focused(), false)}
	if h > th {
		parts = append(parts, s.below(w, h-th)...)
	}
	return strings.Join(parts, "\n")
}

// below is the problem under the cursor in full and, if there is room for all of it, the
// timeline of its lock.
func (s *problemsScreen) below(w, h int) []string {
	about := s.about(w)
	l, need := s.timeline(), len(about)+2
	if room := h - need; len(l.all) > 0 && room >= lanesLeast {
		h = need
		return []string{s.details(about, w, h), timelinePanel(s.Context, l, w, min(room, l.height()))}
	}
	return []string{s.details(about, w, h)}
}

// details are what is about a problem, below what ctrl+k would do if not all of it has room.
func (s *problemsScreen) details(about []string, w, h int) string {
	room, chosen := h-1, ""
	if p, ok := s.table.Current(); ok && len(about) > room && s.lasts() && s.helps() {
		room--
		chosen = s.chosen(p, w) + "\n"
	}
	return s.Theme.Panel("details and fixes", chosen+s.pager.View(s.Theme, about, room), w, h, s.pager.Focused(), false)
}

// chosen says in a line what the chosen remedy of a problem does.
func (s *problemsScreen) chosen(p *problem, w int) string {
	text := s.Theme.Key.Render(s.KeyOn(nav.KindProblems, "ctrl+k"))
	if n := len(p.Remedies); n > 1 {
		text += " " + strconv.Itoa(s.best+1) + " of " + strconv.Itoa(n)
	}
	return term.Cut(text+": "+term.Safe(narrate.Remedy(s.Flags, p.Remedies[s.best]).Headline), w)
}

// timeline is what sessions have done with the first lock of the problem under the cursor.
func (s *problemsScreen) timeline() timeline {
	p, ok := s.table.Current()
	if !ok || len(p.Locks) == 0 {
		return timeline{}
	}
	l, _ := s.Shown().Find(p.Locks[0])
	return lockTimeline(s.Context, l)
}

// more says that there are more problems than are listed.
func (s *problemsScreen) more() string {
	n := 0
	for _, c := range s.Clusters() {
		n += c.Shown().Verdict.More.Len()
	}
	if n == 0 {
		return ""
	}
	return " · the worst of " + strconv.Itoa(s.count()+n)
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
	lines := append(findingLines(s.Context, p.Finding, nil, w), aliveLines(s.Context, p.Finding, w)...)
	if p.Kind == diagnose.Deadlock {
		lines = append(append(s.cycle(p.Finding, w), ""), lines...)
	}
	lines = append(lines, s.remedies(p, w)...)
	if len(p.waits) > 0 {
		lines = append(lines, "", "because of it:")
	}
	for _, f := range p.waits {
		sign := SeveritySign(s.Theme, f.Severity)
		lines = append(lines, sign.Style.Render(sign.Text+" "+term.Safe(inWords(s.Context, f).Headline)))
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
		t := narrate.Remedy(s.Flags, r)
		mark := ""
		if len(p.Remedies) > 1 {
			mark = map[bool]string{true: "> ", false: "  "}[i == s.best]
		}
		lines = append(append(lines, ""), term.Wrap(mark+narrate.CommandLine(s.Flags, r), w, s.Theme.Key.Render)...)
		for _, text := range append([]string{t.Headline}, t.Clauses...) {
			lines = append(lines, term.Wrap("  "+term.Safe(text), w, s.Theme.Plain.Render)...)
		}
		if args := narrate.Etcdctl(r.Target); args != nil && r.Command == "" {
			lines = append(lines, term.Wrap("  = "+s.Flags.EtcdctlLine(args...), w, s.Theme.Dim.Render)...)
		}
	}
	return lines
}
