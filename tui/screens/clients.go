package screens

import (
	"strconv"
	"strings"

	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// clientsScreen is the user's own clients, each with its requests. It shows the
// present even in the past, so that own clients can be stopped there too.
type clientsScreen struct {
	*nav.Context
	table *widget.Table[clientRowID, clientRow]
	w, h  int
	keys  []widget.Group
}

func newClientsScreen(c *nav.Context) *clientsScreen {
	s := &clientsScreen{Context: c}
	s.table = widget.NewTable(c.Theme, []widget.Column[clientRow]{
		{Title: "client", Box: widget.Box{Min: 16, Want: 34, Flex: true, Uncut: true}, Cell: s.who, Text: func(r clientRow) string { return strings.TrimSpace(s.who(r, widget.WholeWidth).Text) }},
		{Title: "state", Box: widget.Box{Min: 20, Want: 34, Uncut: true}, Cell: s.state},
		{Title: "ttl", Box: widget.Box{Min: 12, Want: 22, Rank: 1}, Cell: s.ttl},
		{Title: "token", Box: widget.Box{Min: 9, Rank: 2}, Right: true, Cell: s.token},
		{Title: "lease", Box: widget.Box{Min: 10, Want: 16, Rank: 3}, Cell: s.leaseCell},
	}, clientRow.id)
	s.table.Match = func(r clientRow) string {
		return s.who(r, widget.WholeWidth).Text + " " + s.state(r, widget.WholeWidth).Text
	}
	s.table.Label = func(r clientRow) string {
		if r.request != nil {
			return r.request.Name
		}
		return r.client.Label
	}
	s.keys = []widget.Group{{Title: "clients", Bindings: s.own()}}
	if c.Can.Take {
		s.keys = append(s.keys, s.table.Bindings()...)
	}
	return s
}

// own are the keys of the screen. What starts something is off in the past; what
// stops something is not.
func (s *clientsScreen) own() []widget.Binding {
	can := func() widget.Off { return s.Needs(s.Can.Take) }
	selected := nav.Unless(func() bool { _, ok := s.table.Current(); return ok }, "no client is selected")
	begin, stop := nav.EitherOff(s.OffTake, selected), nav.EitherOff(can, selected)
	onRequest := nav.Unless(func() bool { r, ok := s.table.Current(); return ok && r.request != nil }, "no request is selected")
	return append([]widget.Binding{
		{
			Keys: "a", Short: "add", Long: "another client, by name and TTL",
			Doc:   "add a client, by name and TTL of its session",
			Where: widget.InFooter, Off: s.OffTake, Do: askClient,
		},
		{
			Keys: "r", Short: "read", Long: "request a read lock",
			Doc:   "request a read lock on any name (`tab` completes it), with a deadline or without",
			Where: widget.InFooter, Off: begin, Do: s.ask(keyspace.Read),
		},
		{
			Keys: "w", Short: "write", Long: "request a write lock",
			Doc:   "request a write lock likewise",
			Where: widget.InFooter, Off: begin, Do: s.ask(keyspace.Write),
		},
		{
			Keys: "u", Short: "unlock", Long: "release or cancel the request under the cursor, else the latest",
			Doc:   "release the request under the cursor, or cancel it if it waits; on the client itself, its latest; remove one that has ended from the list",
			Where: widget.InFooter, Off: stop, Do: s.unlock,
		},
	}, s.controls(begin, stop, nav.EitherOff(can, onRequest))...)
}

// controls are the keys that control a client's process and session.
func (s *clientsScreen) controls(begin, stop, onRequest func() widget.Off) []widget.Binding {
	return []widget.Binding{
		{
			Keys: "p", Short: "pause", Long: "stop like a suspended process, or resume",
			Doc:   "pause it: like a suspended process it renews nothing and receives nothing; again resumes it",
			Where: widget.InFooter, Off: stop, Do: s.control(nav.ClientPause),
		},
		{
			Keys: "X", Short: "crash", Long: "end without telling etcd; the lease expires by itself",
			Doc:   "crash it: nothing is revoked, its lease expires by itself",
			Where: widget.InFooter, Off: stop, Do: s.control(nav.ClientCrash),
		},
		{
			Keys: "c", Short: "close", Long: "revoke the session; again removes the client",
			Doc:   "close its session, which revokes the lease and releases everything; again removes the client from the list",
			Where: widget.InFooter, Off: stop, Do: s.control(nav.ClientClose),
		},
		{
			Keys: "o", Short: "open", Long: "a new session when the last has ended",
			Doc:   "open a new session when the last has ended",
			Where: widget.InFooter, Off: begin, Do: s.control(nav.ClientOpen),
		},
		{
			Keys: "enter", Short: "lock", Long: "the queue that the request is in",
			Doc:   "open the lock of the request",
			Where: widget.InFooter, Off: onRequest, Do: s.drill,
		},
	}
}

// control does something to the client under the cursor.
func (s *clientsScreen) control(to nav.ClientAction) func() nav.Action {
	return func() nav.Action {
		row, _ := s.table.Current()
		return nav.ControlClient{Client: row.client, To: to}
	}
}

// ask asks for the name of a lock for the client under the cursor.
func (s *clientsScreen) ask(mode keyspace.Mode) func() nav.Action {
	return func() nav.Action {
		row, _ := s.table.Current()
		value := nameStart(s.Context)
		if row.request != nil {
			value = row.request.Name
		}
		label := "client " + strconv.Itoa(row.client.Number) + ", " + mode.String() + " lock on: "
		return askLock(s.Context, label, value, row.client, mode)
	}
}

// unlock gives back the request under the cursor, or the latest of the client.
func (s *clientsScreen) unlock() nav.Action {
	row, _ := s.table.Current()
	if row.request != nil {
		return nav.UnlockRequest{Request: row.request}
	}
	if latest := s.LatestOf(row.client); latest != nil {
		return nav.UnlockRequest{Request: latest}
	}
	return nav.Note(row.client.String() + ": holds nothing and waits for nothing")
}

func (s *clientsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindClients} }

