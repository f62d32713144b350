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

// tabForm is how much room tabs take.
type tabForm int

const (
	tabWide   tabForm = iota
	tabClose          // with less space between them
	tabShort          // of the others, the names shortened
	tabNumber         // of the others, the numbers alone
)

// bar draws the tabs: the views by number, and the screen opened from them.
func bar(s *nav.Stack, t *theme.Theme, w int) string {
	var b strings.Builder
	for _, tab := range tabs(s, t, w) {
		b.WriteString(tab.label.Style.Render(tab.label.Text))
	}
	return term.Cut(b.String(), w)
}

// tabs returns the tabs in the widest form that fits.
func tabs(s *nav.Stack, t *theme.Theme, w int) []tab {
	for form := tabWide; ; form++ {
		all, need := tabsIn(s, t, form), 0
		for _, tab := range all {
			need += term.Width(tab.label.Text)
		}
		if need <= w || form == tabNumber {
			return all
		}
	}
}

func tabsIn(s *nav.Stack, t *theme.Theme, form tabForm) []tab {
	var all []tab
	in := s.View()
	for _, k := range s.Kinds() {
		style := t.Dim
		text := " " + strconv.Itoa(int(k)) + tabName(k, form, k == in)
		if k == in {
			style = t.Selected
		}
		if a, ok := s.Views[k].(nav.Alerter); ok && a.Alert().Text != "" {
			text += " " + a.Alert().Text
			if k != in {
				style = a.Alert().Style
			}
		}
		if form == tabWide || k == in {
			text += " "
		}
		all = append(all, tab{theme.Styled(text, style), k})
	}
	if front := s.Front().Ref().Kind; !front.IsView() {
		all = append(all, tab{theme.Styled(" → "+front.String(), t.Title), 0})
	}
	return all
}

// tabName is what follows the number of a view.
func tabName(k nav.Kind, form tabForm, chosen bool) string {
	const short = 4
	name := k.String()
	switch {
	case form == tabNumber && !chosen:
		return ""
	case form == tabShort && !chosen && len(name) > short+2:
		name = name[:short]
	}
	return " " + name
}

// tabAt returns the view of the tab at x, 0 for none.
func tabAt(s *nav.Stack, t *theme.Theme, w, x int) nav.Kind {
	at := 0
	for _, tab := range tabs(s, t, w) {
		at += term.Width(tab.label.Text)
		if x < at {
			return tab.kind
		}
	}
	return 0
}
