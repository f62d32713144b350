package screens

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// locksScreen is the home: all locks, the worst first, and the queue of the one
// under the cursor. The row of a lock that has gone stays, as free, until the
// cursor leaves it, so that a key never acts on another lock than the one that
// the user looked at.
type locksScreen struct {
	*nav.Context
	table *widget.Table[in[inspect.LockID], *lockRow]
	tree  waitTree
	parts []*lockPart // of each cluster
	count int         // of their rows
	read  time.Time   // when the snapshots were taken in
	begun bool        // the user has looked at a row
	size  size
	keys  []widget.Group
}

func newLocksScreen(c *nav.Context) *locksScreen {
	s := &locksScreen{Context: c}
	s.table = widget.NewTable(c.Theme, s.tableColumns(), (*lockRow).id)
	s.table.Match = func(r *lockRow) string { return printable.Text(r.lock.ID.Name) }
	s.table.More = func(r *lockRow) iter.Seq[string] { return ofQueue(r, state.Who, briefWho, sessionOf) }
	s.table.Fields = map[string]func(*lockRow) iter.Seq[string]{
		"owner":   func(r *lockRow) iter.Seq[string] { return ofQueue(r, state.Who, briefWho) },
		"host":    func(r *lockRow) iter.Seq[string] { return ofQueue(r, hostOf) },
		"session": func(r *lockRow) iter.Seq[string] { return ofQueue(r, sessionOf) },
		"class": func(r *lockRow) iter.Seq[string] {
			return slices.Values([]string{className(s.Classes.Of(r.lock.ID.Name))})
		},
		"mode": func(r *lockRow) iter.Seq[string] { return ofQueue(r, modeText) },
	}
	s.table.Label = func(r *lockRow) string { return r.lock.ID.Name }
	s.table.DefaultOrder = worstFirst
	s.table.Moved = func() { s.begun = true; s.leave(); s.MoveTo(s.At()) }
	s.tree.Context = c
	own := append([]widget.Binding{
		{
			Keys: "enter", Short: "open", Long: "the lock with its queue and timeline",
			Doc:   "open the lock, with its queue and timeline",
			Where: widget.InFooter, Off: nav.Unless(s.there, "no lock is selected"), Do: s.drill,
		},
	}, takeBindings(c, s.current)...)
	s.keys = append([]widget.Group{{Title: "locks", Bindings: s.beginning(own)}}, s.table.Bindings()...)
	return s
}

// beginning has the keys also note that the user has looked at a row.
func (s *locksScreen) beginning(keys []widget.Binding) []widget.Binding {
	for i, b := range keys {
		keys[i].Do = func() nav.Action { s.begun = true; return b.Do() }
	}
	return keys
}

func (s *locksScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindLocks} }

func (s *locksScreen) Grid() widget.Grid { return s.table }

func (s *locksScreen) Bindings() []widget.Group { return s.keys }

// Leases implements nav.Leaser.
func (s *locksScreen) Leases(of *nav.Context) []int64 {
	if s.Data != of.Data {
		return nil
	}
	return s.tree.leases()
}

// At implements nav.Roamer.
func (s *locksScreen) At() *nav.Context {
	if r, ok := s.table.Current(); ok {
		return r.of
	}
	return nil
}

func (s *locksScreen) Fit(w, h int) {
	s.size = size{w, h}
	s.MoveTo(s.At())
	p := s.panes(w, h)
	s.table.Resize(theme.Inner(p.table.w, p.table.h, p.boxed))
	if p.boxed { // its rows in view are known by now, and how wide they are
		p = s.panes(w, h)
		s.table.Resize(theme.Inner(p.table.w, p.table.h, p.boxed))
	}
	s.tree.resize(theme.Inner(p.tree.w, p.tree.h, p.boxed))
	s.tree.show(s.selected())
}

func (s *locksScreen) Refresh() {
	if !s.recentlyRead() {
		s.refresh()
	}
}

// leave drops the row of a lock that has gone once the cursor has left it.
func (s *locksScreen) leave() {
	if s.table.Total() > s.count {
		s.refresh()
	}
}

func (s *locksScreen) Mouse(m widget.Mouse) nav.Action {
	p := s.panes(s.size.w, s.size.h)
	m.Y--
	if p.boxed {
		m.X -= 2
	}
	if m.Wheel == 0 && !s.table.Contains(m.X, m.Y) {
		s.begun = true
		return nil
	}
	if s.table.Mouse(m) {
		return s.drill()
	}
	return nil
}

func (s *locksScreen) drill() nav.Action {
	if r, ok := s.table.Current(); ok {
		return nav.OpenLock(r.lock.ID)
	}
	return nil
}

func (s *locksScreen) there() bool { _, ok := s.table.Current(); return ok }

// current is the lock under the cursor, for the keys that take it.
func (s *locksScreen) current() (id inspect.LockID, key string, ok bool) {
	l, ok := s.selected()
	return l.ID, "", ok
}

func (s *locksScreen) selected() (inspect.Lock, bool) {
	r, ok := s.table.Current()
	if !ok {
		return inspect.Lock{}, false
	}
	return r.lock, true
}

// Choose puts the cursor on a lock, also on one that does not exist yet.
func (s *locksScreen) Choose(of *nav.Context, id inspect.LockID) {
	s.begun = true
	row := in[inspect.LockID]{id, of.Etcd.Name}
	s.table.Choose(row)
	s.refresh()
	if !s.table.Shows(row) {
		_ = s.table.SetFilter("") // no pattern is a good one
		s.table.Choose(row)
		s.refresh()
	}
}

