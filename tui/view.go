package tui

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// pane is what a panel shows.
type pane interface {
	title() string
	view(w, h int, focused bool) string
}

// panels is the screen between the header and the status line.
func (m *model) panels(l layout) []string {
	locks := func() string { return m.panel(l, l.locks, &m.locks, m.focus == focusLocks) }
	queue := func() string { return m.panel(l, l.queue, &m.queue, m.focus == focusQueue) }
	log := func() string { return m.panel(l, l.logSize(), &m.log, m.focus == focusLog) }
	var parts []string
	switch {
	case m.mode == modeHelp:
		return []string{m.panel(l, l.full, &m.help, true)}
	case m.mode == modeScenarios:
		parts = []string{m.panel(l, l.overlay, &m.scenarios, true)}
	case l.only && m.focus == focusLog:
		return []string{log()}
	case l.only && m.focus == focusQueue:
		return []string{queue()}
	case l.only:
		return []string{locks()}
	case l.beside:
		parts = []string{lipgloss.JoinHorizontal(lipgloss.Top, locks(), " ", queue())}
	default:
		parts = []string{locks(), queue()}
	}
	if l.log.h > 0 {
		parts = append(parts, log())
	}
	return parts
}

func (m *model) panel(l layout, s size, p pane, focused bool) string {
	w, h := l.body(s)
	return m.styles.panel(p.title(), p.view(w, h, focused), s.w, s.h, focused, l.beside)
}

// status is the line above the help: what is typed, else what has just
// happened, else what is going on.
func (m *model) status(w int) string {
	if m.mode == modeFilter || m.mode == modeName {
		return m.typing(w)
	}
	right := m.scenarios.summary()
	if m.mode == modeBrowse && m.missed > 0 {
		right = strings.TrimSpace(count(m.missed, "update", "updates") + " missed  " + right)
	}
	left, style := m.statusText()
	left = cut(left, max(w-ansi.StringWidth(right)-1, 0))
	gap := max(w-ansi.StringWidth(left)-ansi.StringWidth(right), 0)
	return style.Render(left) + strings.Repeat(" ", gap) + m.styles.title.Render(right)
}

// typing is the input, and why it was not taken.
func (m *model) typing(w int) string {
	if m.flash.kind != flashError || !m.now.Before(m.flash.until) {
		return m.input.view(m.styles, w)
	}
	why := cut("✗ "+m.flash.text, w/2)
	room := w - ansi.StringWidth(why) - 2
	return pad(m.input.view(m.styles, room), room, false) + "  " + m.styles.lost.Render(why)
}

func (m *model) statusText() (string, lipgloss.Style) {
	switch {
	case m.flash.text != "" && m.now.Before(m.flash.until) && m.flash.kind == flashError:
		return "✗ " + m.flash.text, m.styles.lost
	case m.flash.text != "" && m.now.Before(m.flash.until):
		return m.flash.text, m.styles.bold
	case m.conn.lost:
		return "✗ etcd is not answering: " + m.conn.reason, m.styles.lost
	default:
		return m.oursSummary(), m.styles.ours
	}
}
