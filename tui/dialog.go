package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// dialog asks before something is done. The answer is No until the user says
// otherwise; where it is grave, by typing a word.
type dialog struct {
	title string
	lines []string       // what would happen; printable, and styled at most
	word  string         // to be typed before Yes; empty: none. As it came: it is shown printable
	yes   string         // what Yes does, in a word or two
	run   func() tea.Cmd // nil: there is nothing to say Yes to, or not yet

	chosen bool // Yes
	wide   int  // of the widest line
	input  lineInput
	top    int
	count  int // of the lines, as they are broken
	height int // how many of these are shown
}

// askMsg opens a dialog for a screen.
type askMsg struct{ dialog *dialog }

func (m *model) openDialog(d *dialog) {
	d.input, d.wide = newInput("", ""), widest(d.lines)
	m.dialog = d
}

// armed reports whether Yes can be chosen.
func (d *dialog) armed() bool {
	return d.run != nil && (d.word == "" || safe(d.input.text()) == safe(d.word))
}

// dialogMsg handles a key or a paste while a dialog is open. The screens see
// none of them.
func (m *model) dialogMsg(msg tea.Msg) tea.Cmd {
	d, k := m.dialog, m.global
	press, isKey := msg.(tea.KeyPressMsg)
	switch {
	case isKey && key.Matches(press, k.back):
		m.dialog = nil
	case isKey && key.Matches(press, k.accept):
		return m.answer(d.chosen && d.armed())
	case isKey && (press.String() == "up" || press.String() == "down" || press.String() == "pgup" || press.String() == "pgdown"):
		d.scroll(map[string]int{"up": -1, "down": 1, "pgup": -d.height, "pgdown": d.height}[press.String()])
	case isKey && (press.String() == "left" || press.String() == "right" || press.String() == "tab" || press.String() == "shift+tab"):
		d.chosen = !d.chosen && d.armed()
	case d.word != "":
		d.input.update(msg)
		d.chosen = d.armed()
	case isKey && key.Matches(press, k.yes) && d.armed():
		return m.answer(true)
	case isKey && key.Matches(press, k.no):
		m.dialog = nil
	}
	return nil
}

func (d *dialog) scroll(delta int) { d.top = min(max(d.top+delta, 0), max(d.count-d.height, 0)) }

// broken are the lines, broken where they are wider than w: what is agreed to is
// read whole.
func (d *dialog) broken(w int) []string {
	var lines []string
	for _, l := range d.lines {
		if width(l) > w {
			l = strings.ReplaceAll(lipgloss.Wrap(l, w-2, ""), "\n", "\n  ")
		}
		lines = append(lines, strings.Split(l, "\n")...)
	}
	return lines
}

func (m *model) answer(yes bool) tea.Cmd {
	d := m.dialog
	m.dialog = nil
	if !yes {
		return m.say(d.title + ": not done")
	}
	return d.run()
}

// view draws the dialog in the middle of w×h.
func (d *dialog) view(t theme, w, h int) string {
	inner := min(w-4, max(56, d.wide))
	rest := 3
	if d.word != "" {
		rest += 2
	}
	all := d.broken(inner)
	d.count, d.height = len(all), max(min(len(all), h-2-rest), 1)
	d.scroll(0)
	lines := slices.Clone(all[d.top:min(d.top+d.height, len(all))])
	if more := len(all) - d.top - d.height; more > 0 {
		lines = append(lines, t.dim.Render(count(more, "more line", "more lines")+" below: ↓"))
	} else {
		lines = append(lines, "")
	}
	if d.word != "" {
		lines = append(lines, cut("type "+t.bold.Render(safe(d.word))+" to go on:", inner), d.input.view(t, inner))
	}
	lines = append(lines, d.buttons(t))
	box := t.panel(safe(d.title), strings.Join(lines, "\n"), inner+4, len(lines)+2, true, true)
	return lipgloss.Place(w, h, lipgloss.Center, lipgloss.Center, box)
}

func (d *dialog) buttons(t theme) string {
	no, yes := "[ No ]", "  "+d.yes+"  "
	if d.run == nil {
		return t.selected.Render("[ Close ]")
	}
	if d.chosen {
		no, yes = "  No  ", "[ "+d.yes+" ]"
		return t.dim.Render(no) + "   " + t.lost.Reverse(true).Render(yes)
	}
	return t.selected.Render(no) + "   " + t.dim.Render(yes)
}

// dialogKeys are those of a dialog, for the line at the bottom.
func (m *model) dialogKeys() []key.Binding {
	k := m.global
	if m.dialog.run == nil {
		return []key.Binding{described(k.back, "close")}
	}
	keys := []key.Binding{described(k.accept, "take the choice"), described(k.back, "no"), bind("←/→", "choose", "left", "right")}
	if m.dialog.word == "" {
		keys = append(keys, k.yes, k.no)
	}
	return keys
}
