package app

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// helpView is the full help, made from the bindings and commands that work now.
type helpView struct {
	open bool
	top  int
	w, h int // of its lines
}

// bindings are the keys of the help, which has that many lines.
func (h *helpView) bindings(lines int) []widget.Binding {
	scroll := func(by int) func() nav.Action { return func() nav.Action { h.scroll(by, lines); return nil } }
	page := max(h.h-1, 1)
	return []widget.Binding{
		{Keys: "esc alt+esc ? f1 q", Short: "close", Where: widget.InFooter, Do: func() nav.Action { h.open = false; return nil }},
		{Keys: "up k", Label: "↑/k", Short: "up", Where: widget.InFooter, Do: scroll(-1)},
		{Keys: "down j", Label: "↓/j", Short: "down", Where: widget.InFooter, Do: scroll(1)},
		{Keys: "g home", Label: "g/home", Short: "first", Do: scroll(-lines)},
		{Keys: "G end", Label: "G/end", Short: "last", Do: scroll(lines)},
		{Keys: "pgup ctrl+b", Short: "page up", Do: scroll(-page)},
		{Keys: "pgdown ctrl+f", Label: "pgdn", Short: "page down", Do: scroll(page)},
		{Keys: "ctrl+u", Short: "half a page up", Do: scroll(-max(h.h/2, 1))},
		{Keys: "ctrl+d", Short: "half a page down", Do: scroll(max(h.h/2, 1))},
	}
}

// key handles a key press while the help is open.
func (h *helpView) key(msg tea.KeyPressMsg, lines int) nav.Action {
	if b, ok := widget.FindBinding([]widget.Group{{Bindings: h.bindings(lines)}}, msg); ok {
		return b.Do()
	}
	return nil
}

func (h *helpView) scroll(delta, lines int) {
	h.top = min(max(h.top+delta, 0), max(lines-h.h, 0))
}

// view draws the help of a screen in w×h.
func (h *helpView) view(t *theme.Theme, screen string, blocks [][]helpRow, w, height int) string {
	h.w, h.h = theme.Inner(w, height, false)
	lines := layOut(blocks, h.w)
	h.scroll(0, len(lines))
	title := "help: " + screen
	switch {
	case h.top+h.h < len(lines):
		title += " · ↓ for more"
	case h.top > 0:
		title += " · ↑ for more"
	}
	lines = lines[h.top:min(h.top+h.h, len(lines))]
	return t.Panel(title, strings.Join(lines, "\n"), w, height, true, false)
}

// helpRow is a line of the help: a key, a command or a sign, padded and styled, and the text
// beside it.
type helpRow struct{ label, about string }

func (r helpRow) String() string { return r.label + r.about }

func helpLine(label string, style lipgloss.Style, w int, about string) helpRow {
	return helpRow{"  " + style.Render(term.Pad(label, w, false)) + "  ", about}
}

// wrap breaks a row that is wider than w. It goes on below its text.
func (r helpRow) wrap(w int) []string {
	indent := term.Width(r.label)
	room := w - indent
	if term.Width(r.about) <= room || room < 10 {
		return []string{r.String()}
	}
	return strings.Split(r.label+strings.ReplaceAll(ansi.Wrap(r.about, room, ""), "\n", "\n"+strings.Repeat(" ", indent)), "\n")
}

// layOut puts blocks into as many columns as fit into w.
func layOut(blocks [][]helpRow, w int) []string {
	for columns := 3; columns > 1; columns-- {
		total := 0
		var parts [][]string
		for _, rows := range share(blocks, columns) {
			var lines []string
			for _, r := range rows {
				lines = append(lines, r.String())
			}
			total += term.Widest(lines) + helpGap
			parts = append(parts, lines)
		}
		if total-helpGap <= w {
			return beside(parts)
		}
	}
	var lines []string
	for _, r := range slices.Concat(blocks...) {
		lines = append(lines, r.wrap(w)...)
	}
	return lines
}

const helpGap = 3

// How wide keys and signs are, and commands, beside which there is text.
const (
	helpKey     = 9
	helpCommand = 16
)

