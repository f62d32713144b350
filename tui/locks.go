package tui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

// locksPane is the table of locks. Its cursor is on a lock, not on a row: when
// the lock is gone, its row stays, as free, until the cursor leaves it, so that
// a key never meets another lock than the one that was looked at.
type locksPane struct {
	*common
	snapshot inspect.Snapshot
	rows     []lockRow
	selected inspect.LockID
	chosen   bool // selected is set
	cursor   cursor
	height   int // lines of the table, heading excluded
	filter   string
	order    sortOrder
}

// lockRow is a lock with what the table says of it.
type lockRow struct {
	lock   inspect.Lock
	counts inspect.Counts
	since  time.Time
}

// free reports whether nobody holds or asks for the lock any more.
func (r lockRow) free() bool { return len(r.lock.Queue) == 0 }

type sortColumn int

const (
	sortName sortColumn = iota
	sortWaiters
	sortAge
)

// sortOrder is a column and whether its usual order is reversed. The usual one
// puts first what an operator looks for: A, most waiters, oldest.
type sortOrder struct {
	by       sortColumn
	reversed bool
}

func (p *locksPane) update(msg tea.KeyPressMsg) tea.Cmd {
	if key.Matches(msg, p.keys.sortName) {
		p.sortBy(sortName)
	}
	if key.Matches(msg, p.keys.sortWaiters) {
		p.sortBy(sortWaiters)
	}
	if key.Matches(msg, p.keys.sortAge) {
		p.sortBy(sortAge)
	}
	return nil
}

func (p *locksPane) sortBy(by sortColumn) {
	p.order = sortOrder{by: by, reversed: by == p.order.by && !p.order.reversed}
	p.rebuild()
}

// move puts the cursor delta rows further.
func (p *locksPane) move(delta int) {
	if len(p.rows) == 0 {
		return
	}
	p.cursor.move(delta, len(p.rows))
	p.choose(p.rows[p.cursor.at].lock.ID)
}

// choose puts the cursor on a lock, also on one that does not exist yet.
func (p *locksPane) choose(id inspect.LockID) {
	p.selected, p.chosen = id, true
	p.rebuild()
}

func (p *locksPane) setSnapshot(s inspect.Snapshot) {
	p.snapshot = s
	p.rebuild()
}

func (p *locksPane) setFilter(filter string) {
	p.filter = filter
	p.rebuild()
}

// rebuild makes the rows anew and brings the cursor back onto its lock.
func (p *locksPane) rebuild() {
	p.rows = p.rows[:0]
	found := false
	for _, l := range p.snapshot.Locks {
		if p.shows(l.ID) {
			p.rows = append(p.rows, lockRow{lock: l, counts: l.Count(), since: l.Oldest()})
			found = found || l.ID == p.selected
		}
	}
	if p.chosen && !found && p.shows(p.selected) {
		p.rows = append(p.rows, lockRow{lock: inspect.Lock{ID: p.selected}})
	}
	slices.SortStableFunc(p.rows, p.order.compare)
	i := slices.IndexFunc(p.rows, func(r lockRow) bool { return p.chosen && r.lock.ID == p.selected })
	if i >= 0 {
		p.cursor.at = i
	}
	p.cursor.settle(len(p.rows), p.height)
	if i < 0 && len(p.rows) > 0 {
		p.selected, p.chosen = p.rows[p.cursor.at].lock.ID, true
	}
}

func (p *locksPane) shows(id inspect.LockID) bool {
	return p.filter == "" || strings.Contains(printable.Text(id.Name), p.filter)
}

