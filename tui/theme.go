package tui

import (
	"image/color"
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/lipgloss/v2"
)

// theme is how things look. Its styles are named by what they mean; every colour
// comes with a sign or a word, so that nothing is lost without colours.
type theme struct {
	plain, dim, bold lipgloss.Style
	title, heading   lipgloss.Style
	border, focused  lipgloss.Style
	selected         lipgloss.Style // the row under the cursor of the focused pane
	marked           lipgloss.Style // the row under the cursor of another pane
	holding, waiting lipgloss.Style
	contended, free  lipgloss.Style
	own              lipgloss.Style
	expiring, lost   lipgloss.Style
	paused           lipgloss.Style
	past             lipgloss.Style // the mark of history in the header
	warning          lipgloss.Style
	key              lipgloss.Style
	cursor           lipgloss.Style // in a line that is typed
	titlePrefix      string         // "PAST · " in front of the title of the focused pane, in the past
}

// sign is a word with its sign, and the style that belongs to it.
type sign struct {
	text  string
	style lipgloss.Style
}

// newTheme returns the theme for a dark or light background. Without colour, bold
// and reverse are left.
func newTheme(dark, noColor bool) theme {
	pick := lipgloss.LightDark(dark)
	fg := func(light, dark string) lipgloss.Style {
		if noColor {
			return lipgloss.NewStyle()
		}
		return lipgloss.NewStyle().Foreground(pick(lipgloss.Color(light), lipgloss.Color(dark)))
	}
	accent := fg("#5A3FC0", "#A99BFF")
	s := theme{
		plain:     lipgloss.NewStyle(),
		dim:       fg("#6C6C6C", "#8A8A8A"),
		bold:      lipgloss.NewStyle().Bold(true),
		title:     accent.Bold(true),
		heading:   fg("#6C6C6C", "#8A8A8A"),
		border:    fg("#BDBDBD", "#4A4A4A"),
		focused:   accent,
		holding:   fg("#1E7B34", "#6FCF7F"),
		waiting:   fg("#8A6100", "#E5C07B"),
		contended: fg("#8A6100", "#E5C07B"),
		free:      fg("#6C6C6C", "#8A8A8A"),
		own:       fg("#0B61A4", "#61B8FF").Bold(true),
		expiring:  fg("#B04A00", "#FF9E64"),
		lost:      fg("#B3261E", "#FF7A70").Bold(true),
		paused:    lipgloss.NewStyle().Bold(true).Reverse(true),
		past:      fg("#B04A00", "#FF9E64").Bold(true).Reverse(true),
		warning:   fg("#B04A00", "#FF9E64").Bold(true),
		key:       accent,
		cursor:    lipgloss.NewStyle().Reverse(true),
	}
	s.selected, s.marked = lipgloss.NewStyle().Reverse(true), lipgloss.NewStyle().Bold(true)
	if !noColor {
		back := func(light, dark string) color.Color { return pick(lipgloss.Color(light), lipgloss.Color(dark)) }
		s.selected = lipgloss.NewStyle().Bold(true).Background(back("#DDD8F7", "#3A3560"))
		s.marked = lipgloss.NewStyle().Background(back("#EFEFEF", "#2C2C2C"))
	}
	return s
}

// ofPast returns the theme for history: its frames differ from those of the
// present, in colour and by a word.
func (s *theme) ofPast() theme {
	past := *s
	loud := s.past.Reverse(false)
	past.border, past.focused, past.title, past.titlePrefix = s.warning.Bold(false), loud, loud, "PAST · "
	return past
}

// row returns the style of a table row.
func (s *theme) row(atCursor, focused bool) lipgloss.Style {
	switch {
	case atCursor && focused:
		return s.selected
	case atCursor:
		return s.marked
	default:
		return s.plain
	}
}

// help returns the styles of the bottom line.
func (s *theme) help() help.Styles {
	return help.Styles{
		Ellipsis: s.dim, ShortKey: s.key, ShortDesc: s.dim, ShortSeparator: s.border,
		FullKey: s.key, FullDesc: s.plain, FullSeparator: s.border,
	}
}

// panel puts a title and, when boxed, a border around a body.
func (s *theme) panel(title, body string, w, h int, focused, boxed bool) string {
	line, name := s.border, s.bold
	if focused {
		line, name, title = s.focused, s.title, "▸ "+s.titlePrefix+title
	}
	left, right := "──", "─"
	if boxed {
		left, right = "╭─", "─╮"
	}
	title = cut(title, w-6)
	fill := strings.Repeat("─", max(w-width(left+title+right)-2, 0))
	lines := []string{line.Render(left) + " " + name.Render(title) + " " + line.Render(fill+right)}
	iw, ih := inner(w, h, boxed)
	rows, side := strings.Split(body, "\n"), line.Render("│")
	for i := range ih {
		row := ""
		if i < len(rows) {
			row = rows[i]
		}
		if boxed {
			row = side + " " + pad(row, iw, false) + " " + side
		}
		lines = append(lines, row)
	}
	if boxed {
		lines = append(lines, line.Render("╰"+strings.Repeat("─", max(w-2, 0))+"╯"))
	}
	return strings.Join(lines, "\n")
}

// inner returns the size of the body of a panel.
func inner(w, h int, boxed bool) (iw, ih int) {
	if boxed {
		return max(w-4, 0), max(h-2, 0)
	}
	return w, max(h-1, 0)
}
