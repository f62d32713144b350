package tui

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// clientsScreen is the clients of the user, each with its requests.
type clientsScreen struct {
	*common
	table *table[clientRowID, clientRow]
	w, h  int
	keyed clientKeys
}

// clientRow is a client, or one of its requests.
type clientRow struct {
	client  *ourClient
	state   ClientState
	request *ourRequest // nil: the client itself
	last    bool        // of its requests
}

type clientRowID struct {
	client  int
	request uint64
}

func (r clientRow) id() clientRowID {
	if r.request == nil {
		return clientRowID{r.client.number, 0}
	}
	return clientRowID{r.client.number, r.request.id}
}

type clientKeys struct {
	add, open, read, write, leave, pause, stop, crash, lock key.Binding
}

func newClientKeys(can bool) clientKeys {
	k := clientKeys{
		add:   bind("a", "add: open one more client, by name and TTL", "a"),
		read:  bind("r", "read: ask for a read lock", "r"),
		write: bind("w", "write: ask for a write lock", "w"),
		leave: bind("u", "unlock: release or cancel the request under the cursor, else the latest", "u"),
		pause: bind("p", "pause: stand still as a stopped process, or go on", "p"),
		crash: bind("X", "crash: end without a word to etcd, the lease runs out", "X"),
		stop:  bind("c", "close: revoke the session; once more takes it off the list", "c"),
		open:  bind("o", "open: a new session when the last has ended", "o"),
		lock:  bind("enter", "lock: the queue that the request stands in", "enter"),
	}
	for _, b := range k.bindings() {
		b.SetEnabled(can)
	}
	return k
}

func (k *clientKeys) bindings() []*key.Binding {
	return []*key.Binding{&k.add, &k.read, &k.write, &k.leave, &k.pause, &k.crash, &k.stop, &k.open, &k.lock}
}

// working are the keys that work now. The screen shows the present even while the
// others show the past, so what is one's own can be stopped there too; nothing is
// begun while one looks at what was.
func (s *clientsScreen) working() clientKeys {
	k := s.keyed
	for _, b := range []*key.Binding{&k.add, &k.open, &k.read, &k.write} {
		*b = inPresent(s.common, *b)[0]
	}
	return k
}

func newClientsScreen(c *common) *clientsScreen {
	s := &clientsScreen{common: c, keyed: newClientKeys(c.canTake())}
	s.table = newTable(c, []column[clientRow]{
		{title: "client", box: box{min: 16, want: 34, flex: true}, cell: s.who, text: func(r clientRow) string { return strings.TrimSpace(s.who(r, wholeWidth).text) }},
		{title: "state", box: box{min: 20, want: 34}, cell: s.standing},
		{title: "ttl", box: box{min: 12, want: 22}, cell: s.ttl},
		{title: "token", box: box{min: 9, rank: 1}, right: true, cell: s.token},
		{title: "lease", box: box{min: 10, want: 16, rank: 2}, cell: s.lease},
	}, clientRow.id)
	s.table.match = func(r clientRow) string { return s.who(r, wholeWidth).text + " " + s.standing(r, wholeWidth).text }
	s.table.label = func(r clientRow) string {
		if r.request != nil {
			return r.request.name
		}
		return r.client.label
	}
	return s
}

func (s *clientsScreen) name() string { return "clients" }

func (s *clientsScreen) grid() grid { return s.table }

func (s *clientsScreen) keys() []keyGroup {
	if !s.canTake() {
		return nil
	}
	var keys []key.Binding
	working := s.working()
	for _, b := range working.bindings() {
		keys = append(keys, *b)
	}
	return append([]keyGroup{{"clients", keys}}, s.table.helpKeys()...)
}

func (s *clientsScreen) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		s.w, s.h = msg.w, msg.h
		s.table.set(s.rows()) // of which there are few, and none is etcd's to tell
		s.table.resize(inner(msg.w, s.tableHeight(), false))
	case wheelMsg, clickMsg:
		return s.table.mouse(msg, s.drill)
	case tea.KeyPressMsg:
		return s.key(msg)
	}
	return nil
}

// rows are the clients, each with its requests under it.
func (s *clientsScreen) rows() []clientRow {
	rows := make([]clientRow, 0, len(s.clients)+len(s.ours))
	for _, c := range s.clients {
		state := c.State()
		rows = append(rows, clientRow{client: c, state: state})
		for _, r := range c.ended {
			rows = append(rows, clientRow{client: c, state: state, request: r})
		}
		for _, r := range s.ours {
			if r.client == c {
				rows = append(rows, clientRow{client: c, state: state, request: r})
			}
		}
		rows[len(rows)-1].last = true
	}
	return rows
}

