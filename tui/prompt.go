package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

func (m *model) openFilter() {
	m.mode = modeFilter
	m.input = newInput("filter: ", m.locks.filter)
}

func (m *model) openName() {
	m.mode = modeName
	m.input = newInput("name: ", m.opts.Prefix)
}

// inputMsg handles a key or a paste while something is typed.
func (m *model) inputMsg(msg tea.Msg) {
	press, _ := msg.(tea.KeyPressMsg)
	switch {
	case key.Matches(press, m.keys.back):
		if m.mode == modeFilter {
			m.locks.setFilter("")
		}
		m.mode = modeBrowse
	case key.Matches(press, m.keys.accept):
		if m.mode == modeFilter || m.acceptName(m.input.text()) {
			m.mode = modeBrowse
		}
	default:
		m.input.update(msg)
		if m.mode == modeFilter {
			m.locks.setFilter(m.input.text())
		}
	}
}

// acceptName puts the cursor on a name, so that it can be asked for.
func (m *model) acceptName(name string) bool {
	switch {
	case name == "":
		m.say(flashError, "a name cannot be empty")
		return false
	case !strings.HasPrefix(name, m.opts.Prefix):
		m.say(flashError, "only names that begin with "+m.opts.Prefix+" are shown")
		return false
	}
	id := inspect.LockID{Layout: keyspace.RWLock, Name: name}
	if !m.locks.shows(id) {
		m.locks.setFilter("")
	}
	m.locks.choose(id)
	m.focus = focusLocks
	return true
}