// share puts blocks one after the other into columns of about the same length.
func share(blocks [][]helpRow, columns int) [][]helpRow {
	total := 0
	for _, b := range blocks {
		total += len(b)
	}
	parts := make([][]helpRow, 1, columns)
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

func beside(parts [][]string) []string {
	var texts []string
	for _, p := range parts {
		texts = append(texts, lipgloss.NewStyle().Width(term.Widest(p)+helpGap).Render(strings.Join(p, "\n")))
	}
	return strings.Split(lipgloss.JoinHorizontal(lipgloss.Top, texts...), "\n")
}

// helpBlocks is a heading and lines for each group of keys that has any, for the
// commands, and for the signs.
func helpBlocks(t *theme.Theme, groups []widget.Group, commands []command) [][]helpRow {
	var blocks [][]helpRow
	for _, g := range groups {
		var lines []helpRow
		for _, b := range g.Bindings {
			if b.Shown() && b.Where != widget.InNone {
				lines = append(lines, helpLine(b.Name(), t.Key, helpKey, b.Text()))
			}
		}
		blocks = block(blocks, t, g.Title, lines)
	}
	var lines []helpRow
	for _, c := range commands {
		if c.off == "" {
			lines = append(lines, helpLine(":"+c.name+" "+c.args, t.Key, helpCommand, c.about))
		}
	}
	blocks = block(blocks, t, "commands", lines)
	return block(blocks, t, "signs", legend(t))
}

func block(blocks [][]helpRow, t *theme.Theme, title string, rows []helpRow) [][]helpRow {
	if len(rows) == 0 {
		return blocks
	}
	return append(blocks, append(append([]helpRow{{about: t.Title.Render(title)}}, rows...), helpRow{}))
}

// legend explains the signs.
func legend(t *theme.Theme) []helpRow {
	row := func(s theme.Text, about string) helpRow { return helpLine(s.Text, s.Style, helpKey, about) }
	return []helpRow{
		row(theme.Styled("*", t.Own), "yours: requested from here"),
		row(theme.Styled("●", t.Holding), "held"),
		row(theme.Styled("○", t.Waiting), "waiting"),
		row(theme.Styled("▲", t.Contended), "held, with waiters"),
		row(theme.Styled("✗", t.Lost), "critical finding, or lost"),
		row(theme.Styled("!", t.Warning), "warning, or a lease that expires within 2s"),
		row(theme.Styled("·", t.Dim), "notice, or free"),
		row(theme.Styled("+", t.Bold), "marked"),
		row(theme.Styled("≤12m ≥54s", t.Plain), "at most 12m, at least 54s"),
	}
}

// helpBlocks are those of the screen in front.
func (m *Model) helpBlocks() [][]helpRow {
	return helpBlocks(m.Theme, slices.Concat(m.frontKeys(), m.everywhere()), commands(m))
}

func (m *Model) helpLines() []string { return layOut(m.helpBlocks(), m.help.w) }

// footer is the line of keys at the bottom.
func footer(t *theme.Theme, bindings []widget.Binding, w int) string {
	h := help.New()
	h.Styles = t.Help()
	h.SetWidth(w)
	keys := make([]key.Binding, 0, len(bindings))
	for _, b := range bindings[:whole(bindings, w)] {
		keys = append(keys, key.NewBinding(key.WithKeys(b.Keys), key.WithHelp(b.Name(), b.Brief())))
	}
	return h.ShortHelpView(keys)
}

// whole returns how many of the bindings the line at the bottom has room for, in w cells.
func whole(bindings []widget.Binding, w int) int {
	const between = len(" • ") - 2 // the sign is of one cell
	need := -between
	for i, b := range bindings {
		need += between + term.Width(b.Name()) + 1 + term.Width(b.Short)
		if need > w {
			return i
		}
	}
	return len(bindings)
}

// footerKeys are the keys that the line at the bottom shows now.
func (m *Model) footerKeys() []widget.Binding {
	switch {
	case m.asked != nil:
		return placed([]widget.Group{{Bindings: m.asked.Dialog.Bindings()}}, widget.InFooter)
	case m.line.open():
		return placed([]widget.Group{{Bindings: m.line.bindings()}}, widget.InFooter)
	case m.help.open:
		return placed([]widget.Group{{Bindings: m.help.bindings(0)}}, widget.InFooter)
	}
	all := m.everywhere()
	return slices.Concat(placed(all, widget.FooterHead), placed(all, widget.FooterStart), placed(m.frontKeys(), widget.InFooter), placed(all, widget.FooterEnd))
}

// placed returns the bindings that the line at the bottom shows in that place.
func placed(groups []widget.Group, where widget.Place) []widget.Binding {
	var some []widget.Binding
	for _, g := range groups {
		for _, b := range g.Bindings {
			if b.Where == where && b.InFooter() {
				some = append(some, b)
			}
		}
	}
	return some
}
