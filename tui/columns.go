package tui

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
)

// cell is a text and what it means. The text is printable already.
type cell struct {
	text  string
	style lipgloss.Style
}

// box is what sharing out a width needs to know of a column.
type box struct {
	min  int  // a narrower column is left out
	want int  // a wider one is given what is left by those of lower rank
	rank int  // 0 is never left out; the highest goes first
	flex bool // takes the space that is left in the end
	soon bool // is given what is left before all others
}

// fitColumns shares a width among columns; 0 leaves one out.
func fitColumns(cols []box, w int) []int {
	widths := make([]int, len(cols))
	need := -1
	for i, c := range cols {
		widths[i] = c.min
		need += c.min + 1
	}
	for need > w {
		out := -1
		for i, c := range cols {
			if widths[i] > 0 && c.rank > 0 && (out < 0 || c.rank > cols[out].rank) {
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
func grow(cols []box, widths []int, spare int) []int {
	order := make([]int, len(cols))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case cols[a].soon == cols[b].soon:
			return cols[a].rank - cols[b].rank
		case cols[a].soon:
			return -1
		default:
			return 1
		}
	})
	for _, i := range order {
		if widths[i] == 0 || spare <= 0 {
			continue
		}
		more := min(max(cols[i].want-widths[i], 0), spare)
		widths[i] += more
		spare -= more
	}
	for i, c := range cols {
		if c.flex && widths[i] > 0 && spare > 0 {
			widths[i] += spare
			break
		}
	}
	return widths
}

// line is one line of a table: cells in widths, of which 0 leaves one out.
func line(widths []int, right []bool, cells []cell, row lipgloss.Style) string {
	var b strings.Builder
	gap := row.Render(" ")
	for i, c := range cells {
		if widths[i] == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(gap)
		}
		b.WriteString(c.style.Inherit(row).Render(pad(c.text, widths[i], right[i])))
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
