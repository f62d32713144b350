package tui

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

// sessionsScreen is all sessions that hold or wait for something.
type sessionsScreen struct {
	*common
	table *table[inspect.SessionID, *sessionRow]
	of    edition // of the verdict that is shown
	enter key.Binding
	force forceKeys
	size  size
	peek  *sessionScreen // the one under the cursor, where there is room; nil: none
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

func newSessionsScreen(c *common) *sessionsScreen {
	s := &sessionsScreen{common: c, enter: bind("enter", "open: its locks, and what ending it would release", "enter"), force: newForceKeys(c)}
	s.table = newTable(c, s.columns(), func(r *sessionRow) inspect.SessionID { return r.ID })
	s.table.match = func(r *sessionRow) string { return r.who + " " + safe(r.ID.String()) + " " + r.locks }
	s.table.label = func(r *sessionRow) string { return r.ID.String() }
	return s
}

func (s *sessionsScreen) columns() []column[*sessionRow] {
	number := func(of func(*sessionRow) int) func(*sessionRow, int) cell {
		return func(r *sessionRow, _ int) cell { return cell{strconv.Itoa(of(r)), s.theme.plain} }
	}
	most := func(of func(*sessionRow) int) func(a, b *sessionRow) int {
		return func(a, b *sessionRow) int { return cmp.Compare(of(b), of(a)) }
	}
	holds := func(r *sessionRow) int { return r.holds }
	waits := func(r *sessionRow) int { return r.waits }
	return []column[*sessionRow]{
		{title: "session", box: box{min: 8, want: 16}, key: "S", ascending: true,
			compare: func(a, b *sessionRow) int { return strings.Compare(a.ID.String(), b.ID.String()) },
			cell:    func(r *sessionRow, w int) cell { return s.id(r, w) }},
		{title: "client", box: box{min: 12, want: 34, soon: true}, key: "N", ascending: true,
			compare: func(a, b *sessionRow) int { return strings.Compare(a.who, b.who) },
			cell:    func(r *sessionRow, w int) cell { return cell{cutMiddle(r.who, w), s.theme.plain} }},
		{title: "ttl", box: box{min: 6, want: 16}, key: "T", ascending: true, compare: func(a, b *sessionRow) int { return cmp.Compare(s.left(a), s.left(b)) },
			last: func(r *sessionRow) bool { return s.left(r) < 0 }, cell: func(r *sessionRow, w int) cell { return s.ttlBar(r.ID.Lease, w) }},
		{title: "of", box: box{min: 5, rank: 3}, right: true, cell: s.granted},
		{title: "renewals", box: box{min: 10, rank: 2}, key: "L", compare: func(a, b *sessionRow) int { return cmp.Compare(boolInt(s.late(b)), boolInt(s.late(a))) }, cell: s.renewals},
		{title: "holds", box: box{min: 6}, right: true, key: "H", compare: most(holds), cell: number(holds)},
		{title: "waits", box: box{min: 6}, right: true, key: "W", compare: most(waits), cell: number(waits)},
		{title: "for", long: "oldest", box: box{min: 7, rank: 1}, right: true, key: "A",
			compare: func(a, b *sessionRow) int { return a.since.Compare(b.since) }, last: func(r *sessionRow) bool { return r.since.IsZero() },
			cell: func(r *sessionRow, _ int) cell { return cell{age(s.clock(), r.since), s.theme.plain} }},
		{title: "locks", box: box{min: 14, rank: 4, flex: true}, cell: func(r *sessionRow, _ int) cell { return cell{r.locks, s.theme.dim} }},
	}
}

func (s *sessionsScreen) id(r *sessionRow, w int) cell {
	if r.ID.Lease == 0 {
		return cell{"no lease", s.theme.warning}
	}
	return cell{leaseText(r.ID.Lease, w), s.theme.plain}
}

func (s *sessionsScreen) left(r *sessionRow) time.Duration {
	left, known := s.book.left(r.ID.Lease, s.clock())
	if !known || s.inPast() {
		return -1
	}
	return max(left, 0)
}

func (s *sessionsScreen) granted(r *sessionRow, _ int) cell {
	if f := s.fact(r.ID.Lease); f.Granted > 0 && !s.inPast() {
		return cell{span(f.Granted), s.theme.dim}
	}
	return cell{"-", s.theme.dim}
}

// late reports whether the session has missed renewals.
func (s *sessionsScreen) late(r *sessionRow) bool {
	return s.fact(r.ID.Lease).MissedRenewals()
}

func (s *sessionsScreen) renewals(r *sessionRow, _ int) cell {
	return renewalsCell(s.common, r.ID.Lease)
}

// renewalsCell says whether a client renews its lease.
func renewalsCell(c *common, lease int64) cell {
	f := c.fact(lease)
	switch {
	case lease == 0:
		return cell{"! none", c.theme.warning}
	case c.inPast():
		return cell{"-", c.theme.dim}
	case f.State == inspect.LeaseGone:
		return cell{"✗ gone", c.theme.lost}
	case f.State != inspect.LeaseAlive:
		return cell{"-", c.theme.dim}
	case f.MissedRenewals():
		return cell{"! missed", c.theme.expiring}
	default:
		return cell{"● renewed", c.theme.holding}
	}
}

func (s *sessionsScreen) name() string { return "sessions" }

func (s *sessionsScreen) grid() grid { return s.table }

func (s *sessionsScreen) keys() []keyGroup {
	own := []key.Binding{s.enter}
	if s.peek != nil {
		own = append(own, s.peek.below.down, s.peek.below.up)
	}
	return append(append([]keyGroup{{"sessions", own}}, s.table.helpKeys()...), s.force.endGroup("kill: end the session by force, with all of its locks"))
}

func (s *sessionsScreen) leases() []int64 {
	var ids []int64
	for _, r := range s.table.visible() {
		ids = append(ids, r.ID.Lease)
	}
	return ids
}

func (s *sessionsScreen) update(msg tea.Msg) tea.Cmd {
	cmd := s.handle(msg)
	r, ok := s.table.current()
	switch {
	case !ok || s.tableHeight() == s.size.h:
		s.peek = nil
	case s.peek == nil || s.peek.id != r.ID:
		s.peek = newSessionScreen(s.common, r.ID)
	}
	if s.peek != nil {
		s.peek.refresh()
	}
	return cmd
}

// peekHeight is the least that the screen has where it shows the session under
// the cursor as well, below all of them.
const peekHeight = 30

func (s *sessionsScreen) tableHeight() int {
	if s.size.h < peekHeight {
		return s.size.h
	}
	return max(min(len(s.table.rows)+2, s.size.h*3/4), s.size.h/2)
}

func (s *sessionsScreen) handle(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		s.size = size(msg)
		s.table.resize(inner(msg.w, s.tableHeight(), false))
	case refreshMsg:
		s.refresh()
	case wheelMsg, clickMsg:
		return s.table.mouse(msg, s.drill)
	case tea.KeyPressMsg:
		if key.Matches(msg, s.enter) {
			return s.drill()
		}
		if r, ok := s.table.current(); s.force.ends(msg) {
			if !ok {
				return s.say("no session is selected")
			}
			return s.force.session(r.Session)
		}
		if s.peek == nil || !s.peek.below.update(msg) {
			s.table.update(msg)
		}
	}
	return nil
}

func (s *sessionsScreen) drill() tea.Cmd {
	if r, ok := s.table.current(); ok {
		return s.open(newSessionScreen(s.common, r.ID))
	}
	return nil
}

// refresh takes the sessions of the latest diagnosis, which is not made anew
// for every change.
func (s *sessionsScreen) refresh() {
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

func (s *sessionsScreen) view(w, h int) string {
	title := "sessions " + strconv.Itoa(len(s.table.all))
	if s.table.filtered() != "" {
		title = "sessions " + strconv.Itoa(len(s.table.rows)) + " of " + strconv.Itoa(len(s.table.all)) + filterTitle(s.table)
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
