package widget

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"etcd-lock/internal/format"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// Dialog asks before something is done. The answer is No until the user says
// otherwise; where much is at stake, by typing a word.
type Dialog struct {
	Title string
	Lines []string // what would happen; printable, and styled at most
	Word  string   // to be typed before Yes; empty: none. It is shown printable
	Yes   string   // what Yes does, in a word or two; empty: there is nothing to say Yes to yet

	answer answer
	chosen bool // Yes is
	input  Input
	top    int
	count  int  // of the lines after wrapping
	height int  // how many of these are shown
	inner  int  // how wide they may be
	hidden bool // there is no room for the buttons, so that there is no question to say Yes to
}

// answer is what the user has said to a dialog.
type answer int

// The answers.
const (
	answerNone answer = iota
	AnswerNo
	AnswerYes
)

// armed reports whether Yes can be chosen.
func (d *Dialog) armed() bool {
	return d.Yes != "" && (d.Word == "" || term.Safe(d.input.Text()) == term.Safe(d.Word))
}

// Update handles a key or a paste, and returns the answer if that was one.
func (d *Dialog) Update(msg tea.Msg) answer {
	if press, ok := msg.(tea.KeyPressMsg); ok {
		if b, ok := FindBinding([]Group{{Bindings: d.Bindings()}}, press); ok {
			b.Do()
			return d.answer
		}
	}
	if d.Word != "" && !d.hidden {
		d.input.Update(msg)
		d.chosen = d.armed()
	}
	return d.answer
}

// Bindings are the keys of the dialog. Where a word is typed, no letter is one; where the
// dialog has no room, none but No.
func (d *Dialog) Bindings() []Binding {
	say := func(a answer) func() Action { return func() Action { d.answer = a; return nil } }
	scroll := func(by int) func() Action { return func() Action { d.Scroll(by); return nil } }
	keys := []Binding{
		{Keys: "up", Label: "↑", Short: "scroll up", Where: InNone, Do: scroll(-1)}, {Keys: "down", Label: "↓", Short: "scroll down", Where: InNone, Do: scroll(1)},
		{Keys: "pgup", Short: "page up", Where: InNone, Do: scroll(-d.height)}, {Keys: "pgdown", Label: "pgdn", Short: "page down", Where: InNone, Do: scroll(d.height)},
	}
	if d.Yes == "" {
		return append(keys, Binding{Keys: "esc alt+esc enter q", Short: "close", Where: InFooter, Do: say(AnswerNo)})
	}
	no := Binding{Keys: "n q esc alt+esc", Short: "no", Where: InFooter, Do: say(AnswerNo)}
	if d.hidden {
		return append(keys, no)
	}
	keys = append(keys, Binding{Keys: "enter", Short: "choose", Where: InFooter, Do: d.choice})
	if d.Word == "" {
		keys = append(keys, Binding{Keys: "y", Short: "yes", Where: InFooter, Do: say(AnswerYes)})
	} else {
		no.Keys = "esc alt+esc"
	}
	return append(keys, no, Binding{Keys: "left right tab shift+tab", Label: "←/→", Short: "switch", Where: InFooter, Do: d.toggle})
}

func (d *Dialog) choice() Action {
	d.answer = AnswerNo
	if d.chosen && d.armed() {
		d.answer = AnswerYes
	}
	return nil
}

func (d *Dialog) toggle() Action {
	d.chosen = !d.chosen && d.armed()
	return nil
}

// Scroll moves the lines by delta, downwards if positive.
func (d *Dialog) Scroll(delta int) { d.top = min(max(d.top+delta, 0), max(d.count-d.height, 0)) }

// wrapped returns the lines, wrapped where they are wider than w: what the user
// agrees to is read in full.
func (d *Dialog) wrapped(w int) []string {
	var lines []string
	for _, l := range d.Lines {
		if term.Width(l) > w {
			whole := term.WithHyphens(l, func(s string) string { return lipgloss.Wrap(s, w-2, "") })
			l = strings.ReplaceAll(whole, "\n", "\n  ")
		}
		lines = append(lines, strings.Split(l, "\n")...)
	}
	return lines
}

// Fit lays the dialog out in w×h, and returns its lines, wrapped.
func (d *Dialog) Fit(w, h int) []string {
	d.inner = min(w-4, max(56, term.Widest(d.Lines)))
	rest := 3
	if d.Word != "" {
		rest += 2
	}
	all := d.wrapped(d.inner)
	d.count, d.height = len(all), max(min(len(all), h-2-rest), 1)
	d.hidden = d.Yes != "" && (h < d.height+rest+1 || d.inner < term.Width("[ No ]     "+d.Yes))
	d.Scroll(0)
	return all
}

// View draws the dialog in the middle of w×h.
func (d *Dialog) View(t *theme.Theme, w, h int) string {
	all, inner := d.Fit(w, h), d.inner
	if d.hidden {
		return strings.Join(term.Wrap("! terminal too small to ask; n: no", w, t.Warning.Render), "\n")
	}
	lines := slices.Clone(all[d.top:min(d.top+d.height, len(all))])
	if more := len(all) - d.top - d.height; more > 0 {
		lines = append(lines, t.Dim.Render(format.Count(more, "more line", "more lines")+" below: ↓"))
	} else {
		lines = append(lines, "")
	}
	if d.Word != "" {
		lines = append(lines, term.Cut("type "+t.Bold.Render(term.Safe(d.Word))+" to go on:", inner), d.input.View(t, inner))
	}
	lines = append(lines, d.buttons(t))
	box := t.Panel(term.Safe(d.Title), strings.Join(lines, "\n"), inner+4, len(lines)+2, true, true)
	return lipgloss.Place(w, h, lipgloss.Center, lipgloss.Center, box)
}

func (d *Dialog) buttons(t *theme.Theme) string {
	no, yes := "[ No ]", "  "+d.Yes+"  "
	if d.Yes == "" {
		return t.Selected.Render("[ Close ]")
	}
	if d.chosen {
		no, yes = "  No  ", "[ "+d.Yes+" ]"
		return t.Dim.Render(no) + "   " + t.Lost.Reverse(true).Render(yes)
	}
	return t.Selected.Render(no) + "   " + t.Dim.Render(yes)
}
