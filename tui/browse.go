package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/keyspace"
)

// key routes a key press by the mode.
func (m *model) key(msg tea.KeyPressMsg) tea.Cmd {
	typing := m.mode == modeFilter || m.mode == modeName
	if key.Matches(msg, m.keys.quit) && (!typing || msg.String() == "ctrl+c") {
		return tea.Quit
	}
	switch m.mode {
	case modeFilter, modeName:
		m.inputMsg(msg)
		return nil
	case modeHelp:
		return m.helpKey(msg)
	case modeScenarios:
		return m.scenarioKey(msg)
	default:
		return m.browseKey(msg)
	}
}

func (m *model) browseKey(msg tea.KeyPressMsg) tea.Cmd {
	k := m.keys
	switch {
	case key.Matches(msg, k.help):
		m.mode = modeHelp
	case key.Matches(msg, k.scenarios):
		m.mode = modeScenarios
	case key.Matches(msg, k.filter):
		m.openFilter()
	case key.Matches(msg, k.name):
		m.openName()
	case key.Matches(msg, k.pause):
		m.togglePause()
	case key.Matches(msg, k.back):
		m.back()
	case key.Matches(msg, k.next):
		m.focus = (m.focus + 1) % panes
	case key.Matches(msg, k.previous):
		m.focus = (m.focus + panes - 1) % panes
	case key.Matches(msg, k.read):
		return m.ask(keyspace.Read)
	case key.Matches(msg, k.write):
		return m.ask(keyspace.Write)
	case key.Matches(msg, k.release):
		return m.unlock()
	case key.Matches(msg, k.sortName, k.sortWaiters, k.sortAge):
		return m.locks.update(msg)
	default:
		m.scroll(msg)
	}
	return nil
}

// back undoes one thing that the user has set: it never quits.
func (m *model) back() {
	if m.focus != focusLocks {
		m.focus = focusLocks
		return
	}
	m.locks.setFilter("")
}

func (m *model) togglePause() {
	if m.paused {
		m.paused, m.missed = false, 0
		m.log.follow()
		m.show(m.live)
		return
	}
	m.paused, m.pausedAt = true, m.now
}

// scroll moves in the focused pane.
func (m *model) scroll(msg tea.KeyPressMsg) {
	switch m.focus {
	case focusQueue:
		m.queue.move(m.step(msg, m.queue.cursor.at, len(m.queue.lock.Queue)))
	case focusLog:
		n := len(m.log.entries)
		m.log.move(m.step(msg, n-m.log.back, n))
	default:
		m.locks.move(m.step(msg, m.locks.cursor.at, len(m.locks.rows)))
	}
}

// step is how far a key moves in a list of n from the place at.
func (m *model) step(msg tea.KeyPressMsg, at, n int) int {
	k, page := m.keys, max(m.pageSize()-1, 1)
	switch {
	case key.Matches(msg, k.up):
		return -1
	case key.Matches(msg, k.down):
		return 1
	case key.Matches(msg, k.pageUp):
		return -page
	case key.Matches(msg, k.pageDown):
		return page
	case key.Matches(msg, k.top):
		return -at
	case key.Matches(msg, k.bottom):
		return n - at
	default:
		return 0
	}
}

func (m *model) pageSize() int {
	switch {
	case m.mode == modeHelp:
		return m.help.height
	case m.focus == focusQueue:
		return m.queue.height
	case m.focus == focusLog:
		return m.log.height
	default:
		return m.locks.height
	}
}
