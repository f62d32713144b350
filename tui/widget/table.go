package widget

import (
	"iter"
	"slices"

	"etcd-lock/internal/format"
	"etcd-lock/tui/theme"
)

// This table takes the place of the one of bubbles, which has columns of fixed
// widths, cuts styled cells in the middle of their escapes, and remembers its
// cursor by index, where this one remembers the row.

// Column is one column of a table of rows R.
type Column[R any] struct {
	Title string
	Long  string // a title for when there is room; empty: title
	Box
	Right bool
	Key   string // sorts by it
	// Compare orders the rows: A, the most, the oldest first. nil: not sortable.
	Compare   func(a, b R) int
	Ascending bool // that order goes upwards
	// Last says that a row has nothing to sort by, and so is last in both
	// directions. nil: all have.
	Last func(R) bool
	Cell func(row R, w int) theme.Text
	Text func(R) string // for export and filters; nil: the cell's text
	// Brief is what the cell says in little room, for filters too. nil: a part of its text.
	Brief func(R) string
	// Number is what a filter compares, in seconds for a time, and whether it is known.
	// nil: there is none.
	Number func(R) (n float64, known bool)
}

// order is the column that a table is sorted by, -1 for the table's own order,
// and whether it is reversed.
type order struct {
	by       int
	reversed bool
}

// Table shows rows R, sorted and filtered. Its cursor and marks are on rows, by
// their identity K, and stay on them when the data changes.
type Table[K comparable, R any] struct {
	theme        *theme.Theme
	cols         []Column[R]
	id           func(R) K
	Match        func(R) string                      // the text that a filter is matched with
	More         func(R) iter.Seq[string]            // texts that it is matched with if that does not match; nil: none
	Fields       map[string]func(R) iter.Seq[string] // that it can be matched with by name, beside the columns; nil: none
	Label        func(R) string                      // for copying
	DefaultOrder func(a, b R) int                    // the order of rows that no column decides
	Moved        func()                              // called after the user did something to the table; nil: nothing
	Beside       *Pager                              // the text that the keys scroll when it has the focus; nil: none
	Fold         func(rows []R, cursor K) []R        // has rows stand for several; not for the one under the cursor. nil: none do
	Whole        func(R) (text theme.Text, is bool)  // a row that is one text, without columns; nil: none is
	hidden       []bool                              // by column
	needs        []int                               // by column: the width of its widest cell that was in view
	seen         sight                               // what that is known of
	version      int                                 // of the rows

	all, rows []R
	matching  []R // that the filter shows: rows, before some stand for several
	selected  K   // under the cursor
	chosen    bool
	cursor    cursor
	w, h      int // of the table with its heading
	filter    filter[R]
	order     order
	marks     map[K]bool
}

// NewTable returns a table of these columns, whose rows are told apart by id.
func NewTable[K comparable, R any](t *theme.Theme, cols []Column[R], id func(R) K) *Table[K, R] {
	return &Table[K, R]{
		theme: t, cols: cols, id: id, order: order{by: -1},
		marks: map[K]bool{}, hidden: make([]bool, len(cols)), needs: make([]int, len(cols)), Moved: func() {},
	}
}

func (c Column[R]) name() string {
	if c.Long != "" {
		return c.Long
	}
	return c.Title
}

// Set replaces the rows.
func (t *Table[K, R]) Set(rows []R) {
	t.all = rows
	t.Rebuild()
}

// Resize gives the table room, its heading included.
func (t *Table[K, R]) Resize(w, h int) {
	t.w, t.h = w, h
	t.cursor.settle(len(t.rows), h-1)
}

// sortNext goes to another column that can be sorted by; the table's own order
// is one of them.
func (t *Table[K, R]) sortNext(step int) {
	n := len(t.cols) + 1
	for i, by := 0, t.order.by; i < n; i++ {
		by = (by+1+step+n)%n - 1
		if by < 0 || t.cols[by].Compare != nil {
			t.sortBy(order{by: by})
			return
		}
	}
}

func (t *Table[K, R]) sortBy(o order) {
	t.order = o
	t.Rebuild()
}

func (t *Table[K, R]) mark() {
	if len(t.rows) == 0 {
		return
	}
	if t.marks[t.selected] {
		delete(t.marks, t.selected)
	} else {
		t.marks[t.selected] = true
	}
	t.Move(1)
}

// Move puts the cursor delta rows further.
func (t *Table[K, R]) Move(delta int) {
	if len(t.rows) == 0 {
		return
	}
	t.cursor.move(delta, len(t.rows))
	t.cursor.settle(len(t.rows), t.h-1)
	t.selected, t.chosen = t.id(t.rows[t.cursor.at]), true
}

// Choose puts the cursor on a row, also on one that is still to come.
func (t *Table[K, R]) Choose(id K) {
	t.selected, t.chosen = id, true
	t.seek()
}

