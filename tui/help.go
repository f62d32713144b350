package tui

import (
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// helpPane is the full help, made from the key map.
type helpPane struct {
	*common
	top    int
	width  int
	height int
}

func (p *helpPane) resize(w, h int) {
	p.width, p.height = w, h
	p.scroll(0)
}

func (p *helpPane) scroll(delta int) {
	last := max(len(p.lines(p.width))-p.height, 0)
	p.top = min(max(p.top+delta, 0), last)
}

func (p *helpPane) title() string {
	if len(p.lines(p.width)) > p.height {
		return "help · " + p.keys.down.Help().Key + " for more"
	}
	return "help"
}

func (p *helpPane) view(w, h int, _ bool) string {
	lines := p.lines(w)
	from := min(p.top, len(lines))
	return strings.Join(lines[from:min(from+max(h, 0), len(lines))], "\n")
}

// lines is the help in as many columns as fit.
func (p *helpPane) lines(w int) []string {
	blocks := p.blocks()
	total, widest := 0, 0
	for _, b := range blocks {
		total += len(b)
		for _, l := range b {
			widest = max(widest, ansi.StringWidth(l))
		}
	}
	if w < 2*widest+4 {
		return strings.Split(strings.Join(flatten(blocks), "\n"), "\n")
	}
	var left, right []string
	for _, b := range blocks {
		if len(left)+len(b) <= (total+3)/2+1 && len(right) == 0 {
			left = append(left, b...)
			continue
		}
		right = append(right, b...)
	}
	l := lipgloss.NewStyle().Width(widest + 4).Render(strings.Join(left, "\n"))
	return strings.Split(lipgloss.JoinHorizontal(lipgloss.Top, l, strings.Join(right, "\n")), "\n")
}

// blocks is a heading and lines for each group of keys that has any.
func (p *helpPane) blocks() [][]string {
	var blocks [][]string
	for _, g := range p.keys.full() {
		var lines []string
		for _, k := range g.keys {
			if k.Enabled() {
				lines = append(lines, "  "+p.styles.key.Render(pad(k.Help().Key, 9, false))+"  "+k.Help().Desc)
			}
		}
		if len(lines) > 0 {
			blocks = append(blocks, append(append([]string{p.styles.title.Render(g.title)}, lines...), ""))
		}
	}
	return append(blocks, p.legend())
}

// legend explains the signs.
func (p *helpPane) legend() []string {
	st := p.styles
	return []string{
		st.title.Render("signs"),
		"  " + st.ours.Render(pad("*", 9, false)) + "  ours: asked for from here",
		"  " + st.holding.Render(pad("●", 9, false)) + "  held",
		"  " + st.waiting.Render(pad("○", 9, false)) + "  waiting; behind 3: writer at 2",
		"  " + pad("", 9, false) + "  is blocked by 3, the nearest is #2",
		"  " + st.contended.Render(pad("▲", 9, false)) + "  held, and somebody waits",
		"  " + st.expiring.Render(pad("!", 9, false)) + "  lease ends within 2s",
	}
}

func flatten(blocks [][]string) []string {
	var lines []string
	for _, b := range blocks {
		lines = append(lines, b...)
	}
	return lines
}

// shortHelp is the line of keys at the bottom.
func (m *model) shortHelp(w int) string {
	h := help.New()
	h.Styles = m.styles.help()
	h.SetWidth(w)
	return h.ShortHelpView(m.keys.short(m.mode))
}

// helpKey handles a key while the help is open.
func (m *model) helpKey(msg tea.KeyPressMsg) tea.Cmd {
	if key.Matches(msg, m.keys.help, m.keys.back) {
		m.mode = modeBrowse
		return nil
	}
	m.help.scroll(m.step(msg, m.help.top, len(m.help.lines(m.help.width))))
	return nil
}
