package screens

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// waitTree is a lock's queue as a tree: a waiter hangs below the last request
// that blocks it.
type waitTree struct {
	*nav.Context
	from  *state.Data // the cluster of the lock
	lock  inspect.Lock
	found bool
	rows  []treeRow
	alike string       // what its waiters have in common, as alikeText says
	hosts []hostCount  // of its clients
	spans []state.Span // of the lock; nil: not looked up since its queue changed
	of    any          // the journal that the spans are of
	about findingText
	w, h  int
}

// treeRow is a request in the tree.
type treeRow struct {
	request inspect.Request
	depth   int
	branch  string // drawn before it
}

// treeMost bounds how many requests are put into a tree; the rest is counted.
const treeMost = 200

// comparedMost bounds how many requests of a queue are compared, each time that it changes.
const comparedMost = 10000

// show sets the lock. A queue that has not changed is kept.
func (t *waitTree) show(l inspect.Lock, found bool) {
	if t.from != t.Data {
		t.from, t.lock, t.about = t.Data, inspect.Lock{}, findingText{}
	}
	if found == t.found && l.ID == t.lock.ID && inspect.Same(l.Queue, t.lock.Queue) {
		return
	}
	t.lock, t.found = l, found
	t.rows = newTree(l.Queue[:min(len(l.Queue), treeMost)])
	t.alike, t.hosts, t.spans = "", nil, nil
	if len(l.Queue) <= comparedMost {
		t.alike, t.hosts = alikeText(slices.DeleteFunc(slices.Clone(l.Queue), func(r inspect.Request) bool { return !r.Waiting() })), hostCounts(l.Queue)
	}
}

func (t *waitTree) resize(w, h int) { t.w, t.h = w, h }

// parents is, for each request, the last one before it that blocks it, or -1.
func parents(queue []inspect.Request) []int {
	up := make([]int, len(queue))
	writer, last := -1, -1 // the last ones of earlier revisions
	for i := 0; i < len(queue); {
		end := i
		for end < len(queue) && queue[end].Revision == queue[i].Revision { // of one transaction: side by side
			end++
		}
		nextWriter := writer
		for j := i; j < end; j++ {
			up[j] = writer
			if state.IsWriter(queue[j]) {
				up[j] = last
				nextWriter = j
			}
			if queue[j].Holding {
				up[j] = -1
			}
		}
		writer, last, i = nextWriter, end-1, end
	}
	return up
}

// newTree orders a queue as a tree, depth first, and draws its branches.
func newTree(queue []inspect.Request) []treeRow {
	children := make([][]int, len(queue)+1)
	for i, p := range parents(queue) {
		children[p+1] = append(children[p+1], i)
	}
	rows := make([]treeRow, 0, len(queue))
	type frame struct {
		node, depth  int
		lead, branch string
	}
	var stack []frame
	push := func(of []int, depth int, lead string) {
		for i := len(of) - 1; i >= 0; i-- {
			f := frame{node: of[i], depth: depth, lead: lead, branch: lead}
			if depth > 0 && depth <= treeDepth {
				f.branch, f.lead = lead+"├ ", lead+"│ "
				if i == len(of)-1 {
					f.branch, f.lead = lead+"└ ", lead+"  "
				}
			}
			stack = append(stack, f)
		}
	}
	push(children[0], 0, "")
	for len(stack) > 0 {
		f := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		rows = append(rows, treeRow{queue[f.node], f.depth, f.branch})
		push(children[f.node+1], f.depth+1, f.lead)
	}
	return rows
}

// treeDepth is the depth from which on a tree does not go further to the right.
const treeDepth = 8

func (t *waitTree) leases() []int64 {
	var ids []int64
	for _, r := range t.rows[:min(len(t.rows), max(t.h, 0))] {
		ids = append(ids, r.request.Lease)
	}
	return ids
}

func (t *waitTree) title() string {
	if !t.found {
		return "queue"
	}
	c := t.lock.Count()
	return "queue · " + holdersText(t.lock) + " holding, " +
		format.Waiters(c.Waiters, t.lock.ID.Layout.Waiters) + " waiting · " + term.Name(t.lock.ID.Name)
}

func (t *waitTree) view(w, h int) string {
	if len(t.rows) == 0 {
		return t.Theme.Dim.Render(term.Cut("  "+t.empty(), w))
	}
	if h >= roomyHeight {
		return strings.Join(t.roomy(w, h), "\n")
	}
	lines := t.findings(w)
	return strings.Join(append(lines, t.queue(w, h-len(lines))...), "\n")
}

// roomyHeight is from which on there is room for all that is known of the lock. The queue
// has a third of it at most, the timeline a quarter, and the findings have the rest.
const roomyHeight = 20

