package tui

import (
	"strconv"
	"strings"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

// lockScreen is one lock: its queue from the holders to the last waiter, and
// what its sessions have done with it since the watch began.
type lockScreen struct {
	*Context
	id    inspect.LockID
	lock  inspect.Lock
	table *table[string, queueRow]
	w, h  int
	keys  []Group
}

func newLockScreen(c *Context, id inspect.LockID) *lockScreen {
	s := &lockScreen{Context: c, id: id}
	s.table = newTable(c.theme, s.tableColumns(), func(r queueRow) string { return r.Key })
	s.table.match = func(r queueRow) string {
		return ownerText(r.Owner, r.Owned) + " " + sessionText(r.Request) + " " + r.Mode.String()
	}
	s.table.label = func(r queueRow) string { return r.Key }
	own := append([]Binding{
		bind("enter", "session", s.drill, "enter").describe("what its client has besides").in(InFooter).offIf(unless(s.there, "no request is selected")),
	}, takeBindings(c, s.toTake)...)
	s.keys = append([]Group{{"lock", own}}, s.table.bindings()...)
	s.keys = append(s.keys, historyBindings(c, id, s.selected), releaseBindings(c, s.toRelease))
	return s
}

func (s *lockScreen) tableColumns() []column[queueRow] {
	return []column[queueRow]{
		{title: "#", box: box{min: 3}, right: true, cell: func(r queueRow, _ int) cell { return cell{strconv.Itoa(r.at + 1), s.theme.dim} }},
		{title: "mode", box: box{min: 5}, cell: func(r queueRow, _ int) cell { return cell{r.Mode.String(), s.theme.plain} }},
		{title: "state", box: box{min: 7}, cell: s.state},
		{title: "owner", box: box{min: 10, want: ownerLeast, rank: 1, soon: true}, cell: s.owner},
		{title: "session", box: box{min: 7, want: 16, rank: 4}, cell: func(r queueRow, w int) cell { return cell{leaseText(r.Lease, w), s.theme.dim} }},
		{title: "ttl", box: box{min: 6, want: 16, rank: 3}, cell: func(r queueRow, w int) cell { return ttlBar(s.Context, r.Lease, w) }},
		{title: "for", box: box{min: 6}, right: true, cell: func(r queueRow, _ int) cell { return cell{age(s.clock(), r.Since), s.theme.plain} }},
		{title: "why it waits", box: box{min: 19, want: 24, rank: 2, soon: true, flex: true}, cell: func(r queueRow, _ int) cell { return cell{r.why(), s.theme.dim} }},
	}
}

func (s *lockScreen) state(r queueRow, _ int) cell {
	g := requestSign(s.theme, r.Holding)
	if r.Holding {
		return cell{g.text + " holds", g.style}
	}
	return cell{g.text + " waits", g.style}
}

func (s *lockScreen) owner(r queueRow, _ int) cell {
	who := ownerText(r.Owner, r.Owned)
	if s.isOwn(r.Request) {
		return cell{strings.TrimSuffix("* ours "+who, " -"), s.theme.own}
	}
	return cell{who, s.theme.plain}
}

func (s *lockScreen) Ref() Ref { return Ref{Kind: KindLock, Lock: s.id} }

func (s *lockScreen) Grid() grid { return s.table }

func (s *lockScreen) Bindings() []Group { return s.keys }

func (s *lockScreen) Leases() []int64 {
	var ids []int64
	for _, r := range s.table.visible() {
		ids = append(ids, r.Lease)
	}
	return ids
}

func (s *lockScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.resize(inner(w, s.queueHeight(), false))
}

func (s *lockScreen) Mouse(m mouse) Action {
	if s.table.mouse(m.below(1)) {
		return s.drill()
	}
	return nil
}

func (s *lockScreen) drill() Action {
	if r, ok := s.table.current(); ok {
		return openSession(r.Session())
	}
	return nil
}

// selected is the request under the cursor.
func (s *lockScreen) selected() (inspect.Request, bool) {
	r, ok := s.table.current()
	return r.Request, ok
}

func (s *lockScreen) there() bool { _, ok := s.table.current(); return ok }

// toTake is what the keys act on that take locks: the lock always is there.
func (s *lockScreen) toTake() (id inspect.LockID, key string, ok bool) {
	r, _ := s.selected()
	return s.id, r.Key, true
}

func (s *lockScreen) toRelease() (key string, lease int64) {
	r, _ := s.selected()
	return r.Key, r.Lease
}

func (s *lockScreen) Refresh() {
	l, _ := s.shown().Find(s.id)
	if s.lock.ID == s.id && sameQueue(l.Queue, s.lock.Queue) {
		return
	}
	s.lock = inspect.Lock{ID: s.id, Queue: l.Queue}
	rows := newQueueRows(l.Queue)
	want := ownerLeast
	for _, r := range rows[:min(len(rows), treeMost)] {
		want = max(want, min(width(s.owner(r, wholeWidth).text), ownerMost))
	}
	s.table.widen(ownerColumn, want)
	s.table.set(rows)
}

// The owners' column is as wide as they are, within bounds, where there is room.
const (
	ownerColumn           = 3
	ownerLeast, ownerMost = 28, 44
)

// detailLines is for the request under the cursor.
const detailLines = 3

func (s *lockScreen) queueHeight() int {
	need := len(s.lock.Queue) + 2
	if s.h < 14 {
		return s.h
	}
	return max(min(need, s.h/2-detailLines), 5)
}

func (s *lockScreen) View(w, h int) string {
	queue := s.queueHeight()
	parts := []string{s.theme.panel(s.title(), s.table.view(true, "nobody holds it"), w, queue, true, false)}
	if h >= 14 {
		parts = append(parts, s.detail(w))
		parts = append(parts, s.below(w, h-queue-detailLines)...)
	}
	return strings.Join(parts, "\n")
}

// below is the timeline and, where there is room, what is wrong and what has
// happened.
func (s *lockScreen) below(w, h int) []string {
	if s.inPast() {
		return []string{s.timeline(lanes{}, w, h)}
	}
	l := newLanes(s.journal.forLock(s.lock), s.journal.began, s.clock())
	lanes := min(h, len(l.all)+2)
	findings := s.findings(w)
	if h-lanes < 3 {
		return []string{s.timeline(l, w, h)}
	}
	parts := []string{s.timeline(l, w, lanes)}
	if rest := h - lanes; len(findings) > 0 {
		if rest >= 9 { // else there is no room for events
			rest = rest * 2 / 3
		}
		n := min(len(findings)+1, rest)
		lanes += n
		parts = append(parts, s.theme.panel("what is wrong, and what helps", s.wrong(findings, n-1), w, n, false, false))
	}
	if rest := h - lanes; rest >= 3 {
		iw, ih := inner(w, rest, false)
		about := func(e *entry) bool { return e.lock == s.id }
		parts = append(parts, s.theme.panel("events", logTail(&s.log, s.theme, iw, ih, about), w, rest, false, false))
	}
	return parts
}

// findings is what is wrong with the lock, and the first thing that helps.
func (s *lockScreen) findings(w int) []string {
	v := s.shown().verdict
	var lines []string
	for _, i := range v.byLock[s.id] {
		f := v.Findings[i]
		g := severitySign(s.theme, f.Severity)
		lines = append(lines, wrapped(g.text+" "+safe(f.Text), w, g.style.Render)...)
		if len(f.Remedies) > 0 {
			lines = append(lines, cut("  "+s.theme.key.Render("etcd-lock "+printable.Shell(f.Remedies[0].Args...)), w))
		}
	}
	return lines
}

// wrong is as much of the findings as fits into h, and where the rest is.
func (s *lockScreen) wrong(lines []string, h int) string {
	if rest := len(lines) - h + 1; rest > 1 {
		lines = append(lines[:h-1:h-1], s.theme.dim.Render("… "+count(rest, "more line", "more lines")+": "+strconv.Itoa(int(KindProblems))+" shows all"))
	}
	return strings.Join(lines, "\n")
}

func (s *lockScreen) title() string {
	c := s.lock.Count()
	return safe(s.id.Name) + " · " + safe(string(s.id.Layout)) + " · " + strconv.Itoa(c.Readers+c.Writers) + " holding, " +
		strconv.Itoa(c.Waiters) + " waiting" + filterTitle(s.table)
}

// detail is all that is known of the request under the cursor.
func (s *lockScreen) detail(w int) string {
	r, ok := s.table.current()
	if !ok {
		return "\n\n"
	}
	who := ownerText(r.Owner, r.Owned)
	if who == "-" {
		who = "owner unknown"
	}
	who = "#" + strconv.Itoa(r.at+1) + " " + who
	if r.nearest >= 0 {
		who += " · waits " + r.why()
	}
	lines := []string{
		who,
		"lease " + leaseText(r.Lease, 16) + " · token " + strconv.FormatInt(r.Revision, 10),
		"key " + safe(r.Key),
	}
	for i, l := range lines {
		lines[i] = s.theme.dim.Render(cut("  "+l, w))
	}
	return strings.Join(lines, "\n")
}

// timeline is the lanes of the lock.
func (s *lockScreen) timeline(l lanes, w, h int) string {
	iw, ih := inner(w, h, false)
	if s.inPast() {
		return s.theme.panel("history, as far as it was read", historyOf(s.Context, s.id, iw, ih), w, h, false, false)
	}
	return s.theme.panel("timeline · ▇ holding  ░ waiting  ✗ lost", l.view(s.theme, iw, ih, s.clock()), w, h, false, false)
}
