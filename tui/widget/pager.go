package widget

import (
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/tui/theme"
)

// Pager is a text that may be longer than its room, and is scrolled by keys of
// its own.
type Pager struct {
	top, h int
	lines  int
}

// Bindings are the keys of a pager.
func (p *Pager) Bindings() []Binding {
	scroll := func(sign int) func() Action {
		return func() Action { p.scroll(sign * max(p.h/2, 1)); return nil }
	}
	return []Binding{
		{
			Keys: "J", Short: "more", Long: "scroll the text below",
			Doc:   "scroll the text below the table",
			Where: InFooter, Do: scroll(1),
		},
		{
			Keys: "K", Short: "less", Long: "scroll it back",
			Doc:   "scroll it back",
			Where: InFooter, Do: scroll(-1),
		},
	}
}

// Reset goes back to the beginning.
func (p *Pager) Reset() { p.top = 0 }

func (p *Pager) scroll(delta int) { p.top = min(max(p.top+delta, 0), max(p.lines-p.h, 0)) }

// View returns the part of lines that fits into h, and says if there is more.
func (p *Pager) View(t *theme.Theme, lines []string, h int) string {
	p.lines, p.h = len(lines), h
	p.scroll(0)
	end := min(p.top+max(h, 0), len(lines))
	shown := lines[p.top:end:end]
	if rest := len(lines) - end; rest > 0 && len(shown) > 1 {
		shown = append(shown[:len(shown)-1:len(shown)-1], t.Dim.Render("… "+format.Count(rest+1, "more line", "more lines")+": J"))
	}
	return strings.Join(shown, "\n")
}