// roomy is the findings in full, the queue with the hosts of its clients, and what the
// sessions have done.
func (t *waitTree) roomy(w, h int) []string {
	l := t.timeline()
	queue := t.queue(w, min(len(t.lock.Queue)+1, h/3))
	if len(t.hosts) > 0 {
		queue = append(queue, t.Theme.Dim.Render(term.Cut("hosts: "+hostsText(t.hosts, w-7), w)))
	}
	lanes := min(l.height(), max(h/4, lanesLeast))
	lines := t.inFull(w)
	if room := h - len(queue) - lanes - 2; len(lines) > room {
		more := len(lines) - room + 1
		lines = append(lines[:room-1:room-1], t.Theme.Dim.Render("… "+format.Count(more, "more line", "more lines")+": "+t.KeyOn(nav.KindLocks, "enter")))
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	lines = append(lines, queue...)
	if room := h - len(lines) - 1; len(l.all) > 0 {
		lines = append(lines, "", timelinePanel(t.Context, l, w, min(room, l.height())))
	}
	return lines
}

// findingText is the findings of a lock in full, for a width, as of a second.
type findingText struct {
	of    state.Edition
	lock  inspect.LockID
	w     int
	at    time.Time
	lines []string
}

// inFull is the findings of the lock. They are put into words once per second, as they say
// ages, and the screen may be drawn thirty times in it.
func (t *waitTree) inFull(w int) []string {
	now := findingText{of: t.Shown().Verdict.Edition(), lock: t.lock.ID, w: w, at: t.Clock().Truncate(time.Second)}
	if b := &t.about; b.of != now.of || b.lock != now.lock || b.w != w || !b.at.Equal(now.at) {
		now.lines = lockFindings(t.Context, t.lock, w)
		t.about = now
	}
	return slices.Clone(t.about.lines)
}

// timeline is what sessions have done with the lock. Many requests may have ended, so those
// of the lock are looked up only when its queue has changed.
func (t *waitTree) timeline() timeline {
	if t.InPast() && !t.InRecording() {
		return timeline{}
	}
	journal := t.ShownJournal()
	if t.spans == nil || t.of != any(journal) {
		t.spans, t.of = journal.ForLock(t.lock), journal
	}
	return newTimeline(t.spans, journal.Began, t.Clock())
}

// queue is the rows under their heading, as many as fit into h.
func (t *waitTree) queue(w, h int) (lines []string) {
	rows := t.rows
	if room := max(h-1, 0); len(t.lock.Queue) > room {
		rows = rows[:max(room-1, 0)]
	}
	branches := 0
	for _, r := range rows {
		branches = max(branches, term.Width(r.branch))
	}
	widths := treeWidths(branches, w)
	lines = append(lines, t.heading(widths))
	for _, r := range rows {
		lines = append(lines, t.row(r, widths))
	}
	if rest := t.lock.Queue[min(len(rows), len(t.lock.Queue)):]; len(rest) > 0 {
		lines = append(lines, t.Theme.Dim.Render(term.Cut("… "+strconv.Itoa(len(rest))+" more"+t.alike, w)))
	}
	return lines
}

// findings are those of the lock, one line each, two at most.
func (t *waitTree) findings(w int) []string {
	v := &t.Shown().Verdict
	var lines []string
	for _, i := range v.ByLock[t.lock.ID][:min(len(v.ByLock[t.lock.ID]), 2)] {
		g := SeveritySign(t.Theme, v.Findings[i].Severity)
		lines = append(lines, g.Style.Render(term.Cut(g.Text+" "+term.Safe(inWords(t.Context, &v.Findings[i]).Headline), w)))
	}
	return lines
}

// treeWidths are the widths of the columns; branches is the width of the widest branch, so
// that all owners are aligned.
func treeWidths(branches, w int) []int {
	return widget.FitColumns([]widget.Box{{Min: branches + term.Width("● write")}, {Min: 8, Flex: true}, {Min: 7}, {Min: 6, Rank: 1}}, w)
}

// heading names the columns.
func (t *waitTree) heading(widths []int) string {
	var cells []theme.Text
	for _, title := range []string{"", "owner", "for", "ttl"} {
		cells = append(cells, theme.Styled(title, t.Theme.Heading))
	}
	return widget.Line(widths, treeRight, cells, nil)
}

// treeRight says which columns are aligned at the right.
var treeRight = []bool{false, false, true, true}

// row draws a request.
func (t *waitTree) row(r treeRow, widths []int) string {
	q := r.request
	s := requestSign(t.Theme, q)
	who, style := clientIn(q, widths[1]), t.Theme.Plain
	if t.IsOwn(q) {
		who, style = "yours "+state.Who(q), t.Theme.Own
	}
	ttl := ttlCell(t.Context, q)
	cells := []theme.Text{
		theme.Styled(r.branch+s.Text+" "+q.Mode.String(), s.Style),
		theme.Styled(who, style),
		theme.Styled(q.Start().Short(t.Clock()), t.Theme.Dim),
		ttl,
	}
	return widget.Line(widths, treeRight, cells, nil)
}

// empty says why there is no row.
func (t *waitTree) empty() string {
	switch {
	case !t.found:
		return "no lock is selected"
	case t.HasOwn(t.lock.ID):
		return "not held; you are waiting"
	default:
		return "not held"
	}
}
