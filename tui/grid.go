package tui

import (
	"slices"
	"strings"
)

// grid is what is done to a table from outside its screen.
type grid interface {
	filtered() string
	setFilter(text string) error
	sorted() string
	setSort(text string) bool
	sortable() []string
	columns() []string
	hide(names []string)
	copied() []string
	sheet() sheet
}

// sheet is a table as text.
type sheet struct {
	heading []string
	rows    [][]string
}

func (t *table[K, R]) filtered() string { return t.filter.text }

// setFilter filters by what was typed. A pattern that is none leaves the filter
// as it was.
func (t *table[K, R]) setFilter(text string) error {
	f, err := newFilter(text)
	if err != nil {
		return err
	}
	t.filter = f
	t.rebuild()
	return nil
}

// sorted is the order as setSort takes it: the column, and - in front when it
// is reversed.
func (t *table[K, R]) sorted() string {
	name := ""
	if t.order.by >= 0 {
		name = t.cols[t.order.by].name()
	}
	if t.order.reversed {
		return "-" + name
	}
	return name
}

func (t *table[K, R]) setSort(text string) bool {
	name, reversed := strings.CutPrefix(text, "-")
	by := -1
	if name != "" {
		by = slices.IndexFunc(t.cols, func(c column[R]) bool { return c.compare != nil && c.name() == name })
		if by < 0 {
			return false
		}
	}
	t.sortBy(order{by, reversed})
	return true
}

func (t *table[K, R]) sortable() []string {
	var names []string
	for _, c := range t.cols {
		if c.compare != nil {
			names = append(names, c.name())
		}
	}
	return names
}

// columns are the names of all columns, hidden ones too.
func (t *table[K, R]) columns() []string {
	var names []string
	for _, c := range t.cols {
		names = append(names, c.name())
	}
	return names
}

// hide hides columns by their names, and shows all others.
func (t *table[K, R]) hide(names []string) {
	for i, c := range t.cols {
		t.hidden[i] = slices.Contains(names, c.name())
	}
}

// copied is what stands for the marked rows, or for the one under the cursor.
func (t *table[K, R]) copied() []string {
	rows := t.marked()
	if r, ok := t.current(); ok && len(rows) == 0 {
		rows = []R{r}
	}
	var labels []string
	for _, r := range rows {
		labels = append(labels, t.label(r))
	}
	return labels
}

// sheet is the table as it is filtered and sorted, or its marked rows.
func (t *table[K, R]) sheet() sheet {
	s := sheet{heading: t.columns()}
	rows := t.marked()
	if len(rows) == 0 {
		rows = t.rows
	}
	for _, r := range rows {
		var texts []string
		for _, c := range t.cols {
			if c.text != nil {
				texts = append(texts, c.text(r))
				continue
			}
			texts = append(texts, c.cell(r, wholeWidth).text)
		}
		s.rows = append(s.rows, texts)
	}
	return s
}

// wholeWidth is a width at which no cell is cut.
const wholeWidth = 1 << 20
