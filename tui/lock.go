package tui

import (
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
)

// lockScreen is one lock: its queue from the holders to the last waiter, and
// what its sessions have done with it since the watch began.
type lockScreen struct {
	*common
	id    inspect.LockID
	lock  inspect.Lock
	table *table[string, queueRow]
	w, h  int
	enter key.Binding
	take  takeKeys
	force forceKeys
	past  pastKeys
}

// queueRow is a request with its place in the queue, and what it waits for.
type queueRow struct {
	inspect.Request
	at       int
	blockers int // how many must go before it
	nearest  int // the last of these, by its place; -1: none
	role     string
}

// newQueueRows looks at a queue once, however long it is.
func newQueueRows(queue []inspect.Request) []queueRow {
	rows := make([]queueRow, len(queue))
	writers, first := 0, 0 // writers before the revision that begins at first
	for i, up := range parents(queue) {
		if i > 0 && queue[i].Revision != queue[i-1].Revision {
			for _, r := range queue[first:i] {
				writers += boolInt(isWriter(r))
			}
			first = i
		}
		rows[i] = queueRow{Request: queue[i], at: i, nearest: up}
		if up < 0 {
			continue
		}
		rows[i].blockers, rows[i].role = writers, "reader"
		if isWriter(queue[i]) {
			rows[i].blockers = first
		}
		if isWriter(queue[up]) {
			rows[i].role = "writer"
		}
	}
	return rows
}

// why says how many block the request, and which of them is nearest.
func (r queueRow) why() string {
	if r.nearest < 0 {
		return ""
	}
	return "behind " + strconv.Itoa(r.blockers) + ": " + r.role + " #" + strconv.Itoa(r.nearest+1)
}

func newLockScreen(c *common, id inspect.LockID) *lockScreen {
	s := &lockScreen{common: c, id: id, enter: bind("enter", "session: what its client has besides", "enter"), take: newTakeKeys(c), force: newForceKeys(c), past: newPastKeys(c)}
	s.table = newTable(c, s.columns(), func(r queueRow) string { return r.Key })
	s.table.match = func(r queueRow) string {
		return ownerText(r.Owner, r.Owned) + " " + sessionText(r.Request) + " " + r.Mode.String()
	}
	s.table.label = func(r queueRow) string { return r.Key }
	return s
}

func (s *lockScreen) columns() []column[queueRow] {
	return []column[queueRow]{
		{title: "#", box: box{min: 3}, right: true, cell: func(r queueRow, _ int) cell { return cell{strconv.Itoa(r.at + 1), s.theme.dim} }},
		{title: "mode", box: box{min: 5}, cell: func(r queueRow, _ int) cell { return cell{r.Mode.String(), s.theme.plain} }},
		{title: "state", box: box{min: 7}, cell: s.state},
		{title: "owner", box: box{min: 10, want: ownerLeast, rank: 1, soon: true}, cell: s.owner},
		{title: "session", box: box{min: 7, want: 16, rank: 4}, cell: func(r queueRow, w int) cell { return cell{leaseText(r.Lease, w), s.theme.dim} }},
		{title: "ttl", box: box{min: 6, want: 16, rank: 3}, cell: func(r queueRow, w int) cell { return s.ttlBar(r.Lease, w) }},
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
	if s.isOurs(r.Request) {
		return cell{strings.TrimSuffix("* ours "+who, " -"), s.theme.ours}
	}
	return cell{who, s.theme.plain}
}

func (s *lockScreen) name() string { return "lock" }

func (s *lockScreen) grid() grid { return s.table }

func (s *lockScreen) keys() []keyGroup {
	keys := append([]keyGroup{{"lock", append([]key.Binding{s.enter}, s.take.all()...)}}, s.table.helpKeys()...)
	return append(keys, s.past.group(), s.force.group())
}

func (s *lockScreen) leases() []int64 {
	var ids []int64
	for _, r := range s.table.visible() {
		ids = append(ids, r.Lease)
	}
	return ids
}

func (s *lockScreen) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		s.w, s.h = msg.w, msg.h
		s.table.resize(inner(msg.w, s.queueHeight(), false))
	case refreshMsg:
		s.refresh()
	case wheelMsg, clickMsg:
		return s.table.mouse(msg, s.drill)
	case tea.KeyPressMsg:
		return s.key(msg)
	}
	return nil
}

func (s *lockScreen) key(msg tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(msg, s.enter):
		return s.drill()
	case s.take.matches(msg):
		r, _ := s.table.current()
		return s.take.cmd(msg, s.id, r.Key)
	case s.force.matches(msg):
		r, _ := s.table.current()
		return s.force.cmd(msg, r.Key, r.Lease)
	case s.past.matches(msg):
		r, _ := s.table.current()
		return s.past.cmd(msg, s.id, r.Request)
	default:
		s.table.update(msg)
		return nil
	}
}

func (s *lockScreen) drill() tea.Cmd {
	r, ok := s.table.current()
	if !ok {
		return nil
	}
	return s.open(newSessionScreen(s.common, r.Session()))
}

func (s *lockScreen) refresh() {
	l, _ := s.shown().snapshot.Find(s.id)
	if s.lock.ID == s.id && sameQueue(l.Queue, s.lock.Queue) {
		return
	}
	s.lock = inspect.Lock{ID: s.id, Queue: l.Queue}
	rows := newQueueRows(l.Queue)
	want := ownerLeast
	for _, r := range rows[:min(len(rows), treeMost)] {
		want = max(want, min(width(s.owner(r, wholeWidth).text), ownerMost))
	}
	s.table.cols[ownerColumn].want = want
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

func (s *lockScreen) view(w, h int) string {
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
	l := newLanes(s.journal.of(s.lock), s.journal.began, s.clock())
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
		parts = append(parts, s.theme.panel("events", s.log.tail(s.theme, iw, ih, about), w, rest, false, false))
	}
	return parts
}

// findings is what is wrong with the lock, and the first thing that helps.
func (s *lockScreen) findings(w int) []string {
	v := s.shown().verdict
	var lines []string
	for _, i := range v.byLock[s.id] {
		f := &v.Findings[i]
		var helps []string
		if len(f.Remedies) > 0 {
			helps = append(helps, cut("  "+s.theme.key.Render("etcd-lock "+printable.Shell(narrate.Command(f.Remedies[0].Target)...)), w))
		}
		lines = append(lines, s.findingLines(f, helps, w)...)
	}
	return lines
}

// wrong is as much of the findings as fits into h, and where the rest is.
func (s *lockScreen) wrong(lines []string, h int) string {
	if rest := len(lines) - h + 1; rest > 1 {
		lines = append(lines[:h-1:h-1], s.theme.dim.Render("… "+count(rest, "more line", "more lines")+": "+strconv.Itoa(viewProblems)+" shows all"))
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
		return s.theme.panel("history, as far as it was read", s.trailOf(s.id, iw, ih), w, h, false, false)
	}
	return s.theme.panel("timeline · ▇ holding  ░ waiting  ✗ lost", l.view(s.theme, iw, ih, s.clock()), w, h, false, false)
}
