package screens

import (
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// commandsScreen is what the UI did for its user, as commands to copy, the latest first.
type commandsScreen struct {
	*nav.Context
	table *widget.Table[uint64, *state.Command]
	pager widget.Pager
	seen  *state.Command // the latest that is shown
	h     int
	keys  []widget.Group
}

func newCommandsScreen(c *nav.Context) *commandsScreen {
	s := &commandsScreen{Context: c}
	s.table = widget.NewTable(c.Theme, []widget.Column[*state.Command]{
		{Title: "time", Box: widget.Box{Min: 8, Rank: 1}, Cell: func(r *state.Command, _ int) theme.Text {
			return theme.Styled(r.At.Format(time.TimeOnly), s.Theme.Dim)
		}, Text: func(r *state.Command) string { return r.At.Format(time.RFC3339) }},
		{Title: "outcome", Box: widget.Box{Min: 8}, Cell: func(r *state.Command, _ int) theme.Text {
			if r.Failed != "" {
				return theme.Styled("✗ "+r.Outcome(), s.Theme.Lost)
			}
			return theme.Styled("✓ "+r.Outcome(), s.Theme.Holding)
		}},
		{Title: "what", Box: widget.Box{Min: 24, Want: 60, Soon: true, Uncut: true}, Cell: func(r *state.Command, _ int) theme.Text { return theme.Styled(r.What, s.Theme.Plain) }},
		{Title: "command", Box: widget.Box{Min: 20, Rank: 2, Flex: true, Uncut: true}, Cell: func(r *state.Command, _ int) theme.Text { return theme.Styled(r.EtcdLock, s.Theme.Dim) }},
	}, func(r *state.Command) uint64 { return r.ID })
	s.table.Match = func(r *state.Command) string { return r.What + " " + r.EtcdLock + " " + r.Etcdctl }
	s.table.Label = func(r *state.Command) string { return r.EtcdLock }
	s.table.Moved = s.pager.Reset
	s.pager.More = c.KeyOn(nav.KindCommands, widget.MoreKey)
	s.table.Beside = &s.pager
	s.keys = append([]widget.Group{{Title: "commands", Bindings: append([]widget.Binding{
		{
			Keys: "enter", Short: "copy", Long: "the command of etcd-lock",
			Doc:   "copy the command of `etcd-lock`, as `y` does",
			Where: widget.InFooter, Off: nav.Unless(s.has(func(r *state.Command) bool { return r.EtcdLock != "" }), "nothing is selected"),
			Do: s.copy("the command of etcd-lock", func(r *state.Command) string { return r.EtcdLock }),
		},
		{
			Keys: "c", Short: "etcdctl", Long: "copy the command of etcdctl",
			Doc:   "copy the command of `etcdctl`, which checks nothing before",
			Where: widget.InFooter, Off: nav.Unless(s.has(func(r *state.Command) bool { return r.Etcdctl != "" }), "etcdctl cannot do this"),
			Do: s.copy("the command of etcdctl", func(r *state.Command) string { return r.Etcdctl }),
		},
	}, s.pager.Bindings()...)}}, s.table.Bindings()...)
	return s
}

// has returns whether the row under the cursor is one of these.
func (s *commandsScreen) has(is func(*state.Command) bool) func() bool {
	return func() bool { r, ok := s.table.Current(); return ok && is(r) }
}

func (s *commandsScreen) copy(what string, of func(*state.Command) string) func() nav.Action {
	return func() nav.Action {
		r, _ := s.table.Current()
		return nav.Copy{Texts: []string{of(r)}, What: what}
	}
}

func (s *commandsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindCommands} }

func (s *commandsScreen) Grid() widget.Grid { return s.table }

func (s *commandsScreen) Bindings() []widget.Group { return s.keys }

// Refresh does nothing: Fit takes in what is new.
func (s *commandsScreen) Refresh() {}

func (s *commandsScreen) Fit(w, h int) {
	s.h = h
	all := s.Commands.Entries
	if n := len(all); n > 0 && all[n-1] != s.seen {
		s.seen = all[n-1]
		rows := make([]*state.Command, n)
		for i, r := range all {
			rows[n-1-i] = r
		}
		s.table.Set(rows)
	}
	s.table.Resize(theme.Inner(w, s.tableHeight(), false))
}

func (s *commandsScreen) tableHeight() int { return max(min(s.table.Len()+2, s.h*3/5), 4) }

func (s *commandsScreen) Mouse(m widget.Mouse) nav.Action {
	s.table.Mouse(m.Below(1))
	return nil
}

func (s *commandsScreen) View(w, h int) string {
	th := min(s.tableHeight(), h)
	title := "commands " + strconv.Itoa(s.table.Len()) + ofClusters(s.Context) + filterTitle(s.table)
	view := s.Theme.Panel(title, s.table.View(!s.pager.Focused(), orUnmatched(s.Context, s.table, "nothing was done for you yet")), w, th, !s.pager.Focused(), false)
	if h <= th {
		return view
	}
	iw, ih := theme.Inner(w, h-th, false)
	return view + "\n" + s.Theme.Panel("to do it again", s.pager.View(s.Theme, s.about(iw), ih), w, h-th, s.pager.Focused(), false)
}

