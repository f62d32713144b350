package tui

import tea "charm.land/bubbletea/v2"

// prefsMsg brings what the user chose before. savedMsg says what became of
// keeping it.
type (
	prefsMsg struct {
		prefs Prefs
		err   error
	}
	savedMsg struct{ err error }
)

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
		m.opts.Preferences = nil // what is chosen now must not take the place of what cannot be read
	}
	*m.prefs = msg.prefs
	m.ascii = m.prefs.ASCII || m.opts.ASCII
	m.restyle()
	for _, s := range m.nav.all() {
		m.prefer(s)
	}
}

// prefer has a screen's table look as the user chose.
func (m *model) prefer(s screen) {
	if g := s.grid(); g != nil {
		g.setSort(m.prefs.Sort[s.name()])
		g.hide(m.prefs.Hidden[s.name()])
	}
}

// savePrefs keeps what was chosen. It is no failure when that does not work.
func (m *model) savePrefs() tea.Cmd {
	if g := m.nav.current().grid(); g != nil {
		name := m.nav.current().name()
		m.prefs.Sort[name] = g.sorted()
		if m.prefs.Sort[name] == "" {
			delete(m.prefs.Sort, name)
		}
	}
	if m.opts.Preferences == nil {
		return nil
	}
	if m.unsaved = m.saving; m.saving {
		return nil // one after the other, or the last one might not win
	}
	m.saving = true
	keeper, p := m.opts.Preferences, m.prefs.clone()
	return m.tasks.cmd(func() tea.Msg { return savedMsg{keeper.Save(p)} })
}

func (m *model) saved(msg savedMsg) tea.Cmd {
	m.saving = false
	if msg.err != nil {
		m.tell(entryError, "preferences are not kept: "+msg.err.Error())
	}
	if m.unsaved {
		return m.savePrefs()
	}
	return nil
}

// restyle makes the theme anew.
func (m *model) restyle() {
	dark := m.dark
	if m.prefs.Background != backgroundAuto {
		dark = m.prefs.Background == backgroundDark
	}
	m.theme = newTheme(dark, m.opts.NoColor)
	if m.inPast() {
		m.theme = m.theme.ofPast()
	}
}
