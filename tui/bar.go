package tui

import (
	"strconv"
	"strings"
)

// tab is a part of the bar, and the view that it goes to; 0 for none.
type tab struct {
	sign
	kind Kind
}

// bar is the views by number, and what is open in front of them.
func bar(s *stack, t *theme, w int) string {
	var b strings.Builder
	for _, tab := range tabs(s, t) {
		b.WriteString(tab.style.Render(tab.text))
	}
	return cut(b.String(), w)
}

func tabs(s *stack, t *theme) []tab {
	var all []tab
	in := s.view()
	for _, k := range s.kinds() {
		style := t.dim
		text := " " + strconv.Itoa(int(k)) + " " + k.String()
		if k == in {
			style = t.selected
		}
		if a, ok := s.views[k].(alerter); ok && a.Alert().text != "" {
			text += " " + a.Alert().text
			if k != in {
				style = a.Alert().style
			}
		}
		all = append(all, tab{sign{text + " ", style}, k})
	}
	if front := s.front().Ref().Kind; !front.IsView() {
		all = append(all, tab{sign{" → " + front.String(), t.title}, 0})
	}
	return all
}

// tabAt is the view whose tab is at x, 0 for none.
func tabAt(s *stack, t *theme, x int) Kind {
	at := 0
	for _, tab := range tabs(s, t) {
		at += width(tab.text)
		if x < at {
			return tab.kind
		}
	}
	return 0
}
