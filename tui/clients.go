package tui

import (
	"strconv"
	"strings"

	"etcd-lock/internal/keyspace"
)

// clientsScreen is the user's own clients, each with its requests. It shows the
// present even in the past, so that own clients can be stopped there too.
type clientsScreen struct {
	*Context
	table *table[clientRowID, clientRow]
	w, h  int
	keys  []Group
}

func newClientsScreen(c *Context) *clientsScreen {
	s := &clientsScreen{Context: c}
	s.table = newTable(c.theme, []column[clientRow]{
		{title: "client", box: box{min: 16, want: 34, flex: true}, cell: s.who, text: func(r clientRow) string { return strings.TrimSpace(s.who(r, wholeWidth).text) }},
		{title: "state", box: box{min: 20, want: 34}, cell: s.state},
		{title: "ttl", box: box{min: 12, want: 22}, cell: s.ttl},
		{title: "token", box: box{min: 9, rank: 1}, right: true, cell: s.token},
		{title: "lease", box: box{min: 10, want: 16, rank: 2}, cell: s.leaseCell},
	}, clientRow.id)
	s.table.match = func(r clientRow) string { return s.who(r, wholeWidth).text + " " + s.state(r, wholeWidth).text }
	s.table.label = func(r clientRow) string {
		if r.request != nil {
			return r.request.name
		}
		return r.client.label
	}
	s.keys = []Group{{"clients", s.own()}}
	if c.Can.Take {
		s.keys = append(s.keys, s.table.bindings()...)
	}
	return s
}

// own are the keys of the screen. What starts something is off in the past; what
// stops something is not.
func (s *clientsScreen) own() []Binding {
	can := func() Off { return s.needs(s.Can.Take) }
	selected := unless(func() bool { _, ok := s.table.current(); return ok }, "no client is selected")
	begin, stop := eitherOff(s.offTake, selected), eitherOff(can, selected)
	onRequest := unless(func() bool { r, ok := s.table.current(); return ok && r.request != nil }, "no request is selected")
	return []Binding{
		bind("a", "add", askClient, "a").describe("open one more client, by name and TTL").in(InFooter).offIf(s.offTake),
		bind("r", "read", s.ask(keyspace.Read), "r").describe("ask for a read lock").in(InFooter).offIf(begin),
		bind("w", "write", s.ask(keyspace.Write), "w").describe("ask for a write lock").in(InFooter).offIf(begin),
		bind("u", "unlock", s.giveBack, "u").describe("release or cancel the request under the cursor, else the latest").in(InFooter).offIf(stop),
		bind("p", "pause", s.control(ClientPause), "p").describe("stand still as a stopped process, or go on").in(InFooter).offIf(stop),
		bind("X", "crash", s.control(ClientCrash), "X").describe("end without a word to etcd, the lease runs out").in(InFooter).offIf(stop),
		bind("c", "close", s.control(ClientClose), "c").describe("revoke the session; once more takes it off the list").in(InFooter).offIf(stop),
		bind("o", "open", s.control(ClientOpen), "o").describe("a new session when the last has ended").in(InFooter).offIf(begin),
		bind("enter", "lock", s.drill, "enter").describe("the queue that the request stands in").in(InFooter).offIf(eitherOff(can, onRequest)),
	}
}

// control does something to the client under the cursor.
func (s *clientsScreen) control(to ClientDeed) func() Action {
	return func() Action {
		row, _ := s.table.current()
		return ControlClient{row.client, to}
	}
}

// ask asks for the name of a lock for the client under the cursor.
func (s *clientsScreen) ask(mode keyspace.Mode) func() Action {
	return func() Action {
		row, _ := s.table.current()
		value := s.Prefix
		if row.request != nil {
			value = row.request.name
		}
		label := "client " + strconv.Itoa(row.client.number) + ", " + mode.String() + " lock on: "
		return askLock(s.Context, label, value, row.client, mode)
	}
}

// giveBack gives back the request under the cursor, or the latest of the client.
func (s *clientsScreen) giveBack() Action {
	row, _ := s.table.current()
	if row.request != nil {
		return GiveBackRequest{row.request}
	}
	if latest := s.latestOf(row.client); latest != nil {
		return GiveBackRequest{latest}
	}
	return note(row.client.String() + ": holds nothing and waits for nothing")
}

func (s *clientsScreen) Ref() Ref { return Ref{Kind: KindClients} }

func (s *clientsScreen) Grid() grid { return s.table }

func (s *clientsScreen) Bindings() []Group { return s.keys }

// Refresh does nothing: the rows are few, and taken in by Fit.
func (s *clientsScreen) Refresh() {}

func (s *clientsScreen) Fit(w, h int) {
	s.w, s.h = w, h
	s.table.set(s.rows())
	s.table.resize(inner(w, s.tableHeight(), false))
}

func (s *clientsScreen) Mouse(m mouse) Action {
	if s.table.mouse(m.below(1)) {
		return s.drill()
	}
	return nil
}

func (s *clientsScreen) drill() Action {
	if row, ok := s.table.current(); ok && row.request != nil {
		return openLock(row.request.lock())
	}
	return nil
}

func (s *clientsScreen) title() string {
	title := "clients " + strconv.Itoa(len(s.clients))
	if s.inPast() {
		title += " of the present"
	}
	return title + filterTitle(s.table)
}

func (s *clientsScreen) tableHeight() int { return max(min(s.table.len()+2, s.h*3/4), 4) }

func (s *clientsScreen) View(w, h int) string {
	if !s.Can.Take {
		return s.theme.panel("clients", s.theme.dim.Render("  read-only: no client is opened and no lock taken from here"), w, h, true, false)
	}
	th := s.tableHeight()
	parts := []string{s.theme.panel(s.title(), s.table.view(true, "no client matches; esc shows all"), w, th, true, false)}
	rest := h - th
	if rest <= 0 {
		return parts[0]
	}
	lanes := s.lanes()
	lh := 0
	if rest >= 10 && len(lanes.all) > 0 {
		lh = min(len(lanes.all)+2, rest/2)
		iw, ih := inner(w, lh, false)
		parts = append(parts, s.theme.panel("what they did", lanes.view(s.theme, iw, ih, s.now), w, lh, false, false))
	}
	iw, ih := inner(w, rest-lh, false)
	tail := logTail(&s.log, s.theme, iw, ih, func(e *entry) bool { return e.kind == entryOwn || e.kind == entryError })
	return strings.Join(append(parts, s.theme.panel("what came of it", tail, w, rest-lh, false, false)), "\n")
}

// lanes are what the sessions of the clients have done, as the watch saw it.
func (s *clientsScreen) lanes() lanes {
	leases := map[int64]bool{}
	for _, c := range s.clients {
		if lease := c.State().Lease; lease != 0 {
			leases[lease] = true
		}
	}
	return newLanes(s.journal.forLeases(leases), s.journal.began, s.now)
}
