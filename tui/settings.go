package tui

import tea "charm.land/bubbletea/v2"

// prefsMsg brings what the user chose before.
type prefsMsg struct {
	prefs Prefs
	err   error
}

func (m *model) loadPrefs() tea.Cmd {
	keeper := m.opts.Preferences
	if keeper == nil {
		return nil
	}
	return m.tasks.cmd(func() tea.Msg {
		p, err := keeper.Load()
		return prefsMsg{p, err}
	})
}

func (m *model) gotPrefs(msg prefsMsg) {
	if msg.err != nil {
		m.tell(entryError, "preferences: "+msg.err.Error())
	}
	*m.prefs = msg.prefs
	m.prefs.ASCII = m.prefs.ASCII || m.opts.ASCII
	m.restyle()
	for _, s := range m.nav.all() {
		if g := s.grid(); g != nil {
			g.setSort(m.prefs.Sort[s.name()])
			g.hide(m.prefs.Hidden[s.name()])
		}
	}
}

// savePrefs keeps what was chosen. It is no failure when that does not work.
func (m *model) savePrefs() tea.Cmd {
	if g := m.nav.current().grid(); g != nil {
		m.prefs.Sort[m.nav.current().name()] = g.sorted()
	}
	keeper, p := m.opts.Preferences, m.prefs.clone()
	if keeper == nil {
		return nil
	}
	p.ASCII = p.ASCII && !m.opts.ASCII
	return m.tasks.cmd(func() tea.Msg {
		if err := keeper.Save(p); err != nil {
			return sayMsg{flashError, "preferences are not kept: " + err.Error()}
		}
		return nil
	})
}

// restyle makes the theme anew.
func (m *model) restyle() {
	dark := m.dark
	if m.prefs.Background != backgroundAuto {
		dark = m.prefs.Background == backgroundDark
	}
	m.theme = newTheme(dark, m.opts.NoColor)
}