func (o sortOrder) compare(a, b lockRow) int {
	c := 0
	switch o.by {
	case sortWaiters:
		c = cmp.Compare(b.counts.Waiters, a.counts.Waiters)
	case sortAge:
		if a.since.IsZero() != b.since.IsZero() { // unknown is last in both directions
			return cmp.Compare(boolInt(a.since.IsZero()), boolInt(b.since.IsZero()))
		}
		c = a.since.Compare(b.since)
	}
	byName := cmp.Or(
		strings.Compare(a.lock.ID.Name, b.lock.ID.Name),
		strings.Compare(string(a.lock.ID.Layout), string(b.lock.ID.Layout)),
	)
	if o.by == sortName {
		c = byName
	}
	if o.reversed {
		c = -c
	}
	return cmp.Or(c, byName)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// current is the lock under the cursor.
func (p *locksPane) current() (inspect.Lock, bool) {
	if len(p.rows) == 0 {
		return inspect.Lock{}, false
	}
	return p.rows[p.cursor.at].lock, true
}

func (p *locksPane) resize(_, h int) {
	p.height = h - 1
	p.cursor.settle(len(p.rows), p.height)
}

func (p *locksPane) title() string {
	t := "locks " + strconv.Itoa(len(p.snapshot.Locks))
	if p.filter != "" {
		t = "locks " + strconv.Itoa(len(p.rows)) + " of " + strconv.Itoa(len(p.snapshot.Locks)) +
			" · filter “" + safe(p.filter) + "”"
	}
	if p.snapshot.Other > 0 {
		t += " · " + count(p.snapshot.Other, "other key", "other keys")
	}
	return t
}

func (p *locksPane) view(w, h int, focused bool) string {
	cols := p.columns(w)
	widths := fitColumns(cols, w)
	lines := []string{headings(cols, widths, p.styles.heading)}
	if len(p.rows) == 0 {
		return strings.Join(append(lines, p.styles.dim.Render(cut(p.empty(), w))), "\n")
	}
	from, to := p.cursor.window(len(p.rows), h-1)
	for i := from; i < to; i++ {
		atCursor := i == p.cursor.at
		lines = append(lines, tableRow(cols, widths, p.cells(p.rows[i], atCursor, widths[1]), p.styles.row(atCursor, focused)))
	}
	return strings.Join(lines, "\n")
}

func (p *locksPane) columns(w int) []column {
	arrow := func(by sortColumn) string {
		switch {
		case p.order.by != by:
			return ""
		case p.order.reversed != (by != sortName): // most and oldest first is downwards
			return "▼"
		default:
			return "▲"
		}
	}
	cols := []column{
		{min: 2},
		{title: "name " + arrow(sortName), min: 12, flex: true},
		{title: "layout", min: 6, rank: 3},
		{title: "state", min: 11},
		{title: "read", min: 4, right: true, rank: 2},
		{title: "write", min: 5, right: true, rank: 2},
		{title: "wait" + arrow(sortWaiters), min: 5, right: true},
		{title: "age" + arrow(sortAge), min: 6, right: true, rank: 1},
	}
	if w >= wideTable {
		for i, title := range map[int]string{4: "readers", 5: "writers", 6: "waiters" + arrow(sortWaiters)} {
			cols[i].title, cols[i].min = title, 8
		}
	}
	return cols
}

// wideTable is the width from which counts have their whole names.
const wideTable = 76

func (p *locksPane) cells(r lockRow, atCursor bool, nameWidth int) []cell {
	mark := " "
	if atCursor {
		mark = ">"
	}
	star := cell{text: mark, style: p.styles.bold}
	if p.hasOurs(r.lock.ID) {
		star = cell{text: mark + "*", style: p.styles.ours}
	}
	state := p.state(r)
	return []cell{
		star,
		{text: cutMiddle(safe(r.lock.ID.Name), nameWidth), style: p.styles.plain},
		{text: safe(string(r.lock.ID.Layout)), style: p.styles.dim},
		{text: state.text, style: state.style},
		p.number(r.counts.Readers),
		p.number(r.counts.Writers),
		p.number(r.counts.Waiters),
		{text: age(p.clock(), r.since), style: p.styles.plain},
	}
}

// number dims zeros, so that the others stand out.
func (p *locksPane) number(n int) cell {
	if n == 0 {
		return cell{text: "0", style: p.styles.dim}
	}
	return cell{text: strconv.Itoa(n), style: p.styles.plain}
}

func (p *locksPane) state(r lockRow) sign {
	if r.free() {
		return sign{"· free", p.styles.free}
	}
	switch s := r.lock.State(); s {
	case inspect.StateContended:
		return sign{"▲ " + string(s), p.styles.contended}
	default:
		return sign{"● " + string(s), p.styles.holding}
	}
}

// empty says why there is no row.
func (p *locksPane) empty() string {
	switch {
	case p.filter != "":
		return "  no name contains “" + safe(p.filter) + "”; esc shows all"
	case !p.connected && p.snapshot.Revision == 0:
		return "  nothing is known yet"
	case p.keys.name.Enabled():
		return "  no locks; " + p.keys.name.Help().Key + " to type the name of one and take it"
	default:
		return "  no locks"
	}
}