// Rebuild filters and sorts, and brings the cursor back onto its row.
func (t *Table[K, R]) Rebuild() {
	t.version++
	t.matching = t.matching[:0]
	for _, r := range t.all {
		if t.filter.shows(r) {
			t.matching = append(t.matching, r)
		}
	}
	if t.order.by >= 0 || t.DefaultOrder != nil {
		slices.SortStableFunc(t.matching, t.compare)
	}
	t.rows = t.matching
	if t.Fold != nil {
		t.rows = t.Fold(t.matching, t.selected)
	}
	t.find()
}

// find brings the cursor back to its row. If that has disappeared, the cursor
// stays where it was, on another row.
func (t *Table[K, R]) find() {
	if !t.seek() && len(t.rows) > 0 {
		t.selected, t.chosen = t.id(t.rows[t.cursor.at]), true
	}
}

// seek puts the cursor on the chosen row, and reports whether there is one.
func (t *Table[K, R]) seek() bool {
	i := -1
	if t.chosen {
		i = slices.IndexFunc(t.rows, func(r R) bool { return t.id(r) == t.selected })
	}
	if i >= 0 {
		t.cursor.at = i
	}
	t.cursor.settle(len(t.rows), t.h-1)
	return i >= 0
}

func (t *Table[K, R]) compare(a, b R) int {
	if t.order.by >= 0 {
		if c := t.compareBy(t.cols[t.order.by], a, b); c != 0 {
			return c
		}
	}
	if t.DefaultOrder == nil {
		return 0
	}
	if t.order.by < 0 && t.order.reversed {
		return -t.DefaultOrder(a, b)
	}
	return t.DefaultOrder(a, b)
}

func (t *Table[K, R]) compareBy(col Column[R], a, b R) int {
	if col.Last != nil && col.Last(a) != col.Last(b) {
		if col.Last(a) {
			return 1
		}
		return -1
	}
	c := col.Compare(a, b)
	if t.order.reversed {
		return -c
	}
	return c
}

// Current is the row under the cursor.
func (t *Table[K, R]) Current() (row R, ok bool) {
	if len(t.rows) == 0 {
		return row, false
	}
	return t.rows[t.cursor.at], true
}

// marked are the marked rows that are in the table.
func (t *Table[K, R]) marked() []R {
	var some []R
	for _, r := range t.matching {
		if t.marks[t.id(r)] {
			some = append(some, r)
		}
	}
	return some
}

// Visible are the rows in view.
func (t *Table[K, R]) Visible() []R {
	from, to := t.cursor.window(len(t.rows), t.h-1)
	return t.rows[from:to]
}

// Len returns how many rows the filter shows.
func (t *Table[K, R]) Len() int { return len(t.rows) }

// Total returns how many rows there are.
func (t *Table[K, R]) Total() int { return len(t.all) }

// MarkCount returns how many of the rows that the filter shows are marked. Marks of rows
// that have vanished count again if these come back.
func (t *Table[K, R]) MarkCount() int {
	if len(t.marks) == 0 {
		return 0
	}
	return len(t.marked())
}

// OnlyCursor is why a key that acts on the row under the cursor is off: other rows are
// marked, and might be taken for what it acts on.
func (t *Table[K, R]) OnlyCursor() Off {
	n := t.MarkCount()
	if r, ok := t.Current(); n == 0 || ok && n == 1 && t.marks[t.id(r)] {
		return Off{}
	}
	unmark := ": unmark them first"
	if n == 1 {
		unmark = ": unmark that first"
	}
	return Off{Why: format.Count(n, "row is", "rows are") + " marked, but it acts on one row only" + unmark, Shown: true}
}

// Target returns the identity of the row that the cursor is meant for, which
// need not be in the table, and whether there is one.
func (t *Table[K, R]) Target() (id K, ok bool) { return t.selected, t.chosen }

// ToTop has the cursor be on the first row, whichever that will be.
func (t *Table[K, R]) ToTop() { t.chosen, t.cursor = false, cursor{} }

// AtTop reports whether the cursor is on the first row.
func (t *Table[K, R]) AtTop() bool { return t.cursor.at == 0 }

// Shows reports whether the filter shows that row.
func (t *Table[K, R]) Shows(id K) bool {
	return slices.ContainsFunc(t.rows, func(r R) bool { return t.id(r) == id })
}

// Usual reports whether the table has its own order, and whether in reverse.
func (t *Table[K, R]) Usual() (is, reversed bool) { return t.order.by < 0, t.order.reversed }

// Contains reports whether a place is within the table.
func (t *Table[K, R]) Contains(x, y int) bool { return x >= 0 && x < t.w && y < t.h }

// Widen sets the least width of a column, and the one that it is given where there is room.
func (t *Table[K, R]) Widen(column, least, want int) {
	t.cols[column].Min, t.cols[column].Want = least, want
}
