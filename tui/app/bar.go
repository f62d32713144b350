package app

import (
	"cmp"
	"slices"
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
type tabForm struct {
	wide    bool              // with more space between them
	without map[nav.Kind]bool // the names of these views
}

// bar draws the tabs: the views by number, and the screen opened from them.
func bar(s *nav.Stack, c *nav.Context, w int) string {
	var b strings.Builder
	for _, tab := range tabs(s, c, w) {
		b.WriteString(tab.label.Style.Render(tab.label.Text))
	}
	return term.Cut(b.String(), w)
}

// tabs returns the tabs in the widest form that fits. A name is shown in full or not at
// all: the longest ones go first, those of views that have something to say last, and that
// of the view in front never.
func tabs(s *nav.Stack, c *nav.Context, w int) []tab {
	all, fit := tabsIn(s, c, tabForm{wide: true}, w)
	if fit {
		return all
	}
	left := s.Kinds()
	slices.SortStableFunc(left, func(a, b nav.Kind) int {
		return cmp.Or(strings.Compare(alert(s, a).Text, alert(s, b).Text), len(b.String())-len(a.String()))
	})
	form := tabForm{without: map[nav.Kind]bool{}}
	for _, k := range left {
		if all, fit = tabsIn(s, c, form, w); fit {
			break
		}
		form.without[k] = k != s.View()
	}
	return all
}

// alert is what a view has to say in its tab.
func alert(s *nav.Stack, k nav.Kind) theme.Text {
	if a, ok := s.Views[k].(nav.Alerter); ok {
		return a.Alert()
	}
	return theme.Text{}
}

// tabsIn returns the tabs in a form, and whether they fit into w.
func tabsIn(s *nav.Stack, c *nav.Context, form tabForm, w int) (all []tab, fit bool) {
	t, need := c.Theme, 0
	in := s.View()
	for _, k := range s.Kinds() {
		style := t.Dim
		text := " " + c.Key(strconv.Itoa(int(k)))
		if !form.without[k] {
			text += " " + k.String()
		}
		if k == in {
			style = t.Selected
		}
		if says := alert(s, k); says.Text != "" {
			text += " " + says.Text
			if k != in {
				style = says.Style
			}
		}
		if form.wide || k == in {
			text += " "
		}
		all = append(all, tab{theme.Styled(text, style), k})
	}
	if front := s.Front().Ref().Kind; !front.IsView() {
		all = append(all, tab{theme.Styled(" → "+front.String(), t.Title), 0})
	}
	for _, tab := range all {
		need += term.Width(tab.label.Text)
	}
	return all, need <= w
}

// tabAt returns the view of the tab at x, 0 for none.
func tabAt(s *nav.Stack, c *nav.Context, w, x int) nav.Kind {
	at := 0
	for _, tab := range tabs(s, c, w) {
		at += term.Width(tab.label.Text)
		if x < at {
			return tab.kind
		}
	}
	return 0
}
