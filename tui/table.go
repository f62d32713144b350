package tui

import "slices"

// This table takes the place of the one of bubbles, which has columns of fixed
// widths, cuts styled cells in the middle of their escapes, and remembers its
// cursor by index, where this one remembers the row.

// column is one column of a table of rows R.
type column[R any] struct {
	title string
	long  string // a title for when there is room; empty: title
	box
	right bool
	key   string // sorts by it
	// compare puts first what is looked for: A, most, oldest. nil: not sorted by.
	compare   func(a, b R) int
	ascending bool // that order goes upwards
	// last says that a row has nothing to sort by, and so is last in both
	// directions. nil: all have.
	last func(R) bool
	cell func(row R, w int) cell
	text func(R) string // what is exported; nil: the cell's text
}

// order is the column that a table is sorted by, -1 for the table's own order,
// and whether it is reversed.
type order struct {
	by       int
	reversed bool
}

// table shows rows R, sorted and filtered. Its cursor and marks are on rows, by
// their identity K, and stay on them when the data changes.
type table[K comparable, R any] struct {
	theme  *theme
	cols   []column[R]
	id     func(R) K
	match  func(R) string   // the text that a filter is matched with
	label  func(R) string   // what is copied
	own    func(a, b R) int // the order of rows that no column decides
	moved  func()           // called after the user did something to the table; nil: nothing
	hidden []bool           // by column

	all, rows []R
	here      K // under the cursor
	chosen    bool
	cursor    cursor
	w, h      int // of the table with its heading
	filter    filter
	order     order
	marks     map[K]bool
}

func newTable[K comparable, R any](t *theme, cols []column[R], id func(R) K) *table[K, R] {
	return &table[K, R]{
		theme: t, cols: cols, id: id, order: order{by: -1},
		marks: map[K]bool{}, hidden: make([]bool, len(cols)), moved: func() {},
	}
}

func (c column[R]) name() string {
	if c.long != "" {
		return c.long
	}
	return c.title
}

// set replaces the rows.
func (t *table[K, R]) set(rows []R) {
	t.all = rows
	t.rebuild()
}

// resize gives the table room, its heading included.
func (t *table[K, R]) resize(w, h int) {
	t.w, t.h = w, h
	t.cursor.settle(len(t.rows), h-1)
}

// sortNext goes to another column that can be sorted by; the table's own order
// is one of them.
func (t *table[K, R]) sortNext(step int) {
	n := len(t.cols) + 1
	for i, by := 0, t.order.by; i < n; i++ {
		by = (by+1+step+n)%n - 1
		if by < 0 || t.cols[by].compare != nil {
			t.sortBy(order{by: by})
			return
		}
	}
}

func (t *table[K, R]) sortBy(o order) {
	t.order = o
	t.rebuild()
}

func (t *table[K, R]) mark() {
	if len(t.rows) == 0 {
		return
	}
	if t.marks[t.here] {
		delete(t.marks, t.here)
	} else {
		t.marks[t.here] = true
	}
	t.move(1)
}

// move puts the cursor delta rows further.
func (t *table[K, R]) move(delta int) {
	if len(t.rows) == 0 {
		return
	}
	t.cursor.move(delta, len(t.rows))
	t.cursor.settle(len(t.rows), t.h-1)
	t.here, t.chosen = t.id(t.rows[t.cursor.at]), true
}

// choose puts the cursor on a row, also on one that is still to come.
func (t *table[K, R]) choose(id K) {
	t.here, t.chosen = id, true
	t.seek()
}

// rebuild filters and sorts, and brings the cursor back onto its row.
func (t *table[K, R]) rebuild() {
	t.rows = t.rows[:0]
	for _, r := range t.all {
		if t.filter.match == nil || t.filter.shows(t.match(r)) {
			t.rows = append(t.rows, r)
		}
	}
	if t.order.by >= 0 || t.own != nil {
		slices.SortStableFunc(t.rows, t.compare)
	}
	t.find()
}

// find brings the cursor onto its row. When that is gone, it stays where it
// was, on another row.
func (t *table[K, R]) find() {
	if !t.seek() && len(t.rows) > 0 {
		t.here, t.chosen = t.id(t.rows[t.cursor.at]), true
	}
}

// seek puts the cursor on the chosen row, and reports whether there is one.
func (t *table[K, R]) seek() bool {
	i := -1
	if t.chosen {
		i = slices.IndexFunc(t.rows, func(r R) bool { return t.id(r) == t.here })
	}
	if i >= 0 {
		t.cursor.at = i
	}
	t.cursor.settle(len(t.rows), t.h-1)
	return i >= 0
}

func (t *table[K, R]) compare(a, b R) int {
	if t.order.by >= 0 {
		if c := t.compareBy(t.cols[t.order.by], a, b); c != 0 {
			return c
		}
	}
	if t.own == nil {
		return 0
	}
	if t.order.by < 0 && t.order.reversed {
		return -t.own(a, b)
	}
	return t.own(a, b)
}

func (t *table[K, R]) compareBy(col column[R], a, b R) int {
	if col.last != nil && col.last(a) != col.last(b) {
		if col.last(a) {
			return 1
		}
		return -1
	}
	c := col.compare(a, b)
	if t.order.reversed {
		return -c
	}
	return c
}

// current is the row under the cursor.
func (t *table[K, R]) current() (row R, ok bool) {
	if len(t.rows) == 0 {
		return row, false
	}
	return t.rows[t.cursor.at], true
}

// marked are the marked rows that are in the table.
func (t *table[K, R]) marked() []R {
	var some []R
	for _, r := range t.rows {
		if t.marks[t.id(r)] {
			some = append(some, r)
		}
	}
	return some
}

// visible are the rows in view.
func (t *table[K, R]) visible() []R {
	from, to := t.cursor.window(len(t.rows), t.h-1)
	return t.rows[from:to]
}

// len returns how many rows the filter shows, total how many there are.
func (t *table[K, R]) len() int   { return len(t.rows) }
func (t *table[K, R]) total() int { return len(t.all) }

// markCount returns how many rows are marked.
func (t *table[K, R]) markCount() int { return len(t.marks) }

// target returns the identity of the row that the cursor is meant for, which
// need not be in the table, and whether there is one.
func (t *table[K, R]) target() (id K, ok bool) { return t.here, t.chosen }

// toTop has the cursor be on the first row, whichever that will be.
func (t *table[K, R]) toTop() { t.chosen, t.cursor = false, cursor{} }

// atTop reports whether the cursor is on the first row.
func (t *table[K, R]) atTop() bool { return t.cursor.at == 0 }

// shows reports whether the filter shows a row with that text.
func (t *table[K, R]) shows(text string) bool { return t.filter.shows(text) }

// usual reports whether the table has its own order, and whether in reverse.
func (t *table[K, R]) usual() (is, reversed bool) { return t.order.by < 0, t.order.reversed }

// contains reports whether a place is within the table.
func (t *table[K, R]) contains(x, y int) bool { return x >= 0 && x < t.w && y < t.h }

// widen sets the width that a column is given where there is room.
func (t *table[K, R]) widen(column, want int) { t.cols[column].want = want }
