package widget

// Bindings are the keys of a table, for its screen. The texts need no table, and
// so are the same for all.
func (t *Table[K, R]) Bindings() []Group {
	groups := []Group{{"move", t.moveBindings()}}
	if sorts := t.sortBindings(); len(sorts) > 0 {
		groups = append(groups, Group{"sort", sorts})
	}
	return groups
}

// moveBindings move the cursor or, where the text beside the table has the focus, that text.
func (t *Table[K, R]) moveBindings() []Binding {
	up := func(view, _ int) int { return -max(view, 1) }
	down := func(view, _ int) int { return max(view, 1) }
	return []Binding{
		{Keys: "up k", Label: "↑/k", Short: "up", Do: t.move(func(int, int) int { return -1 })},
		{Keys: "down j", Label: "↓/j", Short: "down", Do: t.move(func(int, int) int { return 1 })},
		{Keys: "g home", Label: "g/home", Short: "first", Do: t.move(func(_, all int) int { return -all })},
		{Keys: "G end", Label: "G/end", Short: "last", Do: t.move(func(_, all int) int { return all })},
		{Keys: "pgup ctrl+b", Short: "page up", Long: "ctrl+b too", Do: t.move(func(view, all int) int { return up(view-1, all) })},
		{Keys: "pgdown ctrl+f", Label: "pgdn", Short: "page down", Long: "ctrl+f too", Do: t.move(func(view, all int) int { return down(view-1, all) })},
		{Keys: "ctrl+u", Short: "half a page up", Do: t.move(func(view, all int) int { return up(view/2, all) })},
		{Keys: "ctrl+d", Short: "half a page down", Do: t.move(func(view, all int) int { return down(view/2, all) })},
		{Keys: "m", Short: "mark the row, to copy or export it", Do: t.key(t.mark)},
		{Keys: "M", Short: "remove all marks", Off: t.offUnmark, Do: t.key(func() { clear(t.marks) })},
	}
}

func (t *Table[K, R]) offUnmark() Off {
	if len(t.marks) == 0 {
		return Off{Why: "no row is marked", Shown: true}
	}
	return Off{}
}

// move returns what a key does that goes by some rows, given how many rows are in view and
// how many there are.
func (t *Table[K, R]) move(rows func(view, all int) int) func() Action {
	return func() Action {
		if text := t.Beside; text.Focused() {
			text.scroll(rows(text.h, text.lines))
			return nil
		}
		t.Move(rows(t.h-1, len(t.rows)))
		t.Moved()
		return nil
	}
}

// sortBindings returns the keys that sort, none if no column can be sorted by.
func (t *Table[K, R]) sortBindings() []Binding {
	if len(t.Sortable()) == 0 {
		return nil
	}
	var sorts []Binding
	for i, col := range t.cols {
		if col.Key != "" && col.Compare != nil {
			sorts = append(sorts, Binding{Keys: col.Key, Short: "sort by " + col.name(), Do: t.key(func() { t.sortAgain(i) })})
		}
	}
	return append(sorts,
		Binding{Keys: "<", Short: "sort by the previous column", Do: t.key(func() { t.sortNext(-1) })},
		Binding{Keys: ">", Short: "sort by the next column", Do: t.key(func() { t.sortNext(1) })},
		Binding{Keys: "R", Short: "reverse the order", Do: t.key(func() { t.sortBy(order{t.order.by, !t.order.reversed}) })},
	)
}

// key returns what a binding does: do, then notify the screen.
func (t *Table[K, R]) key(do func()) func() Action {
	return func() Action {
		do()
		t.Moved()
		return nil
	}
}