func (s *clientsScreen) Grid() widget.Grid { return s.table }

func (s *clientsScreen) Bindings() []widget.Group { return s.keys }

// Refresh does nothing: the rows are few, and taken in by Fit.
func (s *clientsScreen) Refresh() {}

func (s *clientsScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.Set(s.rows())
	s.table.Resize(theme.Inner(w, s.tableHeight(), false))
}

func (s *clientsScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *clientsScreen) drill() nav.Action {
	if row, ok := s.table.Current(); ok && row.request != nil {
		return nav.OpenLock(row.request.Lock())
	}
	return nil
}

func (s *clientsScreen) title() string {
	title := "clients " + strconv.Itoa(len(s.Clients))
	if s.InPast() {
		title += " (live)"
	}
	return title + ofClusters(s.Context) + filterTitle(s.table)
}

func (s *clientsScreen) tableHeight() int { return max(min(s.table.Len()+2, s.h*3/4), 4) }

func (s *clientsScreen) View(w, h int) string {
	if !s.Can.Take {
		return s.Theme.Panel("clients"+ofClusters(s.Context), s.Theme.Dim.Render("  read-only: no clients can be opened, and no locks taken"), w, h, true, false)
	}
	th := s.tableHeight()
	parts := []string{s.Theme.Panel(s.title(), s.table.View(true, orUnmatched(s.Context, s.table, "")), w, th, true, false)}
	rest := h - th
	if rest <= 0 {
		return parts[0]
	}
	l := s.timeline()
	lh := 0
	if rest >= 10 && len(l.all) > 0 {
		lh = min(len(l.all)+2, rest/2)
		iw, ih := theme.Inner(w, lh, false)
		parts = append(parts, s.Theme.Panel("timeline", l.view(s.Theme, iw, ih, s.Now, "now"), w, lh, false, false))
	}
	iw, ih := theme.Inner(w, rest-lh, false)
	tail := logTail(&s.Log, s.Theme, iw, ih, func(e *state.Entry) bool { return e.Kind == state.EntryOwn || e.Kind == state.EntryError })
	return strings.Join(append(parts, s.Theme.Panel("log", tail, w, rest-lh, false, false)), "\n")
}

// lanes are what the sessions of the clients have done, as the watch saw it.
func (s *clientsScreen) timeline() timeline {
	leases := map[int64]bool{}
	for _, c := range s.Clients {
		if lease := c.State().Lease; lease != 0 {
			leases[lease] = true
		}
	}
	return newTimeline(s.Journal.ForLeases(leases), s.Journal.Began, s.Now)
}
