package screens

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/order"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// problem is a row: a finding, with the waits that last because of it.
type problem struct {
	*diagnose.Finding
	of       *nav.Context        // the cluster
	waits    []*diagnose.Finding // worst first
	resolved time.Time           // when it was not found any more; zero while it is

	potential *order.Potential // the finding is one that could happen, in these words; nil: it has
	text      narrate.Text
}

// resolvedFor is how long a problem that is resolved is shown as that.
const resolvedFor = 10 * time.Second

// over reports whether the problem was resolved long enough ago.
func (p *problem) over(now time.Time) bool {
	return !p.resolved.IsZero() && now.Sub(p.resolved) >= resolvedFor
}

// newProblems makes the rows of a verdict: its findings, but for waits that are shown
// with what they last because of.
func newProblems(of *nav.Context) []*problem {
	v := &of.Shown().Verdict
	folded := make([]bool, len(v.Findings))
	for _, waits := range v.Waits {
		for _, w := range waits {
			folded[w] = true
		}
	}
	rows := make([]*problem, 0, len(v.Findings))
	for i := range v.Findings {
		if folded[i] {
			continue
		}
		row := &problem{Finding: &v.Findings[i], of: of}
		for _, w := range v.Waits[i] {
			row.waits = append(row.waits, &v.Findings[w])
		}
		rows = append(rows, row)
	}
	return rows
}

// resolve adds to the rows those of before that are not among them any more, as resolved,
// where they were, for some time.
func resolve(before, now []*problem, at time.Time) []*problem {
	left := map[string]bool{}
	for _, p := range now {
		left[state.FindingID(p.Finding)] = true
		for _, w := range p.waits {
			left[state.FindingID(w)] = true
		}
	}
	for i, p := range before {
		if left[state.FindingID(p.Finding)] {
			continue
		}
		gone := *p
		if gone.resolved.IsZero() {
			gone.resolved, gone.waits = at, nil
		}
		if !gone.over(at) {
			now = slices.Insert(now, min(i, len(now)), &gone)
		}
	}
	return now
}

func (s *problemsScreen) columns() []widget.Column[*problem] {
	columns := []widget.Column[*problem]{
		{Title: "", Long: "severity", Box: widget.Box{Min: 1, Want: severityWide}, Key: "S", Compare: func(a, b *problem) int { return int(b.Severity) - int(a.Severity) }, Cell: s.severity},
		{Title: "kind", Box: widget.Box{Min: 13, Rank: 1}, Key: "N", Ascending: true, Compare: func(a, b *problem) int { return strings.Compare(string(a.Kind), string(b.Kind)) },
			Cell: func(p *problem, _ int) theme.Text { return theme.Styled(string(p.Kind), s.Theme.Bold) }},
		{Title: "lock", Box: widget.Box{Min: lockLeast, Soon: true, Uncut: true}, Key: "L", Ascending: true, Compare: func(a, b *problem) int { return strings.Compare(locksText(a), locksText(b)) },
			Cell: func(p *problem, w int) theme.Text {
				return theme.Styled(term.CutMiddle(locksText(p), w), s.Theme.Plain)
			}},
		{Title: "behind", Box: widget.Box{Min: 7, Rank: 2}, Right: true, Key: "B", Compare: func(a, b *problem) int { return b.Behind - a.Behind },
			Cell:   func(p *problem, _ int) theme.Text { return theme.Styled(strconv.Itoa(p.Behind), s.Theme.Plain) },
			Number: func(p *problem) (float64, bool) { return float64(p.Behind), true }},
		{Title: "what", Box: widget.Box{Min: 15, Want: 50, Flex: true, Soon: true, Uncut: true}, Cell: s.what},
	}
	return slices.Insert(columns, 1, contextColumn(s.Context, func(p *problem) *nav.Context { return p.of })...)
}

// The column of locks is as wide as their names are, within bounds: beyond them it shares the
// room with what the problem is.
const lockLeast, lockMost = 14, 20

// locksText names the locks that a problem is about, the first one in full.
func locksText(p *problem) string {
	names := map[string]bool{} // a lock in two layouts has one
	for _, l := range p.Locks {
		names[l.Name] = true
	}
	switch n := len(names); n {
	case 0:
		return "-"
	case 1:
		return term.Name(p.Locks[0].Name)
	default:
		return term.Name(p.Locks[0].Name) + " +" + strconv.Itoa(n-1)
	}
}

// severityWide is the width from which on the severity has a word beside its sign.
const severityWide = 10

func (s *problemsScreen) severity(p *problem, w int) theme.Text {
	g, word := SeveritySign(s.Theme, p.Severity), p.Severity.String()
	if !p.resolved.IsZero() {
		g, word = theme.Styled("✓", s.Theme.Holding), "resolved"
	}
	if w >= severityWide {
		g.Text += " " + word
	}
	return g
}

func (s *problemsScreen) what(p *problem, _ int) theme.Text {
	text := term.Safe(s.words(p).Headline)
	switch {
	case !p.resolved.IsZero():
		return theme.Styled(text, s.Theme.Dim)
	case len(p.waits) > 0:
		text = "+" + format.Count(len(p.waits), "wait", "waits") + " · " + text
	}
	return theme.Styled(text, s.Theme.Plain)
}

