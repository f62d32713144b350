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
		Bind("↑/k", "up", move(func() int { return -1 }), "up", "k"),
		Bind("↓/j", "down", move(func() int { return 1 }), "down", "j"),
		Bind("g/home", "first", move(func() int { return -t.cursor.at }), "g", "home"),
		Bind("G/end", "last", move(func() int { return len(t.rows) }), "G", "end"),
		Bind("pgup", "page up", move(func() int { return -page() }), "pgup", "ctrl+b"),
		Bind("pgdn", "page down", move(page), "pgdown", "ctrl+f"),
		Bind("m", "mark the row, to copy or export it", t.key(t.mark), "m"),
		Bind("M", "remove all marks", t.key(func() { clear(t.marks) }), "M"),
	}
}

// sortBindings are empty for a table whose rows have one order only.
func (t *Table[K, R]) sortBindings() []Binding {
	if len(t.Sortable()) == 0 {
		return nil
	}
	var sorts []Binding
	for i, col := range t.cols {
		if col.Key != "" && col.Compare != nil {
			sorts = append(sorts, Bind(col.Key, "sort by "+col.name(), t.key(func() { t.sortAgain(i) }), col.Key))
		}
	}
	return append(sorts,
		Bind("<", "sort by the column before", t.key(func() { t.sortNext(-1) }), "<"),
		Bind(">", "sort by the next column", t.key(func() { t.sortNext(1) }), ">"),
		Bind("R", "reverse the order", t.key(func() { t.sortBy(order{t.order.by, !t.order.reversed}) }), "R"),
	)
}

// key is do as a binding's, with the screen told of it.
func (t *Table[K, R]) key(do func()) func() Action {
	return func() Action {
		do()
		t.Moved()
		return nil
	}
}
