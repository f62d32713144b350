package tui

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// columnCommands choose which columns of the table in front are shown. That is
// kept for all tables of that name.
func (m *model) columnCommands() []command {
	g := m.nav.current().grid()
	if g == nil {
		return nil
	}
	hidden := func() []string { return m.prefs.Hidden[m.nav.current().name()] }
	shown := func() []string {
		return slices.DeleteFunc(g.columns(), func(name string) bool { return slices.Contains(hidden(), name) })
	}
	return []command{
		{name: "hide", args: "COLUMN", about: "hide a column", complete: shown, run: func(name string) tea.Cmd {
			switch {
			case name == "":
				return m.fail("hide: which one? there are " + strings.Join(shown(), ", "))
			case !slices.Contains(shown(), name):
				return m.fail("hide: no column " + name + "; there are " + strings.Join(shown(), ", "))
			case len(shown()) == 1:
				return m.fail("hide: " + name + " is the last column")
			}
			return m.hideColumns(append(slices.Clone(hidden()), name))
		}},
		{name: "show", args: "COLUMN", about: "show a hidden column, or all", complete: hidden, run: func(name string) tea.Cmd {
			switch {
			case name == "":
				return m.hideColumns(nil)
			case !slices.Contains(hidden(), name):
				return m.fail("show: " + name + " is not hidden; hidden: " + cmp.Or(strings.Join(hidden(), ", "), "none"))
			}
			return m.hideColumns(slices.DeleteFunc(slices.Clone(hidden()), func(h string) bool { return h == name }))
		}},
	}
}

func (m *model) hideColumns(names []string) tea.Cmd {
	s := m.nav.current()
	m.prefs.Hidden[s.name()] = names
	if len(names) == 0 {
		delete(m.prefs.Hidden, s.name())
	}
	for _, open := range m.nav.all() {
		if open.name() == s.name() {
			m.prefer(open)
		}
	}
	return m.savePrefs()
}
