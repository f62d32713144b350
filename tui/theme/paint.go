package theme

import (
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Paint returns a line of text in a style, as its Render does. The style has colours, bold and
// reverse at most, as all of a Theme: to find out that it has no margins and borders takes
// Render several times as long as to paint the text, which a table does with each cell.
func Paint(style *lipgloss.Style, text string) string {
	var s ansi.Style
	if style.GetBold() {
		s = s.Bold()
	}
	if style.GetReverse() {
		s = s.Reverse(true)
	}
	if c := style.GetForeground(); c != (lipgloss.NoColor{}) {
		s = s.ForegroundColor(c)
	}
	if c := style.GetBackground(); c != (lipgloss.NoColor{}) {
		s = s.BackgroundColor(c)
	}
	return s.Styled(text)
}
