package app

import (
	"strconv"
	"strings"

	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// tab is a part of the bar, and the view that it goes to; 0 for none.
type tab struct {
	label theme.Text
	kind  nav.Kind
}

// bar draws the tabs: the views by number, and the screen opened from them.
func bar(s *nav.Stack, t *theme.Theme, w int) string {
	var b strings.Builder
	for _, tab := range tabs(s, t) {
		b.WriteString(tab.label.Style.Render(tab.label.Text))
	}
	return term.Cut(b.String(), w)
}

func tabs(s *nav.Stack, t *theme.Theme) []tab {
	var all []tab
	in := s.View()
	for _, k := range s.Kinds() {
		style := t.Dim
		text := " " + strconv.Itoa(int(k)) + " " + k.String()
		if k == in {
			style = t.Selected
		}
		if a, ok := s.Views[k].(nav.Alerter); ok && a.Alert().Text != "" {
			text += " " + a.Alert().Text
			if k != in {
				style = a.Alert().Style
			}
		}
		all = append(all, tab{theme.Styled(text+" ", style), k})
	}
	if front := s.Front().Ref().Kind; !front.IsView() {
		all = append(all, tab{theme.Styled(" → "+front.String(), t.Title), 0})
	}
	return all
}

// tabAt returns the view of the tab at x, 0 for none.
func tabAt(s *nav.Stack, t *theme.Theme, x int) nav.Kind {
	at := 0
	for _, tab := range tabs(s, t) {
		at += term.Width(tab.label.Text)
		if x < at {
			return tab.kind
		}
	}
	return 0
}
