package widget

import (
	"slices"
	"strings"
)

// Grid is a table as seen from outside its screen: by commands and preferences.
type Grid interface {
	Filtered() string
	SetFilter(text string) error
	Odd() string
	Sorted() string
	SortUnseen() string
	SetSort(text string) bool
	Sortable() []string
	Columns() []string
	Named(text string) string
	Hide(names []string)
	Copied() []string
	MarkCount() int
	OnlyCursor() Off
	Sheet() Sheet
	Row() (label string, row Sheet)
}

// Sheet is a table as text.
type Sheet struct {
	Heading []string
	Rows    [][]string
}

// Filtered returns the text of the filter, empty if there is none.
func (t *Table[K, R]) Filtered() string { return t.filter.text }

// Odd says why a term of the filter that looks like one of a field is looked for as text;
// empty: none is.
func (t *Table[K, R]) Odd() string { return t.filter.odd }

// SetFilter sets the filter. With an invalid pattern it keeps the old one and
// returns an error.
func (t *Table[K, R]) SetFilter(text string) error {
	f, err := t.parse(text)
	if err != nil {
		return err
	}
	t.filter = f
	clear(t.needs)
	t.Rebuild()
	return nil
}

// Sorted is the order as setSort takes it: the column, and - in front when it
// is reversed.
func (t *Table[K, R]) Sorted() string {
	name := ""
	if t.order.by >= 0 {
		name = t.cols[t.order.by].name()
	}
	if t.order.reversed {
		return "-" + name
	}
	return name
}

// SortUnseen is the column that the rows are sorted by, with its arrow, if the heading has no
// room for it; else empty.
func (t *Table[K, R]) SortUnseen() string {
	if t.order.by < 0 || t.w <= 0 || t.Widths()[t.order.by+1] > 0 {
		return ""
	}
	return t.cols[t.order.by].name() + t.arrow(t.order.by)
}

// SetSort sorts by a column, as Sorted names it, and reports whether there is one.
func (t *Table[K, R]) SetSort(text string) bool {
	name, reversed := strings.CutPrefix(text, "-")
	name = t.Named(name)
	by := -1
	if name != "" {
		by = slices.IndexFunc(t.cols, func(c Column[R]) bool { return c.Compare != nil && c.name() == name })
		if by < 0 {
			return false
		}
	}
	t.sortBy(order{by, reversed})
	return true
}

// Named is the name of the column with that name or, if there is none, that heading; the
// text itself if there is neither.
func (t *Table[K, R]) Named(text string) string {
	for _, c := range t.cols {
		if text != "" && c.Title == text && !slices.Contains(t.Columns(), text) {
			return c.name()
		}
	}
	return text
}

// Sortable returns the names of the columns that can be sorted by.
func (t *Table[K, R]) Sortable() []string {
	var names []string
	for _, c := range t.cols {
		if c.Compare != nil {
			names = append(names, c.name())
		}
	}
	return names
}

// Columns are the names of all columns, hidden ones too.
func (t *Table[K, R]) Columns() []string {
	var names []string
	for _, c := range t.cols {
		names = append(names, c.name())
	}
	return names
}

// Hide hides columns by their names, and shows all others.
func (t *Table[K, R]) Hide(names []string) {
	for i, c := range t.cols {
		t.hidden[i] = slices.ContainsFunc(names, func(name string) bool { return t.Named(name) == c.name() })
	}
	t.seen = sight{}
}

// Copied returns the labels of the marked rows, or of the one under the cursor.
func (t *Table[K, R]) Copied() []string {
	rows := t.marked()
	if r, ok := t.Current(); ok && len(rows) == 0 {
		rows = []R{r}
	}
	var labels []string
	for _, r := range rows {
		labels = append(labels, t.Label(r))
	}
	return labels
}

// Row is the row under the cursor, with its label. There may be none.
func (t *Table[K, R]) Row() (label string, row Sheet) {
	row.Heading = t.Columns()
	if r, ok := t.Current(); ok {
		label, row.Rows = t.Label(r), [][]string{t.textsOf(r)}
	}
	return label, row
}

// textsOf are the texts of a row.
func (t *Table[K, R]) textsOf(r R) (texts []string) {
	for _, c := range t.cols {
		texts = append(texts, c.text(r))
	}
	return texts
}

// Sheet is the table as it is filtered and sorted, or its marked rows.
func (t *Table[K, R]) Sheet() Sheet {
	s := Sheet{Heading: t.Columns()}
	rows := t.marked()
	if len(rows) == 0 {
		rows = t.matching
	}
	for _, r := range rows {
		s.Rows = append(s.Rows, t.textsOf(r))
	}
	return s
}

// WholeWidth is a width at which no cell is cut.
const WholeWidth = 1 << 20