// Of manyLocks or more, not every change is taken in.
const (
	manyLocks  = 2000
	recentTime = 250 * time.Millisecond
)

// recentlyRead reports whether there are many locks that were taken in just now.
func (s *locksScreen) recentlyRead() bool {
	return s.Frozen == nil && s.count > manyLocks && s.Now.Sub(s.read) < recentTime
}

// refresh takes in the snapshots.
func (s *locksScreen) refresh() {
	s.read = s.Now
	judged, changed := s.join()
	gone := s.gone()
	if !changed && gone == nil && s.count == s.table.Total() && s.table.Filtered() == "" { // filters can be about ages
		return
	}
	rows := s.parts[0].rows
	for _, p := range s.parts[1:] {
		rows = append(slices.Clip(rows), p.rows...)
	}
	s.count = len(rows)
	if gone != nil {
		rows = append(slices.Clone(rows), gone)
	}
	if s.keepTop(judged) {
		s.table.ToTop()
	}
	s.table.Set(rows)
	s.MoveTo(s.At())
	s.tree.show(s.selected())
}

// keepTop reports whether the cursor is to stay on the worst lock: at first, until
// it is known which one that is, or the user does something.
func (s *locksScreen) keepTop(judged bool) bool {
	return !s.begun && (!judged || slices.ContainsFunc(s.parts, func(p *lockPart) bool { return p.known.IsZero() }))
}

// besideWidth is where the queue has room beside the locks. It leaves to their names what
// these need beyond besideLeast, and to their other columns what is beyond besideWell.
const besideWidth, besideLeast, besideWell = 140, 56, 68

// locksPanes is where the parts of the screen go.
type locksPanes struct {
	boxed            bool // the queue is beside the table
	table, tree, log size // h 0: none
}

type size struct{ w, h int }

func (s *locksScreen) panes(w, h int) locksPanes {
	p := locksPanes{boxed: w >= besideWidth}
	if h >= 28 {
		p.log = size{w, h / 4}
		h -= p.log.h
	}
	switch {
	case p.boxed:
		all, names := s.table.Room()
		left := max(w*57/100, 82, min(theme.Outer(names), w-1-besideLeast), min(theme.Outer(all), w-1-besideWell))
		p.table, p.tree = size{left, h}, size{w - left - 1, h}
	case h >= 12:
		p.table = size{w, h - h*2/5}
		p.tree = size{w, h * 2 / 5}
	default:
		p.table = size{w, h}
	}
	return p
}

func (s *locksScreen) View(w, h int) string {
	p := s.panes(w, h)
	table := s.Theme.Panel(s.title(), s.table.View(true, s.empty()), p.table.w, p.table.h, true, p.boxed)
	parts := []string{table}
	if p.tree.h > 0 {
		tw, th := theme.Inner(p.tree.w, p.tree.h, p.boxed)
		tree := s.Theme.Panel(s.tree.title(), s.tree.view(tw, th), p.tree.w, p.tree.h, false, p.boxed)
		parts = append(parts, tree)
	}
	if p.boxed {
		parts = []string{term.Beside(parts[0], parts[1])}
	}
	if p.log.h > 0 {
		lw, lh := theme.Inner(p.log.w, p.log.h, p.boxed)
		title := "events"
		if s.InPast() && !s.InRecording() {
			title = "live events"
		}
		parts = append(parts, s.Theme.Panel(title, logTail(shownLog(s.Context, lh), s.Theme, lw, lh, nil), p.log.w, p.log.h, false, p.boxed))
	}
	return strings.Join(parts, "\n")
}

func (s *locksScreen) title() string {
	all, other := 0, 0
	for _, c := range s.Clusters() {
		all, other = all+len(c.Shown().Locks), other+c.Shown().Other
	}
	t := "locks " + strconv.Itoa(all)
	if s.table.Filtered() != "" {
		t = "locks " + strconv.Itoa(s.table.Len()) + " of " + strconv.Itoa(all)
	}
	t += ofClusters(s.Context)
	t += filterTitle(s.table)
	switch usual, reversed := s.table.Usual(); {
	case usual && reversed:
		t += " · best first"
	case usual:
		t += " · worst first"
	}
	if other > 0 {
		t += " · " + format.Count(other, "other key", "other keys")
	}
	return t
}

// empty says why there is no row.
func (s *locksScreen) empty() string {
	return orUnmatched(s.Context, s.table, emptyText(s.Context, noLocks(s.Context)))
}

// Describe implements nav.Describer.
func (s *locksScreen) Describe() []string {
	r, ok := s.table.Current()
	if !ok {
		return nil
	}
	return describe.Lock(s.Context, r.lock.ID)
}

// Notifiable implements nav.Notifiable.
func (s *locksScreen) Notifiable() []state.Notification {
	r, ok := s.table.Current()
	if !ok {
		return nil
	}
	return state.AboutLock(r.lock.ID)
}

// Row is the request that stands for the row under the cursor: that of the first holder or,
// without one, of the first waiter.
func (s *locksScreen) Row() (inspect.Request, bool) {
	l, ok := s.selected()
	if !ok {
		return inspect.Request{}, false
	}
	for _, r := range l.Queue {
		if r.Holding {
			return r, true
		}
	}
	if len(l.Queue) > 0 {
		return l.Queue[0], true
	}
	return inspect.Request{Lock: l.ID}, true
}
