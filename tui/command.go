package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// command is something that can be typed after a colon.
type command struct {
	name     string
	args     string // in capitals, for people; empty: none
	about    string
	complete func() []string // what its argument may be; nil: nobody knows
	run      func(arg string) tea.Cmd
}

// commands are those that work now: those of everywhere and of the screen.
func (m *model) commands() []command {
	all := m.viewCommands()
	all = append(all, m.tableCommands()...)
	all = append(all, m.columnCommands()...)
	all = append(all, m.settingCommands()...)
	all = append(all, m.timeCommands()...)
	all = append(all,
		command{name: "pause", about: "pause the picture, or go on", run: func(string) tea.Cmd { return m.togglePause() }},
		command{name: "help", about: "all keys and commands", run: func(string) tea.Cmd { m.mode = modeHelp; return nil }},
		command{name: "quit", about: "quit; our locks are given back", run: func(string) tea.Cmd { return tea.Quit }},
	)
	if c, ok := m.nav.current().(commander); ok {
		all = append(all, c.commands()...)
	}
	slices.SortStableFunc(all, func(a, b command) int { return strings.Compare(a.name, b.name) })
	return all
}

// viewCommands go to a view by its name, and to a lock.
func (m *model) viewCommands() []command {
	var all []command
	for number := 1; number <= maxView; number++ {
		if s, ok := m.nav.views[number]; ok {
			all = append(all, command{name: s.name(), about: "view " + s.name(), run: func(string) tea.Cmd { return m.request(viewMsg{number}) }})
		}
	}
	return append(all, command{
		name: "lock", args: "NAME", about: "the queue of a lock",
		complete: m.lockNames,
		run:      m.openLock,
	})
}

func (m *model) lockNames() []string {
	var names []string
	for _, l := range m.shown().snapshot.Locks {
		names = append(names, l.ID.Name)
	}
	return slices.Compact(names)
}

func (m *model) openLock(name string) tea.Cmd {
	if name == "" {
		return m.fail("lock: which one? :lock NAME")
	}
	for _, l := range m.shown().snapshot.Locks {
		if l.ID.Name == name || safe(l.ID.Name) == name {
			return m.open(newLockScreen(m.common, l.ID))
		}
	}
	return m.open(newLockScreen(m.common, inspect.LockID{Layout: keyspace.RWLock, Name: name}))
}

func (m *model) tableCommands() []command {
	g := m.nav.current().grid()
	if g == nil {
		return nil
	}
	all := []command{
		{name: "filter", args: "TEXT", about: "rows with TEXT; ~ expression, ! inverse", run: m.filterCmd},
		{name: "copy", about: "what is under the cursor, or marked", run: func(string) tea.Cmd { return m.copyCmd() }},
		{name: "export", args: "FILE", about: "the table to a new CSV file", run: m.exportTo},
	}
	if len(g.sortable()) == 0 {
		return all
	}
	return append(all, command{name: "sort", args: "COLUMN", about: "sort; - in front reverses", complete: g.sortable, run: func(by string) tea.Cmd {
		switch names := strings.Join(g.sortable(), ", "); {
		case by == "":
			return m.fail("sort: which one? there are " + names)
		case !g.setSort(by):
			return m.fail("sort: no column " + by + "; there are " + names)
		}
		return m.savePrefs()
	}})
}

func (m *model) filterCmd(text string) tea.Cmd {
	if err := m.nav.current().grid().setFilter(text); err != nil {
		return m.fail("filter: " + err.Error())
	}
	return nil
}

func (m *model) settingCommands() []command {
	onOff := func() []string { return []string{"on", "off"} }
	set := func(name string, values ...*bool) func(string) tea.Cmd {
		return func(arg string) tea.Cmd {
			if arg != "" && !slices.Contains(onOff(), arg) {
				return m.fail(name + ": on or off")
			}
			on := arg == "on" || arg == "" && !*values[0]
			for _, v := range values {
				*v = on
			}
			return m.savePrefs()
		}
	}
	return []command{
		{name: "mouse", args: "on|off", about: "off leaves it to the terminal", complete: onOff, run: set("mouse", &m.prefs.Mouse)},
		{name: "ascii", args: "on|off", about: "draw with ASCII alone", complete: onOff, run: set("ascii", &m.ascii, &m.prefs.ASCII)},
		{
			name: "background", args: "MODE", about: "dark, light or auto",
			complete: func() []string { return []string{backgroundAuto, backgroundDark, backgroundLight} },
			run:      m.setBackground,
		},
	}
}

func (m *model) setBackground(to string) tea.Cmd {
	if to != backgroundAuto && to != backgroundDark && to != backgroundLight {
		return m.fail("background: dark, light or auto")
	}
	m.prefs.Background = to
	m.restyle()
	return m.savePrefs()
}

// runCommand runs what was typed. A beginning that only one command has will
// do.
func (m *model) runCommand(text string) tea.Cmd {
	name, arg, _ := strings.Cut(strings.TrimSpace(text), " ")
	if name == "" {
		return nil
	}
	var found []command
	for _, c := range m.commands() {
		if c.name == name {
			found = []command{c}
			break
		}
		if strings.HasPrefix(c.name, name) {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return m.fail("no command " + name + "; ? lists them")
	case 1:
		return found[0].run(strings.TrimSpace(arg))
	default:
		return m.fail(name + " could be " + commandNames(found))
	}
}

func commandNames(commands []command) string {
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// completions are what the text of the command line may go on to be, whole.
func (m *model) completions(text string) []string {
	name, arg, hasArg := strings.Cut(text, " ")
	var all []string
	for _, c := range m.commands() {
		switch {
		case !hasArg && strings.HasPrefix(c.name, name):
			all = append(all, c.name)
		case hasArg && c.name == name && c.complete != nil:
			for _, a := range c.complete() {
				if strings.HasPrefix(safe(a), arg) {
					all = append(all, name+" "+safe(a))
				}
			}
		}
	}
	return slices.Compact(all)
}

// complete goes as far as all completions agree, then through them in turns.
func (m *model) complete() {
	if m.candidates == nil {
		m.offered(m.offers)
		return
	}
	m.nextCandidate()
}

// offered takes what the text may go on to be.
func (m *model) offered(candidates []string) {
	m.candidates, m.candidate = candidates, -1
	if common := commonPrefix(m.candidates); len(common) > len(m.input.text()) {
		m.input.set(common)
		if len(m.candidates) > 1 {
			m.candidates = nil
		}
		return
	}
	m.nextCandidate()
}

func (m *model) nextCandidate() {
	if len(m.candidates) > 0 {
		m.candidate = (m.candidate + 1) % len(m.candidates)
		m.input.set(m.candidates[m.candidate])
	}
}

func commonPrefix(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	prefix := []rune(texts[0])
	for _, t := range texts[1:] {
		n := 0
		for _, r := range t {
			if n == len(prefix) || prefix[n] != r {
				break
			}
			n++
		}
		prefix = prefix[:n]
	}
	return string(prefix)
}
