package tui

import tea "charm.land/bubbletea/v2"

// click handles a click at a place within the table. It reports whether a row
// that had the cursor was clicked again.
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

// mouse handles the wheel and clicks for a screen whose table stands below its
// title. A second click on a row opens it.
func (t *table[K, R]) mouse(msg tea.Msg, open func() tea.Cmd) tea.Cmd {
	switch msg := msg.(type) {
	case wheelMsg:
		t.move(msg.delta)
	case clickMsg:
		if t.click(msg.x, msg.y-1) {
			return open()
		}
	}
	return nil
}

func (t *table[K, R]) clickHeading(x int) {
	at := 0
	for i, w := range t.widths() {
		if by := i - 1; by >= 0 && x >= at && x < at+w && t.cols[by].compare != nil {
			t.sortBy(order{by, by == t.order.by && !t.order.reversed})
			return
		}
		if w > 0 {
			at += w + 1
		}
	}
}
