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
	"etcd-lock/tui/describe"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// sessionsScreen is all sessions that hold or wait for something.
type sessionsScreen struct {
	*nav.Context
	table   *widget.Table[in[inspect.SessionID], *sessionRow]
	parts   map[*nav.Context]sessionPart
	size    size
	details *sessionScreen // the one under the cursor, where there is room; nil: none
	of      *state.Data    // the cluster of the details
	keys    []widget.Group
}

func newSessionsScreen(c *nav.Context) *sessionsScreen {
	s := &sessionsScreen{Context: c}
	s.table = widget.NewTable(c.Theme, s.tableColumns(), func(r *sessionRow) in[inspect.SessionID] { return in[inspect.SessionID]{r.ID, r.of.Etcd.Name} })
	s.table.Match = func(r *sessionRow) string { return r.who + " " + term.Safe(r.ID.String()) + " " + r.locks }
	s.table.Label = func(r *sessionRow) string { return r.ID.String() }
	s.table.Moved = func() { s.MoveTo(s.At()) }
	selected := nav.Unless(s.there, "no session is selected")
	s.keys = append([]widget.Group{{Title: "sessions", Bindings: []widget.Binding{
		{
			Keys: "enter", Short: "open", Long: "its locks, and what revoking it would release",
			Doc:   "open the session: its locks, and what revoking it would release",
			Where: widget.InFooter, Off: selected, Do: s.drill,
		},
	}}}, s.table.Bindings()...)
	s.keys = append(s.keys, endBinding(c, "revoke", "the session, releasing all of its locks", "revoke the session: its lease, with all of its keys", s.end, nav.EitherOff(selected, s.table.OnlyCursor)))
	return s
}

func (s *sessionsScreen) tableColumns() []widget.Column[*sessionRow] {
	return append(contextColumn(s.Context, func(r *sessionRow) *nav.Context { return r.of }), []widget.Column[*sessionRow]{
		{Title: "session", Box: widget.Box{Min: 8, Want: 16, Rank: 2}, Key: "S", Ascending: true,
			Compare: func(a, b *sessionRow) int { return strings.Compare(a.ID.String(), b.ID.String()) }, Cell: s.id},
		{Title: "client", Box: widget.Box{Min: 11, Want: 34, Soon: true, Uncut: true}, Key: "N", Ascending: true,
			Compare: func(a, b *sessionRow) int { return strings.Compare(a.who, b.who) }, Cell: s.client,
			Brief: func(r *sessionRow) string { owner, _ := r.Owner(); return briefOwner(owner) }},
		{Title: "ttl", Box: widget.Box{Min: 6, Want: 16}, Key: "T", Ascending: true, Compare: s.byLeft,
			Number: func(r *sessionRow) (float64, bool) { return s.left(r).Seconds(), s.left(r) >= 0 },
			Last:   func(r *sessionRow) bool { return s.left(r) < 0 }, Cell: func(r *sessionRow, w int) theme.Text { return ttlBar(r.of, anyOf(r.Session), w) }},
		{Title: "of", Box: widget.Box{Min: 5, Rank: 5}, Right: true, Cell: s.granted},
		{Title: "renewals", Box: widget.Box{Min: 13, Want: 20, Rank: 1}, Key: "L", Compare: s.byLate,
			Cell: func(r *sessionRow, w int) theme.Text { return renewalsCell(r.of, anyOf(r.Session), w) }},
		{Title: "holds", Box: widget.Box{Min: 6, Rank: 3}, Right: true, Key: "H", Compare: func(a, b *sessionRow) int { return cmp.Compare(b.holds, a.holds) },
			Number: func(r *sessionRow) (float64, bool) { return float64(r.holds), true },
			Cell:   func(r *sessionRow, _ int) theme.Text { return theme.Styled(strconv.Itoa(r.holds), s.Theme.Plain) }},
		{Title: "waits", Box: widget.Box{Min: 6, Rank: 3}, Right: true, Key: "W", Compare: func(a, b *sessionRow) int { return cmp.Compare(b.waits, a.waits) },
			Number: func(r *sessionRow) (float64, bool) { return float64(r.waits), true },
			Cell:   func(r *sessionRow, _ int) theme.Text { return theme.Styled(strconv.Itoa(r.waits), s.Theme.Plain) }},
		{Title: "for", Long: "oldest", Box: widget.Box{Min: 7, Rank: 4}, Right: true, Key: "A",
			Compare: func(a, b *sessionRow) int { return a.since.Compare(b.since) }, Last: func(r *sessionRow) bool { return !r.since.Known() },
			Cell: func(r *sessionRow, _ int) theme.Text { return age(r.of, r.since) }},
		{Title: "locks", Box: widget.Box{Min: 14, Rank: 6, Flex: true, Uncut: true}, Cell: func(r *sessionRow, _ int) theme.Text { return theme.Styled(r.locks, s.Theme.Dim) }},
	}...)
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

func (s *sessionsScreen) client(r *sessionRow, w int) theme.Text {
	owner, _ := r.Owner()
	return theme.Styled(ownerIn(owner, r.who, w), s.Theme.Plain)
}

func (s *sessionsScreen) id(r *sessionRow, w int) theme.Text {
	switch {
	case r.ID.Lease == 0 && r.Requests[0].Lock.Layout.Leaseless():
		return theme.Styled("no lease", s.Theme.Dim)
	case r.ID.Lease == 0:
		return theme.Styled("no lease", s.Theme.Warning)
	}
	return theme.Styled(term.Lease(r.ID.Lease, w), s.Theme.Plain)
}

// anyOf is a request of a session without its key, for what is about the lease.
func anyOf(s *inspect.Session) inspect.Request {
	r := *s.Requests[0]
	r.Key = ""
	return r
}

func (s *sessionsScreen) left(r *sessionRow) time.Duration {
	if left, known := r.of.LeaseLeft(r.ID.Lease); known {
		return max(left, 0)
	}
	return -1
}

func (s *sessionsScreen) granted(r *sessionRow, _ int) theme.Text {
	if f := r.of.Lease(r.ID.Lease); f.Granted > 0 {
		return theme.Styled(format.Age(f.Granted), s.Theme.Dim)
	}
	return theme.Styled("-", s.Theme.Dim)
}

// late reports whether the session has missed renewals.
func (s *sessionsScreen) late(r *sessionRow) bool {
	return r.of.Lease(r.ID.Lease).MissedRenewals()
}

func (s *sessionsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindSessions} }

