package tui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
)

// sessionsScreen is all sessions that hold or wait for something.
type sessionsScreen struct {
	*Context
	table *table[inspect.SessionID, *sessionRow]
	of    edition // of the verdict that is shown
	size  size
	peek  *sessionScreen // the one under the cursor, where there is room; nil: none
	keys  []Group
}

func newSessionsScreen(c *Context) *sessionsScreen {
	s := &sessionsScreen{Context: c}
	s.table = newTable(c.theme, s.tableColumns(), func(r *sessionRow) inspect.SessionID { return r.ID })
	s.table.match = func(r *sessionRow) string { return r.who + " " + safe(r.ID.String()) + " " + r.locks }
	s.table.label = func(r *sessionRow) string { return r.ID.String() }
	selected := unless(s.there, "no session is selected")
	s.keys = append([]Group{{"sessions", []Binding{
		bind("enter", "open", s.drill, "enter").describe("its locks, and what ending it would release").in(InFooter).offIf(selected),
	}}}, s.table.bindings()...)
	s.keys = append(s.keys, endBinding(c, "end the session by force, with all of its locks", s.end, selected))
	return s
}

func (s *sessionsScreen) tableColumns() []column[*sessionRow] {
	return []column[*sessionRow]{
		{title: "session", box: box{min: 8, want: 16}, key: "S", ascending: true,
			compare: func(a, b *sessionRow) int { return strings.Compare(a.ID.String(), b.ID.String()) }, cell: s.id},
		{title: "client", box: box{min: 12, want: 34, soon: true}, key: "N", ascending: true,
			compare: func(a, b *sessionRow) int { return strings.Compare(a.who, b.who) }, cell: s.client},
		{title: "ttl", box: box{min: 6, want: 16}, key: "T", ascending: true, compare: s.byLeft,
			last: func(r *sessionRow) bool { return s.left(r) < 0 }, cell: func(r *sessionRow, w int) cell { return ttlBar(s.Context, r.ID.Lease, w) }},
		{title: "of", box: box{min: 5, rank: 3}, right: true, cell: s.granted},
		{title: "renewals", box: box{min: 10, rank: 2}, key: "L", compare: s.byLate,
			cell: func(r *sessionRow, _ int) cell { return renewalsCell(s.Context, r.ID.Lease) }},
		{title: "holds", box: box{min: 6}, right: true, key: "H", compare: func(a, b *sessionRow) int { return cmp.Compare(b.holds, a.holds) },
			cell: func(r *sessionRow, _ int) cell { return cell{strconv.Itoa(r.holds), s.theme.plain} }},
		{title: "waits", box: box{min: 6}, right: true, key: "W", compare: func(a, b *sessionRow) int { return cmp.Compare(b.waits, a.waits) },
			cell: func(r *sessionRow, _ int) cell { return cell{strconv.Itoa(r.waits), s.theme.plain} }},
		{title: "for", long: "oldest", box: box{min: 7, rank: 1}, right: true, key: "A",
			compare: func(a, b *sessionRow) int { return a.since.Compare(b.since) }, last: func(r *sessionRow) bool { return r.since.IsZero() },
			cell: func(r *sessionRow, _ int) cell { return cell{age(s.clock(), r.since), s.theme.plain} }},
		{title: "locks", box: box{min: 14, rank: 4, flex: true}, cell: func(r *sessionRow, _ int) cell { return cell{r.locks, s.theme.dim} }},
	}
}

func (s *sessionsScreen) byLeft(a, b *sessionRow) int { return cmp.Compare(s.left(a), s.left(b)) }

// byLate puts those first that missed renewals.
func (s *sessionsScreen) byLate(a, b *sessionRow) int {
	switch late := s.late(a); {
	case late == s.late(b):
		return 0
	case late:
		return -1
	default:
		return 1
	}
}

func (s *sessionsScreen) client(r *sessionRow, w int) cell {
	return cell{cutMiddle(r.who, w), s.theme.plain}
}

func (s *sessionsScreen) id(r *sessionRow, w int) cell {
	if r.ID.Lease == 0 {
		return cell{"no lease", s.theme.warning}
	}
	return cell{leaseText(r.ID.Lease, w), s.theme.plain}
}

func (s *sessionsScreen) left(r *sessionRow) time.Duration {
	left, known := s.leaseLeft(r.ID.Lease)
	if !known || s.inPast() {
		return -1
	}
	return max(left, 0)
}

func (s *sessionsScreen) granted(r *sessionRow, _ int) cell {
	if f := s.lease(r.ID.Lease); f.Granted > 0 && !s.inPast() {
		return cell{span(f.Granted), s.theme.dim}
	}
	return cell{"-", s.theme.dim}
}

