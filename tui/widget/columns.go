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
	Rank int  // 0 is never left out; the highest goes first
	Flex bool // takes the space that is left in the end
	Soon bool // it grows before all others
}

// FitColumns shares a width among columns; 0 leaves one out.
func FitColumns(cols []Box, w int) []int {
	widths := make([]int, len(cols))
	need := -1
	for i, c := range cols {
		widths[i] = c.Min
		need += c.Min + 1
	}
	for need > w {
		out := -1
		for i, c := range cols {
			if widths[i] > 0 && c.Rank > 0 && (out < 0 || c.Rank > cols[out].Rank) {
				out = i
			}
		}
		if out < 0 {
			break
		}
		need -= widths[out] + 1
		widths[out] = 0
	}
	return grow(cols, widths, w-need)
}

// grow gives the spare width to the columns that want it, those of low rank
// first, and the rest to the flexible one.
func grow(cols []Box, widths []int, spare int) []int {
	order := make([]int, len(cols))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case cols[a].Soon == cols[b].Soon:
			return cols[a].Rank - cols[b].Rank
		case cols[a].Soon:
			return -1
		default:
			return 1
		}
	})
	for _, i := range order {
		if widths[i] == 0 || spare <= 0 {
			continue
		}
		more := min(max(cols[i].Want-widths[i], 0), spare)
		widths[i] += more
		spare -= more
	}
	for i, c := range cols {
		if c.Flex && widths[i] > 0 && spare > 0 {
			widths[i] += spare
			break
		}
	}
	return widths
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
