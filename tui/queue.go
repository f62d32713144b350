package tui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// queuePane is the queue of the selected lock, from its holders to its last
// waiter. Its cursor is on a request, not on a row.
type queuePane struct {
	*common
	lock     inspect.Lock
	selected bool   // there is a lock
	key      string // of the request under the cursor
	cursor   cursor
	height   int // lines of the table, heading excluded
	ttls     ttlBook
	behind   map[int]string // what the waiters that were in view wait for, by place
}

// sameQueue reports whether a is b. Queues are shared between snapshots and
// never changed.
func sameQueue(a, b []inspect.Request) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// show puts the queue of lock into the pane.
func (p *queuePane) show(lock inspect.Lock, selected bool) {
	if lock.ID != p.lock.ID || selected != p.selected {
		p.cursor, p.key = cursor{}, ""
		p.ttls.reset()
	}
	if !sameQueue(lock.Queue, p.lock.Queue) {
		p.behind = map[int]string{}
	}
	p.lock, p.selected = lock, selected
	for i, r := range lock.Queue {
		if r.Key == p.key {
			p.cursor.at = i
			break
		}
	}
	p.settle()
}

func (p *queuePane) move(delta int) {
	p.cursor.move(delta, len(p.lock.Queue))
	p.key = ""
	p.settle()
}

func (p *queuePane) settle() {
	p.cursor.settle(len(p.lock.Queue), p.height)
	if p.cursor.at < len(p.lock.Queue) {
		p.key = p.lock.Queue[p.cursor.at].Key
	}
	from, to := p.cursor.window(len(p.lock.Queue), p.height)
	for i := from; i < to; i++ {
		if _, ok := p.behind[i]; !ok {
			p.behind[i] = behindText(p.lock, i)
		}
	}
}

// current is the request under the cursor.
func (p *queuePane) current() (inspect.Request, bool) {
	if p.cursor.at >= len(p.lock.Queue) {
		return inspect.Request{}, false
	}
	return p.lock.Queue[p.cursor.at], true
}

func (p *queuePane) resize(_, h int) {
	p.height = h - 1 - detailLines(h)
	p.settle()
}

// detailLines is how many lines below the table are for the request under the
// cursor.
func detailLines(h int) int {
	switch {
	case h >= 12:
		return 3
	case h >= 6:
		return 1
	default:
		return 0
	}
}

// visible is the requests that are in view.
func (p *queuePane) visible() []inspect.Request {
	from, to := p.cursor.window(len(p.lock.Queue), p.height)
	return p.lock.Queue[from:to]
}

func (p *queuePane) title() string {
	if !p.selected {
		return "queue"
	}
	c := p.lock.Count()
	return "queue · " + strconv.Itoa(c.Readers+c.Writers) + " holding, " +
		strconv.Itoa(c.Waiters) + " waiting · " + safe(p.lock.ID.Name)
}

func (p *queuePane) view(w, h int, focused bool) string {
	cols := queueColumns()
	widths := fitColumns(cols, w)
	lines := []string{headings(cols, widths, p.styles.heading)}
	if len(p.lock.Queue) == 0 {
		return strings.Join(append(lines, p.styles.dim.Render(cut(p.empty(), w))), "\n")
	}
	ours := p.ourKeys()
	table := h - 1 - detailLines(h)
	from, to := p.cursor.window(len(p.lock.Queue), table)
	for i := from; i < to; i++ {
		atCursor := i == p.cursor.at
		cells := p.cells(i, atCursor, widths[5], ours)
		lines = append(lines, tableRow(cols, widths, cells, p.styles.row(atCursor, focused)))
	}
	for range table - (to - from) {
		lines = append(lines, "")
	}
	return strings.Join(append(lines, p.detail(w, detailLines(h))...), "\n")
}

func queueColumns() []column {
	return []column{
		{min: 2},
		{title: "#", min: 4, right: true},
		{title: "mode", min: 5},
		{title: "state", min: 9},
		{title: "owner", min: 8, want: 24, rank: 2, flex: true},
		{title: "lease", min: 7, want: 16, rank: 3},
		{title: "ttl", min: 5, right: true, rank: 2},
		{title: "age", min: 6, right: true, rank: 4},
		{title: "behind", min: 12, want: 17, rank: 1},
	}
}