func (s *clientsScreen) key(msg tea.KeyPressMsg) tea.Cmd {
	k := s.working()
	if key.Matches(msg, k.add) {
		return s.askClient()
	}
	row, ok := s.table.current()
	turns := []struct {
		key  key.Binding
		turn turn
	}{{k.open, turnOpen}, {k.pause, turnPause}, {k.crash, turnCrash}, {k.stop, turnClose}}
	for _, t := range turns {
		if ok && key.Matches(msg, t.key) {
			return s.request(turnMsg{row.client, t.turn})
		}
	}
	switch {
	case ok && key.Matches(msg, k.read):
		return s.askLock(row, keyspace.Read)
	case ok && key.Matches(msg, k.write):
		return s.askLock(row, keyspace.Write)
	case ok && key.Matches(msg, k.leave):
		return s.leave(row)
	case key.Matches(msg, k.lock):
		return s.drill()
	default:
		s.table.update(msg)
	}
	return nil
}

// askClient asks for the name and the TTL of a new client.
func (s *clientsScreen) askClient() tea.Cmd {
	return s.request(promptMsg{prompt{label: "client's name: ", accept: func(label string) (tea.Cmd, error) {
		if label == "" {
			return nil, errNoName
		}
		return s.askTTL(label), nil
	}}})
}

func (s *clientsScreen) askTTL(label string) tea.Cmd {
	return s.request(promptMsg{prompt{label: "TTL of its session: ", value: firstTTL.String(), accept: func(text string) (tea.Cmd, error) {
		ttl, err := time.ParseDuration(text)
		if err != nil || ttl < time.Second || ttl > maxTTL {
			return nil, errors.New("a duration from 1s to 24h, such as 30s")
		}
		return s.request(openClientMsg{label, ttl}), nil
	}}})
}

// maxTTL is more than anybody wants to wait for.
const maxTTL = 24 * time.Hour

// askLock asks for the name of a lock, then how long to wait for it.
func (s *clientsScreen) askLock(row clientRow, mode keyspace.Mode) tea.Cmd {
	value := s.opts.Prefix
	if row.request != nil {
		value = row.request.name
	}
	what := "client " + strconv.Itoa(row.client.number) + ", " + mode.String() + " lock on: "
	return s.request(promptMsg{prompt{label: what, value: value, complete: s.lockNames, accept: func(name string) (tea.Cmd, error) {
		if name == "" {
			return nil, errNoName
		}
		return s.askDeadline(takeMsg{lock: inspect.LockID{Layout: keyspace.RWLock, Name: name}, mode: mode, client: row.client}), nil
	}}})
}

func (s *clientsScreen) askDeadline(msg takeMsg) tea.Cmd {
	return s.request(promptMsg{prompt{label: "deadline (such as 30s; empty: none): ", accept: func(text string) (tea.Cmd, error) {
		var err error
		if msg.within, err = deadline(text); err != nil {
			return nil, err
		}
		return s.request(msg), nil
	}}})
}

func deadline(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, errors.New("a duration such as 30s, or nothing")
	}
	return d, nil
}

// lockNames completes the name of a lock by those that there are.
func (s *clientsScreen) lockNames(text string) tea.Cmd {
	var names []string
	for _, l := range s.shown().snapshot.Locks {
		if strings.HasPrefix(l.ID.Name, text) {
			names = append(names, l.ID.Name)
		}
	}
	return s.request(completedMsg{text, slices.Compact(names)})
}

// leave gives back the request under the cursor, or the latest of the client's.
// One that has ended is taken off the list.
func (s *clientsScreen) leave(row clientRow) tea.Cmd {
	c, r := row.client, row.request
	if r == nil {
		for _, o := range slices.Backward(s.ours) {
			if o.client == c && o.state != ourLeaving {
				return s.request(leaveMsg{o})
			}
		}
		return s.say(c.String() + ": holds nothing and waits for nothing")
	}
	if r.over != "" {
		c.ended = slices.DeleteFunc(c.ended, func(o *ourRequest) bool { return o == r })
		s.table.set(s.rows())
		return nil
	}
	return s.request(leaveMsg{r})
}

func (s *clientsScreen) drill() tea.Cmd {
	if row, ok := s.table.current(); ok && row.request != nil {
		return s.open(newLockScreen(s.common, row.request.lock()))
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

func (s *clientsScreen) tableHeight() int { return max(min(len(s.table.rows)+2, s.h*3/4), 4) }

func (s *clientsScreen) view(w, h int) string {
	if !s.canTake() {
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
	tail := s.log.tail(s.theme, iw, ih, func(e *entry) bool { return e.kind == entryOurs || e.kind == entryError })
	return strings.Join(append(parts, s.theme.panel("what came of it", tail, w, rest-lh, false, false)), "\n")
}

// lanes are what the sessions of the clients have done, as the watch saw it.
func (s *clientsScreen) lanes() lanes {
	leases := map[int64]bool{}
	for _, r := range s.table.all {
		if r.state.Lease != 0 {
			leases[r.state.Lease] = true
		}
	}
	return newLanes(s.journal.by(leases), s.journal.began, s.now)
}
