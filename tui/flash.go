package tui

import (
	"time"

	"charm.land/lipgloss/v2"
)

// flash is a message on the status line for a while.
type flash struct {
	kind  flashKind
	text  string
	until time.Time
}

type flashKind int

const (
	flashInfo flashKind = iota
	flashError
)

const flashTime = 6 * time.Second

// say puts a message on the status line.
func (m *model) flashUp(kind flashKind, text string) {
	m.flash = flash{kind: kind, text: safe(text), until: m.now.Add(flashTime)}
}

// tell says something and logs it.
func (m *model) tell(kind entryKind, text string) {
	m.log.add(kind, m.now, text)
	say := flashInfo
	if kind == entryError {
		say = flashError
	}
	if kind == entryEtcd || kind == entryScenario { // which the log says in front of it
		text = string(kind) + " " + text
	}
	m.flashUp(say, text)
}

func (m *model) flashing() bool { return m.flash.text != "" && m.now.Before(m.flash.until) }

// statusText is what has just happened, else what is going on.
func (m *model) statusText() (string, lipgloss.Style) {
	switch {
	case m.flashing() && m.flash.kind == flashError:
		return "✗ " + m.flash.text, m.theme.lost
	case m.flashing():
		return m.flash.text, m.theme.bold
	case m.conn.lost:
		return "✗ " + m.conn.trouble(), m.theme.lost
	default:
		return m.oursSummary(), m.theme.ours
	}
}
