package tui

// bindings are the keys of a table, for its screen. The texts need no table, and
// so are the same for all.
func (t *table[K, R]) bindings() []Group {
	groups := []Group{{"move", t.moveBindings()}}
	if sorts := t.sortBindings(); len(sorts) > 0 {
		groups = append(groups, Group{"sort", sorts})
	}
	return groups
}

func (t *table[K, R]) moveBindings() []Binding {
	move := func(delta func() int) func() Action {
		return t.key(func() { t.move(delta()) })
	}
	page := func() int { return max(t.h-2, 1) }
	return []Binding{
		bind("↑/k", "up", move(func() int { return -1 }), "up", "k"),
		bind("↓/j", "down", move(func() int { return 1 }), "down", "j"),
		bind("g/home", "first", move(func() int { return -t.cursor.at }), "g", "home"),
		bind("G/end", "last", move(func() int { return len(t.rows) }), "G", "end"),
		bind("pgup", "page up", move(func() int { return -page() }), "pgup", "ctrl+b"),
		bind("pgdn", "page down", move(page), "pgdown", "ctrl+f"),
		bind("m", "mark the row, to copy or export it", t.key(t.mark), "m"),
		bind("M", "remove all marks", t.key(func() { clear(t.marks) }), "M"),
	}
}

// sortBindings are empty for a table whose rows have one order only.
func (t *table[K, R]) sortBindings() []Binding {
	if len(t.sortable()) == 0 {
		return nil
	}
	var sorts []Binding
	for i, col := range t.cols {
		if col.key != "" && col.compare != nil {
			sorts = append(sorts, bind(col.key, "sort by "+col.name(), t.key(func() { t.sortAgain(i) }), col.key))
		}
	}
	return append(sorts,
		bind("<", "sort by the column before", t.key(func() { t.sortNext(-1) }), "<"),
		bind(">", "sort by the next column", t.key(func() { t.sortNext(1) }), ">"),
		bind("R", "reverse the order", t.key(func() { t.sortBy(order{t.order.by, !t.order.reversed}) }), "R"),
	)
}

// key is do as a binding's, with the screen told of it.
func (t *table[K, R]) key(do func()) func() Action {
	return func() Action {
		do()
		t.moved()
		return nil
	}
}
