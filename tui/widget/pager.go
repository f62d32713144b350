package widget

import (
	"cmp"
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/tui/theme"
)

// Pager is a text that may be longer than its room. It is scrolled by keys of its own, and
// by those of the table beside it while it has the focus.
type Pager struct {
	More    string // how the user calls the key that scrolls on; empty: J
	top, h  int
	lines   int
	focused bool
}

// MoreKey scrolls on.
const MoreKey = "J"

// What the keys do that give the focus to a text and to the table beside it, in short.
const (
	ToText  = "to the text"
	ToTable = "to the table"
)

// Bindings are the keys of a pager.
func (p *Pager) Bindings() []Binding {
	scroll := func(sign int) func() Action {
		return func() Action { p.scroll(sign * max(p.h/2, 1)); return nil }
	}
	focus := func(on bool) func() Action {
		return func() Action { p.focused = on; return nil }
	}
	return []Binding{
		{
			Keys: MoreKey, Short: "more", Long: "scroll the text below",
			Doc:   "scroll the text below the table",
			Where: InFooter, Off: p.offMore, Do: scroll(1),
		},
		{
			Keys: "K", Short: "less", Long: "scroll it back",
			Doc:   "scroll it back",
			Where: InFooter, Off: p.offLess, Do: scroll(-1),
		},
		{
			Keys: "l", Short: ToText, Long: "the cursor keys then scroll it",
			Doc: "move to the text, which the cursor keys then scroll",
			Off: p.offText, Do: focus(true),
		},
		{
			Keys: "h", Short: ToTable, Long: "from the text",
			Doc: "back to the table",
			Off: p.offTable, Do: focus(false),
		},
	}
}

// offMore is why there is nothing to scroll on to.
func (p *Pager) offMore() Off {
	if p.lines > p.h && p.top+p.h >= p.lines {
		return Off{Why: "this is the end of the text", Shown: true}
	}
	return p.offScroll()
}

// offLess is why there is nothing to scroll back to.
func (p *Pager) offLess() Off {
	if p.lines > p.h && p.top == 0 {
		return Off{Why: "this is the beginning of the text", Shown: true}
	}
	return p.offScroll()
}

// offScroll is why the text does not scroll at all. Then neither help nor bottom line names
// the keys that do.
func (p *Pager) offScroll() Off {
	switch {
	case p.lines == 0:
		return Off{Why: "no text is shown here"}
	case p.lines <= p.h:
		return Off{Why: allShown}
	default:
		return Off{}
	}
}

const allShown = "all of the text is shown"

// Focused reports whether the text has the focus, and not the table. A nil pager has not.
func (p *Pager) Focused() bool { return p != nil && p.focused }

func (p *Pager) offText() Off {
	switch {
	case p.focused:
		return Off{Why: "the text has the focus already", Shown: true}
	case p.lines <= p.h:
		return Off{Why: allShown, Shown: true}
	default:
		return Off{}
	}
}

func (p *Pager) offTable() Off {
	if !p.focused {
		return Off{Why: "the table has the focus already", Shown: true}
	}
	return Off{}
}

// Reset is for another text, or none: it begins at its beginning, without the focus.
func (p *Pager) Reset() { *p = Pager{More: p.More} }

func (p *Pager) scroll(delta int) { p.top = min(max(p.top+delta, 0), max(p.lines-p.h, 0)) }

// ViewEnd is View of a text that grows: it stays at its end, unless it is scrolled back.
func (p *Pager) ViewEnd(t *theme.Theme, lines []string, h int) string {
	if p.top+p.h >= p.lines {
		p.top = len(lines)
	}
	return p.View(t, lines, h)
}

// View returns the part of lines that fits into h, and says if there is more.
func (p *Pager) View(t *theme.Theme, lines []string, h int) string {
	p.lines, p.h = len(lines), h
	p.scroll(0)
	end := min(p.top+max(h, 0), len(lines))
	if len(lines) <= h {
		p.focused = false // or the keys would move nothing
	}
	shown := lines[p.top:end:end]
	if rest := len(lines) - end; rest > 0 && len(shown) > 1 {
		shown = append(shown[:len(shown)-1:len(shown)-1], t.Dim.Render("… "+format.Count(rest+1, "more line", "more lines")+": "+cmp.Or(p.More, MoreKey)))
	}
	return strings.Join(shown, "\n")
}
