package effects

import (
	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/nav"
)

// preferences keeps what the user has chosen.
type preferences struct {
	*env
	saving int
}

// savedMsg says how saving ended.
type savedMsg struct{ err error }

// save stores the preferences. The UI works without.
func (p *preferences) save() nav.Action {
	write := p.ports.Preferences.Saving()
	if write == nil {
		return nil
	}
	p.saving++
	return p.background(func() tea.Msg { return savedMsg{write()} })
}

func (msg savedMsg) Apply(e *Effects) nav.Action {
	e.prefs.saving--
	if msg.err != nil {
		return nav.Fail("preferences not saved: " + msg.err.Error())
	}
	return nil
}