func (p *queuePane) cells(i int, atCursor bool, leaseWidth int, ours map[string]bool) []cell {
	r := p.lock.Queue[i]
	mark := " "
	if atCursor {
		mark = ">"
	}
	first := cell{text: mark, style: p.styles.bold}
	owner := cell{text: ownerText(r.Owner, r.Owned), style: p.styles.plain}
	if ours[r.Key] {
		first = cell{text: mark + "*", style: p.styles.ours}
		owner = cell{text: strings.TrimSuffix("ours "+owner.text, " -"), style: p.styles.ours}
	}
	state := sign{"○ waiting", p.styles.waiting}
	if r.Holding {
		state = sign{"● holding", p.styles.holding}
	}
	return []cell{
		first,
		{text: strconv.Itoa(i + 1), style: p.styles.dim},
		{text: r.Mode.String(), style: p.styles.plain},
		{text: state.text, style: state.style},
		owner,
		{text: leaseText(r.Lease, leaseWidth), style: p.styles.dim},
		p.ttl(r.Lease),
		{text: age(p.clock(), r.Since), style: p.styles.plain},
		{text: p.behind[i], style: p.styles.dim},
	}
}

// behindText says how many requests block the i-th, and which of them is
// nearest. In a long queue that is much work: it is done once for a row.
func behindText(l inspect.Lock, i int) string {
	if l.Queue[i].Holding {
		return ""
	}
	before := l.Blockers(i)
	if len(before) == 0 {
		return ""
	}
	nearest := before[len(before)-1]
	at := slices.IndexFunc(l.Queue, func(r inspect.Request) bool { return r.Key == nearest.Key })
	return strconv.Itoa(len(before)) + ": " + roleText(nearest.Mode) + " at " + strconv.Itoa(at+1)
}

// roleText is who asks in a mode.
func roleText(mode keyspace.Mode) string {
	if mode == keyspace.Write {
		return "writer"
	}
	return "reader"
}

// leaseText is a lease as etcdctl writes it. The leases of one member begin
// alike, so a narrow column shows their ends.
func leaseText(lease int64, w int) string {
	if lease == 0 {
		return "none"
	}
	s := strconv.FormatUint(uint64(lease), 16)
	if len(s) > w && w > 1 {
		return "…" + s[len(s)-w+1:]
	}
	return s
}

func (p *queuePane) ttl(lease int64) cell {
	left, known := p.ttls.left(lease, p.clock())
	switch {
	case !known || !p.connected || lease == 0:
		return cell{text: "-", style: p.styles.dim}
	case left < 0:
		return cell{text: "gone", style: p.styles.lost}
	case left <= 2*time.Second:
		return cell{text: "!" + span(left), style: p.styles.expiring}
	default:
		return cell{text: span(left), style: p.styles.plain}
	}
}

// detail is all that is known of the request under the cursor, in n lines.
func (p *queuePane) detail(w, n int) []string {
	r, ok := p.current()
	if !ok || n == 0 {
		return nil
	}
	who := ownerText(r.Owner, r.Owned)
	if who == "-" {
		who = "owner unknown"
	}
	who = "#" + strconv.Itoa(p.cursor.at+1) + " " + who
	if behind := p.behind[p.cursor.at]; behind != "" {
		who += " · waits behind " + behind
	}
	lines := []string{who, "lease " + leaseText(r.Lease, 16) + " · revision " + strconv.FormatInt(r.Revision, 10)}
	lines = append(lines, "key "+safe(r.Key))
	if n == 1 {
		lines = []string{who + " · " + lines[1]}
	}
	for i, l := range lines {
		lines[i] = p.styles.dim.Render(cut(l, w))
	}
	return lines[:n]
}

// empty says why there is no row.
func (p *queuePane) empty() string {
	switch {
	case !p.selected:
		return "  no lock is selected"
	case p.hasOurs(p.lock.ID):
		return "  nobody holds it; we are asking"
	case p.keys.read.Enabled() && p.lock.ID.Layout == keyspace.RWLock:
		return "  nobody holds it; " + p.keys.read.Help().Key + " reads, " + p.keys.write.Help().Key + " writes"
	default:
		return "  nobody holds it"
	}
}
