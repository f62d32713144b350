package tui

// mouse is a click or a turn of the wheel, at a place within a screen.
type mouse struct {
	x, y  int
	wheel int // rows to scroll, downwards if positive; 0: a click
}

// below is the event within what begins that many lines further down.
func (m mouse) below(lines int) mouse {
	m.y -= lines
	return m
}

// mouse handles a mouse event at a place within the table, and reports whether
// it opens the row under the cursor: a second click on it does.
func (t *table[K, R]) mouse(m mouse) (opens bool) {
	if m.wheel != 0 {
		t.move(m.wheel)
	} else {
		opens = t.click(m.x, m.y)
	}
	t.moved()
	return opens
}

// click puts the cursor on the row at a place, or sorts by the heading there. It
// reports whether the row had the cursor already.
func (t *table[K, R]) click(x, y int) (again bool) {
	if y == 0 {
		t.clickHeading(x)
		return false
	}
	from, to := t.cursor.window(len(t.rows), t.h-1)
	i := from + y - 1
	if y < 0 || i >= to {
		return false
	}
	again = i == t.cursor.at
	t.move(i - t.cursor.at)
	return again
}

func (t *table[K, R]) clickHeading(x int) {
	at := 0
	for i, w := range t.widths() {
		if by := i - 1; by >= 0 && x >= at && x < at+w && t.cols[by].compare != nil {
			t.sortAgain(by)
			return
		}
		if w > 0 {
			at += w + 1
		}
	}
}

// sortAgain sorts by a column, in the other direction if that is so already.
func (t *table[K, R]) sortAgain(by int) {
	t.sortBy(order{by, by == t.order.by && !t.order.reversed})
}