// words are the problem in words, in the past tense once it is resolved.
func (s *problemsScreen) words(p *problem) narrate.Text {
	if p.potential != nil {
		return p.text
	}
	if !p.resolved.IsZero() {
		return narrate.TenseOf(true).With(s.Flags).Finding(*p.Finding)
	}
	return inWords(p.of, p.Finding)
}

// concerned are the first sessions whose life matters to a finding: those of a wait hold.
func concerned(f *diagnose.Finding) []*inspect.Session {
	sessions := f.Sessions
	if f.Kind == diagnose.LongWait {
		sessions = f.Holders
	}
	return sessions[:min(len(sessions), 5)]
}

// aliveLines say of the sessions that a finding is about what look-ups have shown of their
// leases' renewals.
func aliveLines(c *nav.Context, f *diagnose.Finding, w int) []string {
	var lines []string
	for _, session := range concerned(f) {
		if says := describe.Renewals(c, session.ID.Lease); says != "" {
			lines = append(lines, term.Wrap("  "+term.Safe(session.Who())+": "+says, w, c.Theme.Plain.Render)...)
		}
	}
	return slices.Compact(lines)
}

// Describe implements nav.Describer.
func (s *problemsScreen) Describe() []string {
	p, ok := s.table.Current()
	if !ok {
		return nil
	}
	if p.potential != nil || !p.resolved.IsZero() {
		words := s.words(p)
		lines := []string{term.Safe(words.Headline)}
		for _, clause := range words.Clauses {
			lines = append(lines, "  "+term.Safe(clause))
		}
		return lines
	}
	lines := describe.Finding(s.Context, p.Finding)
	for _, w := range p.waits {
		lines = append(append(lines, "", "because of it:"), describe.Finding(s.Context, w)...)
	}
	return lines
}

// Notifiable implements nav.Notifiable.
func (s *problemsScreen) Notifiable() []state.Notification {
	p, ok := s.table.Current()
	if !ok || p.potential != nil {
		return nil
	}
	all := state.AboutFinding(p.Finding)
	if !p.resolved.IsZero() { // it is gone
		all = all[1:]
	}
	return all
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

// Row is the first request that the finding under the cursor is about.
func (s *problemsScreen) Row() (inspect.Request, bool) {
	p, ok := s.table.Current()
	switch {
	case !ok:
		return inspect.Request{}, false
	case len(p.Requests) > 0:
		return *p.Requests[0], true
	case len(p.Locks) > 0:
		return inspect.Request{Lock: p.Locks[0]}, true
	default:
		return inspect.Request{}, false
	}
}

// problemPart is the problems of a cluster. Those of several clusters are kept apart: locks of
// one name have nothing to do with each other there.
type problemPart struct {
	of    *nav.Context
	rows  []*problem
	past  bool          // the rows are of the past
	shown state.Edition // of the verdict that is shown
	could []*problem    // potential deadlocks
	known int           // edition of these
	read  bool          // it has been read before
}

// refresh takes in the latest diagnosis, and reports whether that changes anything.
func (p *problemPart) refresh() (changed bool) {
	c := p.of
	v := &c.Shown().Verdict
	over := slices.ContainsFunc(p.rows, func(row *problem) bool { return row.over(c.Now) })
	if p.read && v.Edition() == p.shown && p.past == c.InPast() && !over && p.known == c.Potential.Edition {
		return false
	}
	p.shown, p.read = v.Edition(), true
	rows := newProblems(c)
	if c.Frozen == nil && !p.past && v.More.Len() == 0 { // else what is gone may be among those that are left out
		rows = resolve(p.rows, rows, c.Now)
	}
	p.rows, p.past = rows, c.InPast()
	p.could, p.known = potentialProblems(c), c.Potential.Edition
	return true
}

// join takes in the latest diagnosis of each cluster, and reports whether that changes
// anything. The worst problems of all clusters come first.
func (s *problemsScreen) join() (changed bool) {
	old := s.parts
	s.parts, s.rows, s.could = nil, nil, nil
	for _, c := range s.Clusters() {
		p := &problemPart{of: c}
		if i := slices.IndexFunc(old, func(p *problemPart) bool { return p.of == c }); i >= 0 {
			p = old[i]
		}
		changed = p.refresh() || changed
		s.parts, s.rows, s.could = append(s.parts, p), append(s.rows, p.rows...), append(s.could, p.could...)
	}
	if len(s.parts) > 1 {
		slices.SortStableFunc(s.rows, func(a, b *problem) int {
			return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Behind, a.Behind))
		})
	}
	return changed || len(s.parts) != len(old)
}

// countProblems counts the problems of clusters, with potential deadlocks as notices. It
// reports whether there is none in what is seen, and not all is.
func countProblems(clusters []*nav.Context) (counts map[diagnose.Severity]int, unseen bool) {
	counts = map[diagnose.Severity]int{}
	found := 0
	for _, c := range clusters {
		v := &c.Shown().Verdict
		if !v.Known {
			continue
		}
		found += len(v.Findings)
		unseen = unseen || len(unseenNow(c)) > 0
		if n := potentialCount(c); n > 0 {
			counts[diagnose.Notice] += n
		}
		for severity, n := range v.Counts {
			if n > 0 {
				counts[severity] += n
			}
		}
	}
	return counts, unseen && found == 0
}
