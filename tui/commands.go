package tui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// commands are those that work now.
func commands(m *model) []command {
	front := m.screens.front()
	all := slices.Concat(
		viewCommands(&m.screens, m.Context),
		tableCommands(front, m.now),
		columnCommands(front, m.prefs()),
		settingCommands(m.prefs(), &m.ascii),
		timeCommands(m.Context),
	)
	all = append(all,
		command{name: "pause", about: "pause the picture, or go on", run: func(string) Action { return togglePause(m.Context) }},
		command{name: "help", about: "all keys and commands", run: func(string) Action { m.help.open = true; return nil }},
		command{name: "quit", about: "quit; our locks are given back", run: func(string) Action { return Do{tea.Quit} }},
	)
	slices.SortStableFunc(all, func(a, b command) int { return strings.Compare(a.name, b.name) })
	return all
}

// viewCommands go to a view by its name, and to a lock.
func viewCommands(s *stack, c *Context) []command {
	var all []command
	for _, k := range s.kinds() {
		all = append(all, command{name: k.String(), about: "view " + k.String(), run: func(string) Action { return openView(k) }})
	}
	return append(all, command{
		name: "lock", args: "NAME", about: "the queue of a lock",
		complete: func() []string { return lockNames(c) },
		run:      func(name string) Action { return findLock(c, name) },
	})
}

func lockNames(c *Context) []string {
	var names []string
	for _, l := range c.shown().Locks {
		names = append(names, l.ID.Name)
	}
	return slices.Compact(names)
}

// findLock opens the lock of a name, which may be typed as it is shown.
func findLock(c *Context, name string) Action {
	if name == "" {
		return fail("lock: which one? :lock NAME")
	}
	for _, l := range c.shown().Locks {
		if l.ID.Name == name || safe(l.ID.Name) == name {
			return openLock(l.ID)
		}
	}
	return openLock(inspect.LockID{Layout: keyspace.RWLock, Name: name})
}

// tableCommands do something to the table in front.
func tableCommands(front screen, now time.Time) []command {
	g := front.Grid()
	all := []command{
		{name: "filter", args: "TEXT", about: "rows with TEXT; ~ expression, ! inverse", run: func(text string) Action {
			if err := g.setFilter(text); err != nil {
				return fail("filter: " + err.Error())
			}
			return nil
		}},
		{name: "copy", about: "what is under the cursor, or marked", run: func(string) Action { return copyRows(g) }},
		{name: "export", args: "FILE", about: "the table to a new CSV file", run: func(path string) Action { return exportTable(front, path, now) }},
	}
	if len(g.sortable()) == 0 {
		return all
	}
	return append(all, command{name: "sort", args: "COLUMN", about: "sort; - in front reverses", complete: g.sortable, run: func(by string) Action {
		switch names := strings.Join(g.sortable(), ", "); {
		case by == "":
			return fail("sort: which one? there are " + names)
		case !g.setSort(by):
			return fail("sort: no column " + by + "; there are " + names)
		}
		return SavePrefs{}
	}})
}

// copyRows copies what stands for the rows, through the terminal.
func copyRows(g grid) Action {
	texts := g.copied()
	if len(texts) == 0 {
		return fail("there is nothing to copy")
	}
	what := safe(texts[0])
	if len(texts) > 1 {
		what = count(len(texts), "row", "rows")
	}
	return Batch{Flash{Text: "copied, if the terminal allows it: " + what}, Do{tea.SetClipboard(strings.Join(texts, "\n"))}}
}

// exportTable writes the table of a screen to a file.
func exportTable(s screen, path string, now time.Time) Action {
	return Export{s.Grid().sheet(), cmp.Or(path, exportName(s.Ref().Kind.String(), now))}
}

// columnCommands choose which columns of the table in front are shown. That is
// kept for all tables of its kind.
func columnCommands(front screen, prefs *Prefs) []command {
	kind, all := front.Ref().Kind.String(), front.Grid().columns()
	hidden := func() []string { return prefs.Hidden[kind] }
	shown := func() []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(hidden(), name) })
	}
	hide := func(names []string) Action {
		prefs.Hidden[kind] = names
		if len(names) == 0 {
			delete(prefs.Hidden, kind)
		}
		return Batch{Restyle{}, SavePrefs{}}
	}
	return []command{
		{name: "hide", args: "COLUMN", about: "hide a column", complete: shown, run: func(name string) Action {
			switch {
			case name == "":
				return fail("hide: which one? there are " + strings.Join(shown(), ", "))
			case !slices.Contains(shown(), name):
				return fail("hide: no column " + name + "; there are " + strings.Join(shown(), ", "))
			case len(shown()) == 1:
				return fail("hide: " + name + " is the last column")
			}
			return hide(append(slices.Clone(hidden()), name))
		}},
		{name: "show", args: "COLUMN", about: "show a hidden column, or all", complete: hidden, run: func(name string) Action {
			switch {
			case name == "":
				return hide(nil)
			case !slices.Contains(hidden(), name):
				return fail("show: " + name + " is not hidden; hidden: " + cmp.Or(strings.Join(hidden(), ", "), "none"))
			}
			return hide(slices.DeleteFunc(slices.Clone(hidden()), func(h string) bool { return h == name }))
		}},
	}
}

// settingCommands change how the UI looks.
func settingCommands(prefs *Prefs, ascii *bool) []command {
	onOff := func() []string { return []string{"on", "off"} }
	set := func(name string, values ...*bool) func(string) Action {
		return func(arg string) Action {
			if arg != "" && !slices.Contains(onOff(), arg) {
				return fail(name + ": on or off")
			}
			on := arg == "on" || arg == "" && !*values[0]
			for _, v := range values {
				*v = on
			}
			return SavePrefs{}
		}
	}
	return []command{
		{name: "mouse", args: "on|off", about: "off leaves it to the terminal", complete: onOff, run: set("mouse", &prefs.Mouse)},
		{name: "ascii", args: "on|off", about: "draw with ASCII alone", complete: onOff, run: set("ascii", ascii, &prefs.ASCII)},
		{
			name: "background", args: "MODE", about: "dark, light or auto", complete: backgrounds,
			run: func(to string) Action {
				if !slices.Contains(backgrounds(), to) {
					return fail("background: dark, light or auto")
				}
				prefs.Background = to
				return Batch{Restyle{}, SavePrefs{}}
			},
		},
	}
}

func backgrounds() []string { return []string{backgroundAuto, backgroundDark, backgroundLight} }

// timeCommands are those of time travel.
func timeCommands(c *Context) []command {
	if !c.Can.TimeTravel {
		return nil
	}
	return []command{
		{name: "rev", args: "N", about: "the locks as they were at revision N", run: func(arg string) Action {
			n, err := strconv.ParseInt(strings.TrimSpace(arg), 10, 64)
			if err != nil || n <= 0 {
				return fail("rev: a revision such as " + strconv.FormatInt(c.live.Revision, 10))
			}
			return GoTo{n}
		}},
		{name: "live", about: "back to live", run: func(string) Action { return GoLive{} }},
	}
}
