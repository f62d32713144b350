package app

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// commands are those that work now.
func commands(m *Model) []command {
	front := m.screens.Front()
	all := slices.Concat(
		viewCommands(m.Context),
		tableCommands(m.Context, front, m.Now),
		columnCommands(front, &m.effects.Chosen().Prefs),
		savedCommands(m.Context, &m.screens, m.effects.Chosen()),
		settingCommands(&m.effects.Chosen().Prefs, &m.ascii),
		timeCommands(m.Context),
		contextCommands(m),
	)
	all = append(all,
		command{name: "refresh", about: "read leases, etcd's status and problems again", run: func(string) nav.Action { return nav.Reload{} }},
		command{name: "pause", about: "freeze the display, or resume", run: func(string) nav.Action { return togglePause(m.Context) }},
		command{name: "help", about: "all keys and commands", run: func(string) nav.Action { m.help.open = true; return nil }},
		command{name: "quit", about: "quit at once; locks you took here are released", run: func(string) nav.Action { return nav.Do{Cmd: tea.Quit} }},
	)
	slices.SortStableFunc(all, func(a, b command) int { return strings.Compare(a.name, b.name) })
	return all
}

// viewCommands go to a view by its name, and to a lock.
func viewCommands(c *nav.Context) []command {
	var all []command
	for k := nav.KindLocks; k <= nav.LastView; k++ {
		all = append(all, command{name: k.String(), about: "view " + k.String(), off: offView(c, k).Why, run: func(string) nav.Action { return nav.OpenView(k) }})
	}
	return append(all, command{
		name: "notifications", about: "what you are notified of", run: func(string) nav.Action { return nav.OpenView(nav.KindNotifications) },
	}, command{
		name: "commands", about: "what was done for you, as commands", run: func(string) nav.Action { return nav.OpenView(nav.KindCommands) },
	}, command{
		name: "lock", args: "NAME", about: "the queue of a lock",
		complete: func() []string { return lockNames(c) },
		run:      func(name string) nav.Action { return findLock(c, name) },
	})
}

func lockNames(c *nav.Context) []string {
	var names []string
	for _, one := range c.All() {
		for _, l := range one.Shown().Locks {
			names = append(names, l.ID.Name)
		}
	}
	if c.Together != nil {
		slices.Sort(names)
	}
	return slices.Compact(names)
}

// findLock opens the lock of a name, which may be typed as it is shown. Where several
// clusters are shown, the one of the row under the cursor goes before the others.
func findLock(c *nav.Context, name string) nav.Action {
	if name == "" {
		return nav.Fail("lock: name missing: :lock NAME")
	}
	for _, of := range append([]*nav.Context{c}, c.All()...) {
		for _, l := range of.Shown().Locks {
			if l.ID.Name == name || term.Safe(l.ID.Name) == name {
				return nav.In{Of: of, Lock: l.ID}
			}
		}
	}
	return nav.OpenLock(inspect.LockID{Layout: layout.RWLock, Name: name})
}

// tableCommands do something to the table in front.
func tableCommands(c *nav.Context, front nav.Screen, now time.Time) []command {
	g := front.Grid()
	all := []command{
		{name: "filter", args: "TEXT", about: "rows with TEXT; ~ regexp, ! inverse", run: func(text string) nav.Action {
			if err := g.SetFilter(text); err != nil {
				return nav.Fail("filter: " + err.Error())
			}
			return nil
		}},
		{name: "describe", about: "all about the row under the cursor", run: func(string) nav.Action { return describeRow(c, front) }},
		{name: "copy", about: "what is under the cursor, or marked", run: func(string) nav.Action { return copyRows(g) }},
		{name: "export", args: "FILE", about: "the table to a new CSV file", run: func(path string) nav.Action { return exportTable(front, path, now) }},
	}
	fixed := ""
	if len(g.Sortable()) == 0 {
		fixed = front.Ref().Kind.String() + " cannot be sorted"
	}
	return append(all, command{name: "sort", args: "COLUMN", about: "sort; - in front reverses", off: fixed, complete: g.Sortable, run: func(by string) nav.Action {
		switch names := strings.Join(g.Sortable(), ", "); {
		case by == "":
			return nav.Fail("sort: column missing; columns: " + names)
		case !g.SetSort(by):
			return nav.Fail("sort: no column " + by + "; columns: " + names)
		}
		return nav.SavePrefs{}
	}})
}

// copyRows copies the labels of the marked rows, or of the selected one, through
// the terminal.
func copyRows(g widget.Grid) nav.Action {
	texts := g.Copied()
	if len(texts) == 0 {
		return nav.Fail("nothing to copy")
	}
	what := term.Safe(texts[0])
	if len(texts) > 1 {
		what = format.Count(len(texts), "row", "rows")
	}
	return nav.Copy{Texts: texts, What: what}
}

// describeRow opens everything that is known of the row under the cursor, as text.
func describeRow(c *nav.Context, s nav.Screen) nav.Action {
	var about []string
	if d, ok := s.(nav.Describer); ok {
		about = d.Describe()
	}
	label, row := s.Grid().Row()
	if len(row.Rows)+len(about) == 0 {
		return nav.Flash{Text: "there is nothing to describe"}
	}
	lines := append([]string{asOf(c), ""}, about...)
	for _, texts := range row.Rows {
		lines = append(lines, "", "In the table:")
		for i, name := range row.Heading {
			lines = append(lines, describe.Field(name, strings.TrimSpace(texts[i]))...)
		}
	}
	title := s.Ref().Kind.String()
	if text := term.Cut(term.Safe(cmp.Or(label, s.Ref().Lock.Name)), 60); text != "" { // without a row it is about the lock
		title += " · " + text
	}
	return nav.Open{Ref: nav.Ref{Kind: nav.KindText, Text: &nav.Text{Title: title, Lines: lines}}}
}