func (s *sessionsScreen) Grid() widget.Grid { return s.table }

// Bindings are also those of the session that is shown below the table.
func (s *sessionsScreen) Bindings() []widget.Group {
	if s.details == nil {
		return s.keys
	}
	own := widget.Group{Title: s.keys[0].Title, Bindings: append(slices.Clone(s.keys[0].Bindings), s.details.pager.Bindings()...)}
	return append([]widget.Group{own}, s.keys[1:]...)
}

// Leases implements nav.Leaser.
func (s *sessionsScreen) Leases(of *nav.Context) []int64 {
	var ids []int64
	for _, r := range s.table.Visible() {
		if r.of.Data == of.Data {
			ids = append(ids, r.ID.Lease)
		}
	}
	return ids
}

// At implements nav.Roamer.
func (s *sessionsScreen) At() *nav.Context {
	if r, ok := s.table.Current(); ok {
		return r.of
	}
	return nil
}

func (s *sessionsScreen) Fit(w, h int) {
	s.size = size{w, h}
	s.MoveTo(s.At())
	s.table.Resize(theme.Inner(w, s.tableHeight(), false))
	s.updateDetails()
}

// updateDetails updates the session shown below the table to the one under the cursor.
func (s *sessionsScreen) updateDetails() {
	r, ok := s.table.Current()
	switch {
	case !ok || s.tableHeight() == s.size.h:
		s.details = nil
	case s.details == nil || s.details.id != r.ID || s.of != s.Data:
		s.details, s.of = newSessionScreen(s.Context, r.ID), s.Data
	}
	s.table.Beside = nil
	if s.details != nil {
		s.details.Refresh()
		s.table.Beside = &s.details.pager
	}
}

// detailsHeight is the least that the screen has where it shows the session under
// the cursor as well, below all of them.
const detailsHeight = 30

func (s *sessionsScreen) tableHeight() int {
	if s.size.h < detailsHeight {
		return s.size.h
	}
	return max(min(s.table.Len()+2, s.size.h*3/4), s.size.h/2)
}

func (s *sessionsScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *sessionsScreen) there() bool { _, ok := s.table.Current(); return ok }

func (s *sessionsScreen) drill() nav.Action {
	if r, ok := s.table.Current(); ok {
		return nav.OpenSession(r.ID)
	}
	return nil
}

