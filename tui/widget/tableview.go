package widget

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// gutter is the room for the cursor and the mark.
const gutter = 2

// Widths returns the width of the gutter and of each column, 0 for those that are
// left out.
func (t *Table[K, R]) Widths() []int { return FitColumns(t.boxes(), t.w) }

// Room is the width in which those columns are whole that others yield to, with these and
// without them; 0: they are whole at their least widths.
func (t *Table[K, R]) Room() (all, without int) {
	all, without = -1, -1
	long := false
	for i, b := range t.boxes() {
		if i > 0 && t.hidden[i-1] {
			continue
		}
		w := b.Min + 1
		if b.yieldedTo() {
			w = max(b.Min, b.Need) + 1
			long = long || b.Need > b.Min
		}
		all += w
		if !b.Yields {
			without += w
		}
	}
	if !long {
		return 0, 0
	}
	return all, without
}

// boxes are the gutter and the columns.
func (t *Table[K, R]) boxes() []Box {
	t.measure()
	boxes := make([]Box, 0, len(t.cols)+1)
	boxes = append(boxes, Box{Min: gutter})
	for i, c := range t.cols {
		b := c.Box
		b.Need = t.needs[i]
		if t.hidden[i] {
			b = Box{Min: 1 << 16, Rank: 1 << 16}
		}
		boxes = append(boxes, b)
	}
	return boxes
}

// measure notes how wide the cells in view are that should be whole. It reads no other rows,
// since there may be many, and forgets none until another filter is set: columns would go to
// and fro while rows are scrolled or replaced.
func (t *Table[K, R]) measure() {
	from, to := t.cursor.window(len(t.rows), t.h-1)
	seen := sight{t.version, from, to}
	if t.seen == seen {
		return
	}
	t.seen = seen
	for _, r := range t.rows[from:to] {
		if t.Whole != nil {
			if _, is := t.Whole(r); is {
				continue
			}
		}
		for i, c := range t.cols {
			if c.Uncut && !t.hidden[i] {
				t.needs[i] = max(t.needs[i], term.Width(c.Cell(r, WholeWidth).Text))
			}
		}
	}
}

// sight is the rows in view: which of them, and as of which version of the table.
type sight struct{ version, from, to int }

// View is the heading and the rows in view, or, when there are none, why.
func (t *Table[K, R]) View(focused bool, empty string) string {
	widths := t.Widths()
	right := make([]bool, 1, len(t.cols)+1)
	cells := make([]theme.Text, 1, len(t.cols)+1) // of one line after the other
	for i, c := range t.cols {
		right = append(right, c.Right)
		cells = append(cells, theme.Styled(t.heading(i, widths[i+1]), t.theme.Heading))
	}
	lines := []string{Line(widths, right, cells, nil)}
	if len(t.rows) == 0 {
		for _, l := range term.Wrap(empty, t.w-gutter, t.theme.Dim.Render) {
			lines = append(lines, "  "+l)
		}
		return strings.Join(lines, "\n")
	}
	from, to := t.cursor.window(len(t.rows), t.h-1)
	for i := from; i < to; i++ {
		row := t.theme.Row(i == t.cursor.at, focused)
		if line, is := t.whole(i, row); is {
			lines = append(lines, line)
			continue
		}
		t.cells(cells, i, widths)
		lines = append(lines, Line(widths, right, cells, row))
	}
	return strings.Join(lines, "\n")
}

// whole is the line of a row that is one text, if it is one.
func (t *Table[K, R]) whole(i int, row *lipgloss.Style) (line string, is bool) {
	if t.Whole == nil {
		return "", false
	}
	text, is := t.Whole(t.rows[i])
	if !is {
		return "", false
	}
	widths := []int{gutter, max(t.w-gutter-1, 0)}
	return Line(widths, make([]bool, len(widths)), []theme.Text{t.sign(i), text}, row), true
}

// sign is the cursor and the mark of a row.
func (t *Table[K, R]) sign(i int) theme.Text {
	sign := []byte("  ")
	if i == t.cursor.at {
		sign[0] = '>'
	}
	if t.marks[t.id(t.rows[i])] {
		sign[1] = '+'
	}
	return theme.Styled(string(sign), t.theme.Bold)
}

func (t *Table[K, R]) heading(i, w int) string {
	title, arrow := t.cols[i].Title, t.arrow(i)
	if long := t.cols[i].name(); term.Width(long+arrow) <= w {
		title = long
	}
	if arrow != "" && term.Width(title+arrow) > w && w > 1 { // a letter tells less than the arrow
		title = ansi.Truncate(title, w-1, "")
	}
	return title + arrow
}

// arrow says that the rows are sorted by a column, and how.
func (t *Table[K, R]) arrow(i int) string {
	switch {
	case t.order.by != i:
		return ""
	case t.order.reversed == t.cols[i].Ascending:
		return "▼"
	default:
		return "▲"
	}
}

// cells makes the cells of a row, in place of those of another.
func (t *Table[K, R]) cells(cells []theme.Text, i int, widths []int) {
	r := t.rows[i]
	cells[0] = t.sign(i)
	for i, c := range t.cols {
		cells[i+1] = theme.Text{}
		if w := widths[i+1]; w > 0 {
			cells[i+1] = c.Cell(r, w)
		}
	}
}
