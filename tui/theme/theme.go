// Package theme is how things look: styles by what they mean, and panels.
package theme

import (
	"image/color"
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/lipgloss/v2"

	"etcd-lock/tui/term"
)

// Theme is how things look. Its styles are named by what they mean; every colour
// comes with a sign or a word, so that nothing is lost without colours.
type Theme struct {
	Plain, Dim, Bold lipgloss.Style
	Title, Heading   lipgloss.Style
	Border, focused  lipgloss.Style
	Selected         lipgloss.Style // the row under the cursor of the focused pane
	marked           lipgloss.Style // the row under the cursor of another pane
	Holding, Waiting lipgloss.Style
	Contended, Free  lipgloss.Style
	Own              lipgloss.Style
	Expiring, Lost   lipgloss.Style
	Paused           lipgloss.Style
	Past             lipgloss.Style // the mark of history in the header
	Context          lipgloss.Style // the mark of the cluster in the header
	Warning          lipgloss.Style
	Key              lipgloss.Style
	Cursor           lipgloss.Style // in a line that is typed
	titlePrefix      string         // "PAST · " in front of the title of the focused pane, in the past
}

// Text is a printable text with the style that belongs to it.
type Text struct {
	Text  string
	Style lipgloss.Style
}

// Styled returns a text in a style.
func Styled(text string, style lipgloss.Style) Text { return Text{text, style} }

// New returns the theme for a dark or light background. Without colour, bold
// and reverse are left.
func New(dark, noColor bool) Theme {
	pick := lipgloss.LightDark(dark)
	fg := func(light, dark string) lipgloss.Style {
		if noColor {
			return lipgloss.NewStyle()
		}
		return lipgloss.NewStyle().Foreground(pick(lipgloss.Color(light), lipgloss.Color(dark)))
	}
	accent := fg("#5A3FC0", "#A99BFF")
	s := Theme{
		Plain:     lipgloss.NewStyle(),
		Dim:       fg("#6C6C6C", "#8A8A8A"),
		Bold:      lipgloss.NewStyle().Bold(true),
		Title:     accent.Bold(true),
		Heading:   fg("#6C6C6C", "#8A8A8A"),
		Border:    fg("#BDBDBD", "#4A4A4A"),
		focused:   accent,
		Holding:   fg("#1E7B34", "#6FCF7F"),
		Waiting:   fg("#8A6100", "#E5C07B"),
		Contended: fg("#8A6100", "#E5C07B"),
		Free:      fg("#6C6C6C", "#8A8A8A"),
		Own:       fg("#0B61A4", "#61B8FF").Bold(true),
		Expiring:  fg("#B04A00", "#FF9E64"),
		Lost:      fg("#B3261E", "#FF7A70").Bold(true),
		Paused:    lipgloss.NewStyle().Bold(true).Reverse(true),
		Past:      fg("#B04A00", "#FF9E64").Bold(true).Reverse(true),
		Warning:   fg("#B04A00", "#FF9E64").Bold(true),
		Key:       accent,
		Context:   lipgloss.NewStyle().Bold(true).Reverse(true),
		Cursor:    lipgloss.NewStyle().Reverse(true),
	}
	s.Selected, s.marked = lipgloss.NewStyle().Reverse(true), lipgloss.NewStyle().Bold(true)
	if !noColor {
		back := func(light, dark string) color.Color { return pick(lipgloss.Color(light), lipgloss.Color(dark)) }
		s.Selected = lipgloss.NewStyle().Bold(true).Background(back("#DDD8F7", "#3A3560"))
		s.marked = lipgloss.NewStyle().Background(back("#EFEFEF", "#2C2C2C"))
	}
	return s
}

// OfPast returns the theme for history: its frames differ from those of the
// present, in colour and by a word.
func (s *Theme) OfPast() Theme {
	past := *s
	loud := s.Past.Reverse(false)
	past.Border, past.focused, past.Title, past.titlePrefix = s.Warning.Bold(false), loud, loud, "PAST · "
	return past
}

// contextColours are those of clusters, for a light and a dark background.
var contextColours = map[string][2]string{
	"red": {"#B3261E", "#FF6B5E"}, "orange": {"#B04A00", "#FFA34D"}, "yellow": {"#7A6400", "#E8D24A"},
	"green": {"#1E7B34", "#6FCF7F"}, "blue": {"#0B61A4", "#61B8FF"}, "purple": {"#7A2FB0", "#C69BFF"},
}

// OfContext returns the theme for a cluster of a colour: its name and the frames have it.
func (s *Theme) OfContext(colour string, dark, noColor bool) Theme {
	themed := *s
	pair, ok := contextColours[colour]
	if !ok || noColor {
		return themed
	}
	in := lipgloss.NewStyle().Foreground(lipgloss.LightDark(dark)(lipgloss.Color(pair[0]), lipgloss.Color(pair[1])))
	themed.Context = in.Bold(true).Reverse(true)
	themed.Border, themed.focused, themed.Title = in, in.Bold(true), in.Bold(true)
	return themed
}

// Row returns the style of a table row.
func (s *Theme) Row(atCursor, focused bool) *lipgloss.Style {
	switch {
	case atCursor && focused:
		return &s.Selected
	case atCursor:
		return &s.marked
	default:
		return nil
	}
}

// Help returns the styles of the bottom line.
func (s *Theme) Help() help.Styles {
	return help.Styles{
		Ellipsis: s.Dim, ShortKey: s.Key, ShortDesc: s.Dim, ShortSeparator: s.Border,
		FullKey: s.Key, FullDesc: s.Plain, FullSeparator: s.Border,
	}
}

// Panel puts a title and, when boxed, a border around a body.
func (s *Theme) Panel(title, body string, w, h int, focused, boxed bool) string {
	line, name := s.Border, s.Bold
	if focused {
		line, name, title = s.focused, s.Title, "▸ "+s.titlePrefix+title
	}
	left, right := "──", "─"
	if boxed {
		left, right = "╭─", "─╮"
	}
	title = term.Cut(title, w-6)
	fill := strings.Repeat("─", max(w-term.Width(left+title+right)-2, 0))
	lines := []string{line.Render(left) + " " + name.Render(title) + " " + line.Render(fill+right)}
	iw, ih := Inner(w, h, boxed)
	rows, side := strings.Split(body, "\n"), line.Render("│")
	for i := range ih {
		row := ""
		if i < len(rows) {
			row = rows[i]
		}
		if boxed {
			row = side + " " + term.Pad(row, iw, false) + " " + side
		}
		lines = append(lines, row)
	}
	if boxed {
		lines = append(lines, line.Render("╰"+strings.Repeat("─", max(w-2, 0))+"╯"))
	}
	return strings.Join(lines, "\n")
}

// Inner returns the size of the body of a panel.
func Inner(w, h int, boxed bool) (iw, ih int) {
	if boxed {
		return max(w-4, 0), max(h-2, 0)
	}
	return w, max(h-1, 0)
}

// Outer returns the width of a panel that is boxed, with a body that wide.
func Outer(w int) int { return w + 4 }
