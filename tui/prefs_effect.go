package tui

import tea "charm.land/bubbletea/v2"

// preferences keeps what the user has chosen.
type preferences struct {
	*env
	chosen  Prefs
	loading bool
	saving  bool
	unsaved bool // what was chosen meanwhile
}

// prefsMsg brings what the user chose before. savedMsg says how saving ended.
type (
	prefsMsg struct {
		prefs Prefs
		err   error
	}
	savedMsg struct{ err error }
)

func (p *preferences) load() Action {
	keeper := p.ports.Preferences
	if keeper == nil {
		return nil
	}
	p.loading = true
	return p.background(func() tea.Msg {
		prefs, err := keeper.Load()
		return prefsMsg{prefs, err}
	})
}

func (msg prefsMsg) apply(e *Effects) Action {
	e.prefs.chosen, e.prefs.loading = msg.prefs, false
	if msg.err != nil {
		e.ports.Preferences = nil // what is chosen now must not take the place of what cannot be read
		return Batch{fail("preferences: " + msg.err.Error()), PrefsLoaded{}}
	}
	return PrefsLoaded{}
}

// save keeps what was chosen. It is no failure when that does not work.
func (p *preferences) save() Action {
	if p.ports.Preferences == nil {
		return nil
	}
	if p.unsaved = p.saving; p.saving {
		return nil // one after the other, or the last one might not win
	}
	p.saving = true
	keeper, prefs := p.ports.Preferences, p.chosen.clone()
	return p.background(func() tea.Msg { return savedMsg{keeper.Save(prefs)} })
}

func (msg savedMsg) apply(e *Effects) Action {
	var said Batch
	e.prefs.saving = false
	if msg.err != nil {
		said = append(said, fail("preferences are not kept: "+msg.err.Error()))
	}
	if e.prefs.unsaved {
		said = append(said, e.prefs.save())
	}
	return said
}