// about are the commands of the row under the cursor, in full.
func (s *commandsScreen) about(w int) []string {
	r, ok := s.table.Current()
	if !ok {
		return nil
	}
	lines := term.Wrap(r.What, w, s.Theme.Bold.Render)
	if r.Failed != "" {
		lines = append(lines, term.Wrap("✗ "+r.Failed, w, s.Theme.Lost.Render)...)
	}
	for _, c := range []string{r.EtcdLock, r.Etcdctl} {
		if c != "" {
			lines = append(append(lines, ""), term.Wrap(c, w, s.Theme.Key.Render)...)
		}
	}
	if r.Etcdctl != "" {
		lines = append(lines, s.Theme.Dim.Render(term.Cut("etcdctl checks nothing before.", w)))
	}
	return lines
}

// notificationsScreen is what the user is notified of, or was, the latest first.
type notificationsScreen struct {
	*nav.Context
	table *widget.Table[uint64, *state.Notification]
	of    int // edition that is shown
	keys  []widget.Group
}

func newNotificationsScreen(c *nav.Context) *notificationsScreen {
	s := &notificationsScreen{Context: c, of: -1}
	clock := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format(time.TimeOnly)
	}
	dim := func(text string) theme.Text { return theme.Styled(text, s.Theme.Dim) }
	s.table = widget.NewTable(c.Theme, []widget.Column[*state.Notification]{
		{Title: "state", Box: widget.Box{Min: 9}, Cell: func(n *state.Notification, _ int) theme.Text {
			if n.Open() {
				return theme.Styled("○ waits", s.Theme.Waiting)
			}
			return theme.Styled("✓ told", s.Theme.Holding)
		}},
		{Title: "asked", Box: widget.Box{Min: 8, Rank: 2}, Cell: func(n *state.Notification, _ int) theme.Text { return dim(clock(n.Asked)) }},
		{Title: "told", Box: widget.Box{Min: 8, Rank: 1}, Cell: func(n *state.Notification, _ int) theme.Text { return dim(clock(n.Told)) }},
		{Title: "what", Box: widget.Box{Min: 20, Flex: true}, Cell: func(n *state.Notification, _ int) theme.Text {
			if n.Open() {
				return theme.Styled("when "+n.String(), s.Theme.Plain)
			}
			return theme.Styled(n.Text, s.Theme.Plain)
		}},
	}, func(n *state.Notification) uint64 { return n.ID })
	s.table.Match = func(n *state.Notification) string { return n.String() + " " + n.Text }
	s.table.Label = func(n *state.Notification) string { return n.String() }
	hasLock := func() bool { n, ok := s.table.Current(); return ok && n.Lock != (inspect.LockID{}) }
	selected := func() bool { _, ok := s.table.Current(); return ok }
	s.keys = append([]widget.Group{{Title: "notifications", Bindings: []widget.Binding{
		{
			Keys: "enter", Short: "open", Long: "go to the lock",
			Doc:   "open the lock",
			Where: widget.InFooter, Off: nav.Unless(hasLock, "this is not about a lock"), Do: s.drill,
		},
		{
			Keys: "c", Short: "end", Long: "remove it from the list",
			Doc:   "remove it from the list: you are no longer notified",
			Where: widget.InFooter, Off: nav.Unless(selected, "nothing is selected"), Do: func() nav.Action {
				n, _ := s.table.Current()
				return nav.EndNotification{ID: n.ID}
			},
		},
	}}}, s.table.Bindings()...)
	return s
}

func (s *notificationsScreen) drill() nav.Action {
	if n, ok := s.table.Current(); ok && n.Lock != (inspect.LockID{}) {
		return nav.OpenLock(n.Lock)
	}
	return nil
}

func (s *notificationsScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindNotifications} }

func (s *notificationsScreen) Grid() widget.Grid { return s.table }

func (s *notificationsScreen) Bindings() []widget.Group { return s.keys }

// Refresh does nothing: Fit takes in what is new.
func (s *notificationsScreen) Refresh() {}

func (s *notificationsScreen) Fit(w, h int) {
	if s.of != s.Notifications.Edition {
		s.of = s.Notifications.Edition
		rows := slices.Clone(s.Notifications.All)
		slices.Reverse(rows)
		s.table.Set(rows)
	}
	s.table.Resize(theme.Inner(w, h, false))
}

func (s *notificationsScreen) Mouse(m widget.Mouse) nav.Action {
	if s.table.Mouse(m.Below(1)) {
		return s.drill()
	}
	return nil
}

func (s *notificationsScreen) View(w, h int) string {
	title := "notifications " + strconv.Itoa(s.table.Len()) + ofClusters(s.Context) + filterTitle(s.table)
	return s.Theme.Panel(title, s.table.View(true, orUnmatched(s.Context, s.table, "none; "+s.Key("!")+" on a lock, a session or a problem adds one")), w, h, true, false)
}
