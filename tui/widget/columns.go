package widget

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// Box is what sharing out a width needs to know of a column.
type Box struct {
	Min  int  // a narrower column is left out
	Want int  // it grows up to this width, after the columns of lower rank
	Rank int  // 0 is never left out; the highest goes first, those of one rank together
	Flex bool // takes the space that is left in the end
	Soon bool // it grows before all others
	// Uncut says that its cells are to be read whole: it takes the room that no other column
	// needs, and leaves to others what it does not need itself.
	Uncut bool
	Need  int // of one that is Uncut: the width of its widest cell
	// Yields says that it is left out rather than that a column of names, which is Uncut and of
	// rank 0, has less than it wants and needs.
	Yields bool
}

// first is the width that a column grows to before others take what they need beyond theirs.
func (b Box) first() int {
	if b.Uncut {
		return min(b.Want, b.Need)
	}
	return b.Want
}

// yieldedTo reports whether others may be left out for the column.
func (b Box) yieldedTo() bool { return b.Uncut && b.Rank == 0 }

// least is the width below which columns yield to this one.
func (b Box) least() int {
	if b.yieldedTo() {
		return max(b.Min, b.first())
	}
	return b.Min
}

// FitColumns shares a width among columns; 0 leaves one out.
func FitColumns(cols []Box, w int) []int {
	widths := make([]int, len(cols))
	need, yielding := -1, -1 // in which the columns fit, and in which those that yield do
	for i, c := range cols {
		widths[i] = c.Min
		need += c.Min + 1
		yielding += c.least() + 1
	}
	for {
		out := 0 // the rank that goes
		for i, c := range cols {
			if widths[i] > 0 && (need > w || c.Yields && yielding > w) {
				out = max(out, c.Rank)
			}
		}
		if out == 0 {
			break
		}
		for i, c := range cols {
			if c.Rank == out && widths[i] > 0 {
				need -= c.Min + 1
				yielding -= c.least() + 1
				widths[i] = 0
			}
		}
	}
	s := share{cols, widths, w - need}
	s.grow()
	return widths
}

// share is a width that is being shared out.
type share struct {
	cols   []Box
	widths []int
	spare  int
}

// grow gives the spare width to the columns that want it, those of low rank first: as far as
// they need it, then to those that are cut, then as far as they want it. The rest is for the
// flexible one.
func (s *share) grow() {
	order := make([]int, len(s.cols))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case s.cols[a].Soon == s.cols[b].Soon:
			return s.cols[a].Rank - s.cols[b].Rank
		case s.cols[a].Soon:
			return -1
		default:
			return 1
		}
	})
	for _, i := range order {
		s.widen(i, s.cols[i].first(), s.spare)
	}
	s.uncut()
	for _, i := range order {
		s.widen(i, s.cols[i].Want, s.spare)
	}
	if i := slices.IndexFunc(s.cols, func(c Box) bool { return c.Flex }); i >= 0 {
		s.widen(i, s.widths[i]+s.spare, s.spare)
	}
}

// widen brings a column that is shown to a width, by at most so much.
func (s *share) widen(i, to, most int) {
	if s.widths[i] == 0 {
		return
	}
	more := max(min(to-s.widths[i], most, s.spare), 0)
	s.widths[i] += more
	s.spare -= more
}

// uncut widens the columns that are cut, in equal parts. One that lacks less than its part
// leaves the rest to the others.
func (s *share) uncut() {
	lacks := func(i int) int { return s.cols[i].Need - s.widths[i] }
	var short []int
	for i, c := range s.cols {
		if c.Uncut && s.widths[i] > 0 && lacks(i) > 0 {
			short = append(short, i)
		}
	}
	slices.SortStableFunc(short, func(a, b int) int { return lacks(a) - lacks(b) })
	for n, i := range short {
		s.widen(i, s.cols[i].Need, s.spare/(len(short)-n))
	}
}

// Line is one line of a table: cells in widths, of which 0 leaves one out. What the styles
// of cells do not say is as in the style of the row; nil: it has none.
func Line(widths []int, right []bool, cells []theme.Text, row *lipgloss.Style) string {
	var b strings.Builder
	gap := " "
	if row != nil {
		gap = theme.Paint(row, gap)
	}
	for i, c := range cells {
		if widths[i] == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(gap)
		}
		style := c.Style
		if row != nil { // to inherit costs as much as to measure the text
			style = style.Inherit(*row)
		}
		b.WriteString(theme.Paint(&style, term.Pad(c.Text, widths[i], right[i])))
	}
	return b.String()
}

// cursor is a place in a list and the part of the list that is in view.
type cursor struct {
	at, top int
}

// move goes by delta rows in a list of n.
func (c *cursor) move(delta, n int) { c.at = min(max(c.at+delta, 0), max(n-1, 0)) }

// settle brings the cursor into a list of n and the view of rows lines around it.
func (c *cursor) settle(n, rows int) {
	c.move(0, n)
	rows = max(rows, 1)
	c.top = min(c.top, c.at, max(n-rows, 0))
	c.top = max(c.top, c.at-rows+1, 0)
}

// window is the part of a list of n that is in view.
func (c cursor) window(n, rows int) (from, to int) {
	from = min(max(c.top, 0), n)
	return from, min(from+max(rows, 0), n)
}
