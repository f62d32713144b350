package tui

import "strings"

// pager is a text that may be longer than its room, and is scrolled by keys of
// its own.
type pager struct {
	top, h int
	lines  int
}

// bindings are the keys of a pager.
func (p *pager) bindings() []Binding {
	scroll := func(sign int) func() Action {
		return func() Action { p.scroll(sign * max(p.h/2, 1)); return nil }
	}
	return []Binding{
		bind("J", "more", scroll(1), "J").describe("scroll what is below").in(InFooter),
		bind("K", "less", scroll(-1), "K").describe("scroll it back").in(InFooter),
	}
}

// reset goes back to the beginning.
func (p *pager) reset() { p.top = 0 }

func (p *pager) scroll(delta int) { p.top = min(max(p.top+delta, 0), max(p.lines-p.h, 0)) }

// view returns the part of lines that fits into h, and says if there is more.
func (p *pager) view(t *theme, lines []string, h int) string {
	p.lines, p.h = len(lines), h
	p.scroll(0)
	end := min(p.top+max(h, 0), len(lines))
	shown := lines[p.top:end:end]
	if rest := len(lines) - end; rest > 0 && len(shown) > 1 {
		shown = append(shown[:len(shown)-1:len(shown)-1], t.dim.Render("… "+count(rest+1, "more line", "more lines")+": J"))
	}
	return strings.Join(shown, "\n")
}
