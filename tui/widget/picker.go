package widget

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// Picker is a list of which one item is chosen, by some letters of it or with a cursor.
type Picker struct {
	title  string
	items  []string // printable
	shown  []int    // indexes of those that have the letters, the best first
	cursor cursor
	page   int // rows in view
}

// NewPicker returns a picker of these items, which it makes printable.
func NewPicker(title string, items []string) Picker {
	p := Picker{title: title, items: make([]string, len(items))}
	for i, item := range items {
		p.items[i] = term.Safe(item)
	}
	p.Search("")
	return p
}

// Search shows the items that have the letters of text in their order, the best first: those
// that have them side by side, at the beginning of a word, and then close together. Case
// matters if there is a capital letter.
func (p *Picker) Search(text string) {
	wanted := []rune(strings.Join(strings.Fields(text), ""))
	fold := !slices.ContainsFunc(wanted, unicode.IsUpper)
	ranked := map[int][]int{}
	for i, item := range p.items {
		if fold {
			item = strings.ToLower(item)
		}
		if rank, ok := fuzzy(item, wanted); ok {
			ranked[rank] = append(ranked[rank], i)
		}
	}
	p.cursor, p.shown = cursor{}, p.shown[:0]
	for _, rank := range slices.Sorted(maps.Keys(ranked)) {
		p.shown = append(p.shown, ranked[rank]...)
	}
}

// fuzzy reports whether an item has the wanted letters in their order, and how well: 0 is
// best.
func fuzzy(item string, wanted []rune) (rank int, ok bool) {
	if len(wanted) == 0 {
		return 0, true
	}
	if i := strings.Index(item, string(wanted)); i >= 0 {
		if i == 0 || strings.ContainsRune("/-_.: ", rune(item[i-1])) {
			return 0, true
		}
		return 1, true
	}
	letters := []rune(item)
	end, at := -1, 0
	for i, r := range letters {
		if r == wanted[at] {
			if at++; at == len(wanted) {
				end = i
				break
			}
		}
	}
	if end < 0 {
		return 0, false
	}
	begin := end
	for at = len(wanted) - 1; at >= 0; begin-- { // from the end, they are closest together
		if letters[begin] == wanted[at] {
			at--
		}
	}
	return 1 + (end - begin - len(wanted)), true
}

// Move puts the cursor delta items further.
func (p *Picker) Move(delta int) { p.cursor.move(delta, len(p.shown)) }

// Page returns how many items are in view.
func (p *Picker) Page() int { return max(p.page, 1) }

// Current returns the index of the item under the cursor.
func (p *Picker) Current() (index int, ok bool) {
	if len(p.shown) == 0 {
		return 0, false
	}
	return p.shown[p.cursor.at], true
}

// View draws the list in w×h.
func (p *Picker) View(t *theme.Theme, w, h int) string {
	iw, ih := theme.Inner(w, h, false)
	p.page = ih
	p.cursor.settle(len(p.shown), ih)
	from, to := p.cursor.window(len(p.shown), ih)
	var lines []string
	for i := from; i < to; i++ {
		sign := "  "
		if i == p.cursor.at {
			sign = "> "
		}
		text := theme.Styled(sign+term.CutMiddle(p.items[p.shown[i]], iw-2), t.Plain)
		lines = append(lines, Line([]int{iw}, []bool{false}, []theme.Text{text}, t.Row(i == p.cursor.at, true)))
	}
	if len(lines) == 0 {
		lines = []string{t.Dim.Render(term.Cut("  none has these letters", iw))}
	}
	title := p.title
	if len(p.shown) < len(p.items) {
		title += " · " + strconv.Itoa(len(p.shown)) + " of " + strconv.Itoa(len(p.items))
	}
	return t.Panel(title, strings.Join(lines, "\n"), w, h, true, false)
}
