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

func (t *Table[K, R]) moveBindings() []Binding {
	move := func(delta func() int) func() Action {
		return t.key(func() { t.Move(delta()) })
	}
	page := func() int { return max(t.h-2, 1) }
	return []Binding{
		{Keys: "up k", Label: "↑/k", Short: "up", Do: move(func() int { return -1 })},
		{Keys: "down j", Label: "↓/j", Short: "down", Do: move(func() int { return 1 })},
		{Keys: "g home", Label: "g/home", Short: "first", Do: move(func() int { return -t.cursor.at })},
		{Keys: "G end", Label: "G/end", Short: "last", Do: move(func() int { return len(t.rows) })},
		{Keys: "pgup ctrl+b", Short: "page up", Do: move(func() int { return -page() })},
		{Keys: "pgdown ctrl+f", Label: "pgdn", Short: "page down", Do: move(page)},
		{Keys: "m", Short: "mark the row, to copy or export it", Do: t.key(t.mark)},
		{Keys: "M", Short: "remove all marks", Do: t.key(func() { clear(t.marks) })},
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
		Binding{Keys: "<", Short: "sort by the column before", Do: t.key(func() { t.sortNext(-1) })},
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