// asOf says which moment is described.
func asOf(c *nav.Context) string {
	text := "At revision " + strconv.FormatInt(c.Shown().Revision, 10)
	if at := c.Clock(); !at.IsZero() {
		text = "At " + at.Format(time.RFC3339) + ", revision " + strconv.FormatInt(c.Shown().Revision, 10)
	}
	return text
}

// askExport asks for the file to write the table of a screen to.
func askExport(s nav.Screen, now time.Time) nav.Action {
	return nav.Prompt{
		Label: "export to the new file: ", Value: effects.ExportName(s.Ref().Kind.String(), now),
		Accept:   func(path string) (nav.Action, error) { return exportTable(s, path, now), nil },
		Complete: func(text string) nav.Action { return nav.CompleteFolder{Path: text} },
	}
}

// jump asks for a lock, and opens it.
func jump(c *nav.Context) nav.Action {
	var names []string
	var to []nav.Action
	for _, of := range c.All() {
		locks, end := of.Shown().Locks, ""
		if c.Together != nil {
			end = " · " + of.Etcd.Name
		}
		for i, l := range locks {
			name := l.ID.Name
			if i > 0 && locks[i-1].ID.Name == name || i+1 < len(locks) && locks[i+1].ID.Name == name {
				name += " · " + l.ID.Layout.String()
			}
			names, to = append(names, name+end), append(to, nav.In{Of: of, Lock: l.ID})
		}
	}
	return nav.Pick{Title: "jump to a lock", Items: names, Accept: func(i int) nav.Action { return to[i] }}
}

// exportTable writes the table of a screen to a file.
func exportTable(s nav.Screen, path string, now time.Time) nav.Action {
	return nav.Export{Table: s.Grid().Sheet(), Path: cmp.Or(strings.TrimSpace(path), effects.ExportName(s.Ref().Kind.String(), now))}
}

// columnCommands choose which columns of the table in front are shown. That is
// kept for all tables of its kind.
func columnCommands(front nav.Screen, prefs *backend.Prefs) []command {
	kind, all := front.Ref().Kind.String(), front.Grid().Columns()
	named := front.Grid().Named
	hidden := func() (names []string) {
		for _, name := range prefs.Hidden[kind] { // a heading, if the file says so
			names = append(names, named(name))
		}
		return names
	}
	shown := func() []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(hidden(), name) })
	}
	hide := func(names []string) nav.Action {
		prefs.Hidden[kind] = names
		if len(names) == 0 {
			delete(prefs.Hidden, kind)
		}
		return nav.Batch{nav.Restyle{}, nav.SavePrefs{}}
	}
	return []command{
		{name: "hide", args: "COLUMN", about: "hide a column", complete: shown, run: func(name string) nav.Action {
			switch name = named(name); {
			case name == "":
				return nav.Fail("hide: column missing; columns: " + strings.Join(shown(), ", "))
			case !slices.Contains(shown(), name):
				return nav.Fail("hide: no column " + name + "; columns: " + strings.Join(shown(), ", "))
			case len(shown()) == 1:
				return nav.Fail("hide: " + name + " is the last column")
			}
			return hide(append(hidden(), name))
		}},
		{name: "show", args: "COLUMN", about: "show a hidden column, or all", complete: hidden, run: func(name string) nav.Action {
			switch name = named(name); {
			case name == "":
				return hide(nil)
			case !slices.Contains(hidden(), name):
				return nav.Fail("show: " + name + " is not hidden; hidden: " + cmp.Or(strings.Join(hidden(), ", "), "none"))
			}
			return hide(slices.DeleteFunc(hidden(), func(h string) bool { return h == name }))
		}},
	}
}

// settingCommands change how the UI looks.
func settingCommands(prefs *backend.Prefs, ascii *bool) []command {
	onOff := func() []string { return []string{"on", "off"} }
	chosen := func(name, value string) nav.Action {
		return nav.Batch{nav.SavePrefs{}, nav.Flash{Text: name + ": " + value}}
	}
	set := func(name string, values ...*bool) func(string) nav.Action {
		return func(arg string) nav.Action {
			if arg != "" && !slices.Contains(onOff(), arg) {
				return nav.Fail(name + ": on or off")
			}
			on := arg == "on" || arg == "" && !*values[0]
			for _, v := range values {
				*v = on
			}
			return chosen(name, map[bool]string{true: "on", false: "off"}[on])
		}
	}
	return []command{
		{name: "mouse", args: "on|off", about: "off leaves the mouse to the terminal", complete: onOff, run: set("mouse", &prefs.Mouse)},
		{name: "ascii", args: "on|off", about: "draw with ASCII only", complete: onOff, run: set("ascii", ascii, &prefs.ASCII)},
		{
			name: "background", args: "MODE", about: "dark, light or auto", complete: backgrounds,
			run: func(to string) nav.Action {
				if !slices.Contains(backgrounds(), to) {
					return nav.Fail("background: dark, light or auto")
				}
				prefs.Background = to
				return nav.Batch{nav.Restyle{}, chosen("background", to)}
			},
		},
		{
			name: "ask", args: "WHEN", about: "before a lock is requested: always, or if others use it", complete: whenToAsk,
			run: func(when string) nav.Action {
				if !slices.Contains(whenToAsk(), when) {
					return nav.Fail("ask: others or always")
				}
				prefs.Ask = when
				return chosen("ask", when)
			},
		},
	}
}

func whenToAsk() []string { return []string{backend.AskOthers, backend.AskAlways} }

func backgrounds() []string {
	return []string{backend.BackgroundAuto, backend.BackgroundDark, backend.BackgroundLight}
}
