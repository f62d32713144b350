package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// helpView is the full help, made from the live keys and commands.
type helpView struct{ top, w, h int }

// helpLines is the help in as many columns as fit.
func (m *model) helpLines(w int) []string {
	blocks := m.helpBlocks()
	for columns := 3; columns > 1; columns-- {
		parts := share(blocks, columns)
		total := 0
		for _, p := range parts {
			total += widest(p) + helpGap
		}
		if total-helpGap <= w {
			return beside(parts)
		}
	}
	return slices.Concat(blocks...)
}

const helpGap = 3

// share puts blocks one after the other into columns of about the same length.
func share(blocks [][]string, columns int) [][]string {
	total := 0
	for _, b := range blocks {
		total += len(b)
	}
	parts := make([][]string, 1, columns)
	done := 0
	for _, b := range blocks {
		if last := len(parts) - 1; len(parts) < columns && len(parts[last]) > 0 && done+len(b)/2 > total*len(parts)/columns {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], b...)
		done += len(b)
	}
	return parts
}

func widest(lines []string) int {
	w := 0
	for _, l := range lines {
		w = max(w, width(l))
	}
	return w
}

func beside(parts [][]string) []string {
	var texts []string
	for _, p := range parts {
		texts = append(texts, lipgloss.NewStyle().Width(widest(p)+helpGap).Render(strings.Join(p, "\n")))
	}
	return strings.Split(lipgloss.JoinHorizontal(lipgloss.Top, texts...), "\n")
}

// helpBlocks is a heading and lines for each group of keys that has any, for
// the commands, and for the signs.
func (m *model) helpBlocks() [][]string {
	var blocks [][]string
	for _, g := range append(m.nav.current().keys(), m.global.groups()...) {
		var lines []string
		for _, k := range g.keys {
			if k.Enabled() {
				lines = append(lines, "  "+m.theme.key.Render(pad(k.Help().Key, 9, false))+"  "+k.Help().Desc)
			}
		}
		blocks = m.block(blocks, g.title, lines)
	}
	var lines []string
	for _, c := range m.commands() {
		lines = append(lines, "  "+m.theme.key.Render(pad(":"+c.name+" "+c.args, 16, false))+"  "+c.about)
	}
	blocks = m.block(blocks, "commands", lines)
	return m.block(blocks, "signs", m.legend())
}

func (m *model) block(blocks [][]string, title string, lines []string) [][]string {
	if len(lines) == 0 {
		return blocks
	}
	return append(blocks, append(append([]string{m.theme.title.Render(title)}, lines...), ""))
}

// legend explains the signs.
func (m *model) legend() []string {
	t := m.theme
	row := func(s sign, about string) string { return "  " + s.style.Render(pad(s.text, 9, false)) + "  " + about }
	return []string{
		row(sign{"*", t.ours}, "ours: asked for from here"),
		row(sign{"●", t.holding}, "held"),
		row(sign{"○", t.waiting}, "waiting"),
		row(sign{"▲", t.contended}, "held, and somebody waits"),
		row(sign{"✗", t.lost}, "critical finding, or lost"),
		row(sign{"!", t.warning}, "warning, or a lease that ends within 2s"),
		row(sign{"·", t.dim}, "notice, or free"),
		row(sign{"+", t.bold}, "marked"),
	}
}

func (h *helpView) scroll(delta, lines int) {
	h.top = min(max(h.top+delta, 0), max(lines-h.h, 0))
}

func (m *model) helpBody(w, h int) string {
	iw, ih := inner(w, h, false)
	lines := m.helpLines(iw)
	m.help.w, m.help.h = iw, ih
	m.help.scroll(0, len(lines))
	title := "help: " + m.nav.current().name()
	if len(lines) > ih {
		title += " · ↓ for more"
	}
	lines = lines[m.help.top:min(m.help.top+ih, len(lines))]
	return m.theme.panel(title, strings.Join(lines, "\n"), w, h, true, false)
}

// helpKey handles a key while the help is open.
func (m *model) helpKey(msg tea.KeyPressMsg) tea.Cmd {
	k := newTableKeys()
	lines := len(m.helpLines(m.help.w))
	steps := map[int]key.Binding{
		-1: k.up, 1: k.down, -lines: k.top, lines: k.bottom, -m.help.h + 1: k.pageUp, m.help.h - 1: k.pageDown,
	}
	for step, b := range steps {
		if key.Matches(msg, b) {
			m.help.scroll(step, lines)
			return nil
		}
	}
	if key.Matches(msg, m.global.help, m.global.back) {
		m.mode = modeBrowse
	}
	return nil
}

// shortHelp is the line of keys at the bottom.
func (m *model) shortHelp(w int) string {
	h := help.New()
	h.Styles = m.theme.help()
	h.SetWidth(w)
	keys := m.shortKeys()
	for i, b := range keys {
		short, _, _ := strings.Cut(b.Help().Desc, ": ")
		keys[i] = described(b, short)
	}
	return h.ShortHelpView(keys)
}

func (m *model) shortKeys() []key.Binding {
	k := m.global
	switch {
	case m.dialog != nil:
		return m.dialogKeys()
	case m.mode == modeFilter:
		return []key.Binding{described(k.accept, "keep"), described(k.back, "clear")}
	case m.mode == modeCommand:
		return []key.Binding{described(k.accept, "run"), k.complete, described(k.back, "leave")}
	case m.mode == modePrompt:
		return []key.Binding{described(k.accept, "choose"), described(k.back, "leave")}
	case m.mode == modeHelp:
		return []key.Binding{described(k.back, "close"), k.up, k.down, k.quit}
	}
	keys := []key.Binding{k.help, k.quit}
	if len(m.nav.stack) > 1 {
		keys = append(keys, described(k.back, "back"))
	}
	if m.inPast() {
		keys = append(keys, k.live, k.earlier, k.later)
	}
	if groups := m.nav.current().keys(); len(groups) > 0 {
		keys = append(keys, groups[0].keys...)
	}
	if m.nav.current().grid() != nil {
		keys = append(keys, k.filter)
	}
	return append(keys, k.pause, k.command)
}
