package effects

import (
	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
)

// preferences keeps what the user has chosen.
type preferences struct {
	*env
	chosen  backend.Prefs
	loading bool
	saving  bool
	unsaved bool // something was chosen meanwhile
}

// prefsMsg brings what the user chose before. savedMsg says how saving ended.
type (
	prefsMsg struct {
		prefs backend.Prefs
		err   error
	}
	savedMsg struct{ err error }
)

func (p *preferences) load() nav.Action {
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

func (msg prefsMsg) Apply(e *Effects) nav.Action {
	e.prefs.chosen, e.prefs.loading = msg.prefs, false
	if msg.err != nil {
		e.ports.Preferences = nil // or the next save would overwrite a file that could not be read
		return nav.Batch{nav.Fail(msg.err.Error()), nav.PrefsLoaded{}}
	}
	return nav.PrefsLoaded{}
}

// save stores the preferences. The UI works without.
func (p *preferences) save() nav.Action {
	if p.ports.Preferences == nil {
		return nil
	}
	if p.unsaved = p.saving; p.saving {
		return nil // one after the other, or the last one might not win
	}
	p.saving = true
	keeper, prefs := p.ports.Preferences, p.chosen.Clone()
	return p.background(func() tea.Msg { return savedMsg{keeper.Save(prefs)} })
}

func (msg savedMsg) Apply(e *Effects) nav.Action {
	var said nav.Batch
	e.prefs.saving = false
	if msg.err != nil {
		said = append(said, nav.Fail("preferences not saved: "+msg.err.Error()))
	}
	if e.prefs.unsaved {
		said = append(said, e.prefs.save())
	}
	return said
}
