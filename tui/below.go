package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// below is a text under a table, which may be longer than its room.
type below struct {
	top, h   int
	lines    int
	down, up key.Binding
}

func newBelow() below {
	return below{down: bind("J", "more: scroll what is below", "J"), up: bind("K", "less: scroll it back", "K")}
}

// update scrolls, and reports whether the key was for that.
func (b *below) update(msg tea.KeyPressMsg) bool {
	step := max(b.h/2, 1)
	switch {
	case key.Matches(msg, b.down):
		b.scroll(step)
	case key.Matches(msg, b.up):
		b.scroll(-step)
	default:
		return false
	}
	return true
}

func (b *below) scroll(delta int) { b.top = min(max(b.top+delta, 0), max(b.lines-b.h, 0)) }

// view is the part of lines that fits into h, and says when there is more.
func (b *below) view(t theme, lines []string, h int) string {
	b.lines, b.h = len(lines), h
	b.scroll(0)
	end := min(b.top+max(h, 0), len(lines))
	shown := lines[b.top:end:end]
	if rest := len(lines) - end; rest > 0 && len(shown) > 1 {
		shown = append(shown[:len(shown)-1:len(shown)-1], t.dim.Render("… "+count(rest+1, "more line", "more lines")+": J"))
	}
	return strings.Join(shown, "\n")
}
