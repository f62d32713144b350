package widget

// Mouse is a click or a turn of the wheel, at a place within a screen.
type Mouse struct {
	X, Y  int
	Wheel int // rows to scroll, downwards if positive; 0: a click
}

// Below is the event within what begins that many lines further down.
func (m Mouse) Below(lines int) Mouse {
	m.Y -= lines
	return m
}

// Mouse handles a mouse event at a place within the table, and reports whether
// it opens the row under the cursor: a second click on it does.
func (t *Table[K, R]) Mouse(m Mouse) (opens bool) {
	if m.Wheel != 0 {
		t.Move(m.Wheel)
	} else {
		opens = t.click(m.X, m.Y)
	}
	t.Moved()
	return opens
}

// click puts the cursor on the row at a place, or sorts by the heading there. It
// reports whether the row had the cursor already.
func (t *Table[K, R]) click(x, y int) (again bool) {
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
	t.Move(i - t.cursor.at)
	return again
}

func (t *Table[K, R]) clickHeading(x int) {
	at := 0
	for i, w := range t.Widths() {
		if by := i - 1; by >= 0 && x >= at && x < at+w && t.cols[by].Compare != nil {
			t.sortAgain(by)
			return
		}
		if w > 0 {
			at += w + 1
		}
	}
}

// sortAgain sorts by a column, in the other direction if that is so already.
func (t *Table[K, R]) sortAgain(by int) {
	t.sortBy(order{by, by == t.order.by && !t.order.reversed})
}
