package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// dialog asks before something is done. The answer is No until the user says
// otherwise; where much is at stake, by typing a word.
type dialog struct {
	title string
	lines []string // what would happen; printable, and styled at most
	word  string   // to be typed before Yes; empty: none. It is shown printable
	yes   string   // what Yes does, in a word or two; empty: there is nothing to say Yes to yet

	answer answer
	chosen bool // Yes is
	input  lineInput
	top    int
	count  int // of the lines after wrapping
	height int // how many of these are shown
}

// answer is what the user has said to a dialog.
type answer int

const (
	answerNone answer = iota
	answerNo
	answerYes
)

// armed reports whether Yes can be chosen.
func (d *dialog) armed() bool {
	return d.yes != "" && (d.word == "" || safe(d.input.text()) == safe(d.word))
}

// update handles a key or a paste, and returns the answer if that was one.
func (d *dialog) update(msg tea.Msg) answer {
	if press, ok := msg.(tea.KeyPressMsg); ok {
		if b, ok := findBinding([]Group{{Bindings: d.bindings()}}, press); ok {
			b.Do()
			return d.answer
		}
	}
	if d.word != "" {
		d.input.update(msg)
		d.chosen = d.armed()
	}
	return d.answer
}

// bindings are the keys of the dialog. Where a word is typed, no letter is one.
func (d *dialog) bindings() []Binding {
	say := func(a answer) func() Action { return func() Action { d.answer = a; return nil } }
	scroll := func(by int) func() Action { return func() Action { d.scroll(by); return nil } }
	keys := []Binding{
		bind("↑", "scroll up", scroll(-1), "up").in(InDocs), bind("↓", "scroll down", scroll(1), "down").in(InDocs),
		bind("pgup", "page up", scroll(-d.height), "pgup").in(InDocs), bind("pgdn", "page down", scroll(d.height), "pgdown").in(InDocs),
	}
	if d.yes == "" {
		return append(keys, bind("esc", "close", say(answerNo), "esc", "alt+esc", "enter").in(InFooter))
	}
	keys = append(keys,
		bind("enter", "take the choice", d.choice, "enter").in(InFooter),
		bind("esc", "no", say(answerNo), "esc", "alt+esc").in(InFooter),
		bind("←/→", "choose", d.toggle, "left", "right", "tab", "shift+tab").in(InFooter),
	)
	if d.word == "" {
		keys = append(keys, bind("y", "yes", say(answerYes), "y").in(InFooter), bind("n", "no", say(answerNo), "n").in(InFooter))
	}
	return keys
}

func (d *dialog) choice() Action {
	d.answer = answerNo
	if d.chosen && d.armed() {
		d.answer = answerYes
	}
	return nil
}

func (d *dialog) toggle() Action {
	d.chosen = !d.chosen && d.armed()
	return nil
}

func (d *dialog) scroll(delta int) { d.top = min(max(d.top+delta, 0), max(d.count-d.height, 0)) }

// wrapped returns the lines, wrapped where they are wider than w: what the user
// agrees to is read in full.
func (d *dialog) wrapped(w int) []string {
	var lines []string
	for _, l := range d.lines {
		if width(l) > w {
			l = strings.ReplaceAll(lipgloss.Wrap(l, w-2, ""), "\n", "\n  ")
		}
		lines = append(lines, strings.Split(l, "\n")...)
	}
	return lines
}

// view draws the dialog in the middle of w×h.
func (d *dialog) view(t *theme, w, h int) string {
	inner := min(w-4, max(56, widest(d.lines)))
	rest := 3
	if d.word != "" {
		rest += 2
	}
	all := d.wrapped(inner)
	d.count, d.height = len(all), max(min(len(all), h-2-rest), 1)
	d.scroll(0)
	lines := slices.Clone(all[d.top:min(d.top+d.height, len(all))])
	if more := len(all) - d.top - d.height; more > 0 {
		lines = append(lines, t.dim.Render(count(more, "more line", "more lines")+" below: ↓"))
	} else {
		lines = append(lines, "")
	}
	if d.word != "" {
		lines = append(lines, cut("type "+t.bold.Render(safe(d.word))+" to go on:", inner), d.input.view(t, inner))
	}
	lines = append(lines, d.buttons(t))
	box := t.panel(safe(d.title), strings.Join(lines, "\n"), inner+4, len(lines)+2, true, true)
	return lipgloss.Place(w, h, lipgloss.Center, lipgloss.Center, box)
}

func (d *dialog) buttons(t *theme) string {
	no, yes := "[ No ]", "  "+d.yes+"  "
	if d.yes == "" {
		return t.selected.Render("[ Close ]")
	}
	if d.chosen {
		no, yes = "  No  ", "[ "+d.yes+" ]"
		return t.dim.Render(no) + "   " + t.lost.Reverse(true).Render(yes)
	}
	return t.selected.Render(no) + "   " + t.dim.Render(yes)
}