// end releases a session by force. One without a lease is a single request.
func (s *sessionsScreen) end() nav.Action {
	r, _ := s.table.Current()
	if r.ID.Lease == 0 {
		return nav.PlanRelease{Target: diagnose.Target{Key: r.Requests[0].Key}}
	}
	return nav.PlanRelease{Target: diagnose.Target{Lease: r.ID.Lease}}
}

// Refresh takes the sessions of the latest diagnosis, which is not made again for
// every change.
func (s *sessionsScreen) Refresh() {
	var rows []*sessionRow
	parts, changed := map[*nav.Context]sessionPart{}, false
	for _, c := range s.Clusters() {
		p, ok := s.parts[c]
		if v := &c.Shown().Verdict; v.Known && (!ok || v.Edition() != p.of) {
			p, changed = newSessionPart(c, v), true
		}
		parts[c] = p
		rows = append(rows, p.rows...)
	}
	changed = changed || len(parts) != len(s.parts)
	s.parts = parts
	if changed {
		s.table.Set(rows)
	} else {
		s.table.Rebuild()
	}
	s.MoveTo(s.At())
}

// sessionPart is the sessions of a cluster.
type sessionPart struct {
	of   state.Edition // of the verdict that is shown
	rows []*sessionRow
}

func newSessionPart(c *nav.Context, v *state.Verdict) sessionPart {
	p := sessionPart{of: v.Edition()}
	for i := range v.Sessions {
		p.rows = append(p.rows, newSessionRow(c, &v.Sessions[i]))
	}
	return p
}

func (s *sessionsScreen) View(w, h int) string {
	title := "sessions " + strconv.Itoa(s.table.Total())
	if s.table.Filtered() != "" {
		title = "sessions " + strconv.Itoa(s.table.Len()) + " of " + strconv.Itoa(s.table.Total())
	}
	title += ofClusters(s.Context) + filterTitle(s.table)
	empty := orUnmatched(s.Context, s.table, s.EmptyText(judged(s.Context), "no lock is held or waited for"))
	if s.details == nil {
		return s.Theme.Panel(title, s.table.View(true, empty), w, h, true, false)
	}
	th := s.tableHeight()
	focused := !s.details.pager.Focused()
	return s.Theme.Panel(title, s.table.View(focused, empty), w, th, focused, false) + "\n" + s.details.effects(w, h-th)
}

// sessionRow is a session with what the table says of it.
type sessionRow struct {
	*inspect.Session
	of           *nav.Context // the cluster
	who          string
	holds, waits int
	locks        string
	since        inspect.Start // of what has lasted longest
}

func newSessionRow(of *nav.Context, s *inspect.Session) *sessionRow {
	r := &sessionRow{Session: s, of: of, who: term.Safe(s.Who()), since: s.Longest()}
	var names []string
	for _, q := range s.Requests {
		switch {
		case !q.IsRequest(), q.Vacant(), q.Encrypted:
		case q.Holding:
			r.holds++
		default:
			r.waits++
		}
		if len(names) < sessionNames {
			names = append(names, requestLabel(*q))
		}
	}
	r.locks = strings.Join(names, "  ")
	if rest := len(s.Requests) - len(names); rest > 0 {
		r.locks += "  and " + strconv.Itoa(rest) + " more"
	}
	return r
}

// requestLabel is a request in a list of them.
func requestLabel(r inspect.Request) string {
	switch {
	case !r.IsRequest():
		return format.SignCritical + " " + term.Safe(r.Key)
	case r.Encrypted:
		return "? " + term.Name(r.Lock.Name)
	case r.Vacant():
		return format.SignNotice + " " + term.Name(r.Lock.Name)
	case r.Holding:
		return format.SignHolding + " " + term.Name(r.Lock.Name)
	default:
		return format.SignWaiting + " " + term.Name(r.Lock.Name)
	}
}

// sessionNames is how many locks the table names.
const sessionNames = 8

// Describe implements nav.Describer.
func (s *sessionsScreen) Describe() []string {
	r, ok := s.table.Current()
	if !ok {
		return nil
	}
	return describe.Session(s.Context, r.ID)
}

// Notifiable implements nav.Notifiable.
func (s *sessionsScreen) Notifiable() []state.Notification {
	r, ok := s.table.Current()
	if !ok {
		return nil
	}
	return state.AboutSession(r.Session)
}

// Row is the first request of the session under the cursor.
func (s *sessionsScreen) Row() (inspect.Request, bool) {
	r, ok := s.table.Current()
	if !ok || len(r.Requests) == 0 {
		return inspect.Request{}, false
	}
	return *r.Requests[0], true
}
