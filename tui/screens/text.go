package screens

import (
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// textScreen is a text, as it was when it was asked for. It can be searched, and copied as a
// whole or by its lines.
type textScreen struct {
	*nav.Context
	ref   nav.Ref
	table *widget.Table[int, textLine]
	w     int // that the lines are wrapped to
	keys  []widget.Group
}

// textLine is a part of the text that has room in the width of the screen.
type textLine struct {
	at   int
	text string
}

func newTextScreen(c *nav.Context, ref nav.Ref) *textScreen {
	if ref.Text == nil {
		ref.Text = &nav.Text{}
	}
	s := &textScreen{Context: c, ref: ref}
	s.table = widget.NewTable(c.Theme, []widget.Column[textLine]{
		{Title: "text", Box: widget.Box{Min: 10, Flex: true}, Cell: func(l textLine, _ int) theme.Text { return theme.Styled(l.text, s.Theme.Plain) }},
	}, func(l textLine) int { return l.at })
	s.table.Match = func(l textLine) string { return l.text }
	s.table.Label = func(l textLine) string { return l.text }
	s.keys = s.table.Bindings()
	return s
}

func (s *textScreen) Ref() nav.Ref { return s.ref }

func (s *textScreen) Grid() widget.Grid { return textGrid{s.table, s.ref.Text} }

// textGrid is the table of a text, of which all is copied unless lines of it are marked.
type textGrid struct {
	*widget.Table[int, textLine]
	text *nav.Text
}

// Copied implements widget.Grid.
func (g textGrid) Copied() []string {
	if g.MarkCount() > 0 {
		return g.Table.Copied()
	}
	return g.text.Lines
}

func (s *textScreen) Bindings() []widget.Group { return s.keys }

// Refresh does nothing: the text stays as it was.
func (s *textScreen) Refresh() {}

func (s *textScreen) Fit(w, h int) {
	iw, ih := theme.Inner(w, h, false)
	s.table.Resize(iw, ih)
	if w == s.w {
		return
	}
	s.w = w
	var lines []textLine
	plain := func(texts ...string) string { return texts[0] }
	for _, text := range s.ref.Text.Lines {
		for _, part := range term.Wrap(text, iw-4, plain) {
			lines = append(lines, textLine{len(lines), part})
		}
	}
	s.table.Set(lines)
}

func (s *textScreen) Mouse(m widget.Mouse) nav.Action {
	s.table.Mouse(m.Below(1))
	return nil
}

func (s *textScreen) View(w, h int) string {
	return s.Theme.Panel(s.ref.Text.Title+filterTitle(s.table), s.table.View(true, orUnmatched(s.Context, s.table, "")), w, h, true, false)
}
