package widget

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// What a column does not need is for those that are cut.
func TestFitColumnsUncut(t *testing.T) {
	name := func(need int) Box { return Box{Min: 10, Want: 20, Soon: true, Uncut: true, Need: need, Flex: true} }
	holder := func(need int) Box { return Box{Min: 8, Want: 16, Rank: 1, Soon: true, Uncut: true, Need: need} }
	bar, layout := Box{Min: 5, Want: 15, Rank: 2}, Box{Min: 6, Rank: 3, Yields: true}
	for what, c := range map[string]struct {
		w    int
		cols []Box
		want []int
	}{
		"all have what they want":            {58, []Box{name(12), holder(9), bar}, []int{25, 16, 15}},
		"a short one leaves it to another":   {44, []Box{name(12), holder(60), bar}, []int{12, 16, 14}},
		"a long one takes what is left":      {62, []Box{name(60), holder(9), bar}, []int{36, 9, 15}},
		"long ones share it":                 {72, []Box{name(60), holder(60), bar}, []int{29, 26, 15}},
		"the shorter is whole":               {72, []Box{name(22), holder(60), bar}, []int{22, 33, 15}},
		"one that yields is there":           {26, []Box{name(10), holder(8), layout}, []int{10, 8, 6}},
		"it yields to a name":                {33, []Box{name(19), holder(16), layout}, []int{19, 13, 0}},
		"it does not to what is never whole": {44, []Box{name(90), holder(8), layout}, []int{28, 8, 6}},
		"two of one rank go together":        {25, []Box{name(10), {Min: 7, Rank: 1}, {Min: 7, Rank: 1}}, []int{25, 0, 0}},
	} {
		if got := FitColumns(c.cols, c.w); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v in %d, want %v", what, got, c.w, c.want)
		}
	}
}

// newNamesTable is a table of names beside a column that grows, and what counts its cells.
func newNamesTable() (table *Table[string, string], cells *int) {
	cells = new(int)
	looks := theme.New(true, true)
	return NewTable(&looks, []Column[string]{
		{Title: "name", Box: Box{Min: 10, Want: 20, Soon: true, Uncut: true}, Cell: func(r string, w int) theme.Text {
			*cells++
			return theme.Text{Text: term.CutMiddle(r, w)}
		}},
		{Title: "bar", Box: Box{Min: 5, Want: 15, Flex: true}, Cell: func(string, int) theme.Text { return theme.Text{} }},
		{Title: "size", Box: Box{Min: 4, Rank: 1, Yields: true}, Cell: func(string, int) theme.Text { return theme.Text{} }},
	}, func(r string) string { return r }), cells
}

// No name is cut where there is room. What was once in view keeps its room until another filter
// is set, or columns would go to and fro.
func TestUncut(t *testing.T) {
	long := "/a/" + strings.Repeat("x", 60)
	table, _ := newNamesTable()
	table.Match = func(r string) string { return r }
	table.Resize(100, 3)
	table.Set([]string{"/a/1", "/a/2", long})
	width := func() int { return table.Widths()[1] }
	if got := width(); got != 20 {
		t.Errorf("%d wide, with short names in view", got)
	}
	table.Move(2)
	if view := table.View(true, ""); width() != 63 || !strings.Contains(view, long) {
		t.Errorf("%d wide, with the long name in view:\n%s", width(), view)
	}
	table.Move(-2)
	if all, without := table.Room(); width() != 63 || all != 2+1+63+1+5+1+4 || without != all-1-4 {
		t.Errorf("%d wide in %d after it, in %d without what yields", width(), all, without)
	}
	if err := table.SetFilter("!x"); err != nil || width() != 20 {
		t.Errorf("%d wide without it, %v", width(), err)
	}
	table.Hide([]string{"name"})
	if all, without := table.Room(); all != 0 || without != 0 {
		t.Errorf("%d wide with the names hidden, %d without what yields", all, without)
	}
}

// Only rows in view are measured, and only when they are others.
func TestMeasuring(t *testing.T) {
	table, cells := newNamesTable()
	table.Resize(100, 11)
	var rows []string
	for i := range 1000 {
		rows = append(rows, fmt.Sprint("/a/", i))
	}
	table.Set(rows)
	table.Widths()
	table.Room()
	table.Widths()
	if *cells != 10 {
		t.Errorf("%d cells were made", *cells)
	}
}
