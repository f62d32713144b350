package tui

import "strings"

// gutter is the room for the cursor and the mark.
const gutter = 2

func (t *table[K, R]) widths() []int {
	boxes := make([]box, 0, len(t.cols)+1)
	boxes = append(boxes, box{min: gutter})
	for i, c := range t.cols {
		b := c.box
		if t.hidden[i] {
			b = box{min: 1 << 16, rank: 1 << 16}
		}
		boxes = append(boxes, b)
	}
	return fitColumns(boxes, t.w)
}

// view is the heading and the rows in view, or, when there are none, why.
func (t *table[K, R]) view(focused bool, empty string) string {
	widths := t.widths()
	right := make([]bool, 1, len(t.cols)+1)
	cells := make([]cell, 1, len(t.cols)+1) // of one line after the other
	for i, c := range t.cols {
		right = append(right, c.right)
		cells = append(cells, cell{t.heading(i, widths[i+1]), t.theme.heading})
	}
	lines := []string{line(widths, right, cells, t.theme.plain)}
	if len(t.rows) == 0 {
		for _, l := range wrapped(empty, t.w-gutter, t.theme.dim.Render) {
			lines = append(lines, "  "+l)
		}
		return strings.Join(lines, "\n")
	}
	from, to := t.cursor.window(len(t.rows), t.h-1)
	for i := from; i < to; i++ {
		row := t.theme.row(i == t.cursor.at, focused)
		t.cells(cells, i, widths)
		lines = append(lines, line(widths, right, cells, row))
	}
	return strings.Join(lines, "\n")
}

func (t *table[K, R]) heading(i, w int) string {
	title := t.cols[i].title
	arrow := ""
	switch {
	case t.order.by != i:
	case t.order.reversed == t.cols[i].ascending:
		arrow = "▼"
	default:
		arrow = "▲"
	}
	if long := t.cols[i].name(); len(long)+len(arrow) <= w {
		title = long
	}
	return title + arrow
}

// cells makes the cells of a row, in place of those of another.
func (t *table[K, R]) cells(cells []cell, i int, widths []int) {
	r := t.rows[i]
	sign := []byte("  ")
	if i == t.cursor.at {
		sign[0] = '>'
	}
	if t.marks[t.id(r)] {
		sign[1] = '+'
	}
	cells[0] = cell{string(sign), t.theme.bold}
	for i, c := range t.cols {
		cells[i+1] = cell{}
		if w := widths[i+1]; w > 0 {
			cells[i+1] = c.cell(r, w)
		}
	}
}