// late reports whether the session has missed renewals.
func (s *sessionsScreen) late(r *sessionRow) bool {
	return s.lease(r.ID.Lease).MissedRenewals()
}

func (s *sessionsScreen) Ref() Ref { return Ref{Kind: KindSessions} }

func (s *sessionsScreen) Grid() grid { return s.table }

// Bindings are also those of the session that is shown below the table.
func (s *sessionsScreen) Bindings() []Group {
	if s.peek == nil {
		return s.keys
	}
	own := Group{s.keys[0].Title, append(slices.Clone(s.keys[0].Bindings), s.peek.pager.bindings()...)}
	return append([]Group{own}, s.keys[1:]...)
}

func (s *sessionsScreen) Leases() []int64 {
	var ids []int64
	for _, r := range s.table.visible() {
		ids = append(ids, r.ID.Lease)
	}
	return ids
}

func (s *sessionsScreen) Fit(w, h int) {
	s.size = size{w, h}
	s.table.resize(inner(w, s.tableHeight(), false))
	s.look()
}

// look brings what is shown below the table in line with the cursor.
func (s *sessionsScreen) look() {
	r, ok := s.table.current()
	switch {
	case !ok || s.tableHeight() == s.size.h:
		s.peek = nil
	case s.peek == nil || s.peek.id != r.ID:
		s.peek = newSessionScreen(s.Context, r.ID)
	}
	if s.peek != nil {
		s.peek.Refresh()
	}
}

// peekHeight is the least that the screen has where it shows the session under
// the cursor as well, below all of them.
const peekHeight = 30

func (s *sessionsScreen) tableHeight() int {
	if s.size.h < peekHeight {
		return s.size.h
	}
	return max(min(s.table.len()+2, s.size.h*3/4), s.size.h/2)
}

func (s *sessionsScreen) Mouse(m mouse) Action {
	if s.table.mouse(m.below(1)) {
		return s.drill()
	}
	return nil
}

func (s *sessionsScreen) there() bool { _, ok := s.table.current(); return ok }

func (s *sessionsScreen) drill() Action {
	if r, ok := s.table.current(); ok {
		return openSession(r.ID)
	}
	return nil
}

// end releases a session by force. One without a lease is a single request.
func (s *sessionsScreen) end() Action {
	r, _ := s.table.current()
	if r.ID.Lease == 0 {
		return PlanRelease{Target{Key: r.Requests[0].Key}}
	}
	return PlanRelease{Target{Lease: r.ID.Lease}}
}

// Refresh takes the sessions of the latest diagnosis, which is not made again for
// every change.
func (s *sessionsScreen) Refresh() {
	v := s.shown().verdict
	if !v.known {
		return
	}
	if v.edition() == s.of {
		s.table.rebuild()
		return
	}
	s.of = v.edition()
	rows := make([]*sessionRow, len(v.Sessions))
	for i := range v.Sessions {
		rows[i] = newSessionRow(&v.Sessions[i])
	}
	s.table.set(rows)
}

func (s *sessionsScreen) View(w, h int) string {
	title := "sessions " + strconv.Itoa(s.table.total())
	if s.table.filtered() != "" {
		title = "sessions " + strconv.Itoa(s.table.len()) + " of " + strconv.Itoa(s.table.total()) + filterTitle(s.table)
	}
	empty := s.ifKnown(s.shown().known(), "nobody holds or waits for anything")
	if s.table.filtered() != "" {
		empty = "no session matches; esc shows all"
	}
	if s.peek == nil {
		return s.theme.panel(title, s.table.view(true, empty), w, h, true, false)
	}
	th := s.tableHeight()
	return s.theme.panel(title, s.table.view(true, empty), w, th, true, false) + "\n" + s.peek.effects(w, h-th)
}

// sessionRow is a session with what the table says of it.
type sessionRow struct {
	*inspect.Session
	who          string
	holds, waits int
	locks        string
	since        time.Time // of its oldest request
}

func newSessionRow(s *inspect.Session) *sessionRow {
	r := &sessionRow{Session: s, who: safe(s.Who())}
	var names []string
	for _, q := range s.Requests {
		if q.Holding {
			r.holds++
		} else {
			r.waits++
		}
		if !q.Since.IsZero() && (r.since.IsZero() || q.Since.Before(r.since)) {
			r.since = q.Since
		}
		if len(names) < sessionNames {
			g := "○ "
			if q.Holding {
				g = "● "
			}
			names = append(names, g+safe(q.Lock.Name))
		}
	}
	r.locks = strings.Join(names, "  ")
	if rest := len(s.Requests) - len(names); rest > 0 {
		r.locks += "  and " + strconv.Itoa(rest) + " more"
	}
	return r
}

// sessionNames is how many locks the table names.
const sessionNames = 8
