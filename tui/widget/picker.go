package widget

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

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
// of which they are a word, which begin one, which have them side by side, whose words begin
// with them, and then close together; of these the shortest. Case matters if there is a capital letter.
func (p *Picker) Search(text string) {
	wanted := []rune(strings.Join(strings.Fields(text), ""))
	fold := !slices.ContainsFunc(wanted, unicode.IsUpper)
	var ranks []fit
	for i, item := range p.items {
		if fold {
			item = strings.ToLower(item)
		}
		if rank, ok := fuzzy(item, wanted); ok {
			ranks = append(ranks, fit{i, rank, utf8.RuneCountInString(item)})
		}
	}
	if len(wanted) > 0 {
		slices.SortStableFunc(ranks, func(a, b fit) int { return cmp.Or(a.rank-b.rank, a.length-b.length) })
	}
	p.cursor, p.shown = cursor{}, p.shown[:0]
	for _, f := range ranks {
		p.shown = append(p.shown, f.index)
	}
}

// fit is how well the item of an index has the wanted letters: rank 0 is best.
type fit struct{ index, rank, length int }

// inPart is the worst rank of an item that has the wanted letters side by side.
const inPart = 3

// fuzzy reports whether an item has the wanted letters in their order, and its rank.
func fuzzy(item string, wanted []rune) (rank int, ok bool) {
	if len(wanted) == 0 {
		return 0, true
	}
	if rank := sideBySide(item, string(wanted)); rank <= inPart {
		return rank, true
	}
	if beginnings(item, wanted) {
		return inPart + 1, true
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
	return inPart + 1 + (end - begin - len(wanted)), true
}

// separators are between the words of a name.
const separators = "/-_.: "

// beginnings reports whether the letters are those that words of the item begin with, one
// word after the other: oeu of /orders/eu.
func beginnings(item string, wanted []rune) bool {
	reached := make([]bool, len(wanted)+1) // how many letters the words so far may have
	reached[0] = true
	for word := range strings.FieldsFuncSeq(item, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		for from := len(wanted) - 1; from >= 0; from-- {
			at := from
			for _, r := range word {
				if !reached[from] || at == len(wanted) || r != wanted[at] {
					break
				}
				at++
				reached[at] = true
			}
		}
	}
	return reached[len(wanted)]
}

// sideBySide returns the rank of an item by the place where the word fits best: as a whole
// word, at the beginning of one, at its end, or inside; without the word it is above inPart.
func sideBySide(item, word string) (rank int) {
	rank = inPart + 1
	for at := 0; ; at++ {
		i := strings.Index(item[at:], word)
		if i < 0 {
			return rank
		}
		at += i
		here, rest := inPart, item[at+len(word):]
		if at == 0 || strings.ContainsRune(separators, rune(item[at-1])) {
			here -= 2
		}
		if rest == "" || strings.ContainsRune(separators, rune(rest[0])) {
			here--
		}
		rank = min(rank, here)
	}
}

// Move puts the cursor delta items further.
func (p *Picker) Move(delta int) { p.cursor.move(delta, len(p.shown)) }

// Click puts the cursor on the item at a line of the list, and reports whether it was there.
func (p *Picker) Click(line int) (again bool) {
	from, to := p.cursor.window(len(p.shown), p.Page())
	if line < 0 || from+line >= to {
		return false
	}
	again = p.cursor.at == from+line
	p.cursor.at = from + line
	return again
}

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
