package app

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// inputLine is the line in which a filter, a command or an answer to a prompt is
// typed.
type inputLine struct {
	mode   lineMode
	input  widget.Input
	prompt nav.Prompt  // of linePrompt
	grid   widget.Grid // that lineFilter filters
	pick   nav.Pick    // of linePick
	picker widget.Picker
	completer
	commands func() []command // that there are now
	history  history
}

// lineMode is the kind of input.
type lineMode int

const (
	lineClosed lineMode = iota
	lineFilter
	linePrompt
	lineCommand
	linePick
)

func (l *inputLine) open() bool { return l.mode != lineClosed }

func (l *inputLine) close() { l.mode = lineClosed }

func (l *inputLine) openFilter(g widget.Grid) nav.Action {
	l.mode, l.grid, l.input = lineFilter, g, widget.NewInput("filter: ", g.Filtered())
	return nav.Quiet{}
}

func (l *inputLine) openPrompt(p nav.Prompt) {
	l.mode, l.prompt, l.input, l.completer = linePrompt, p, widget.NewInput(p.Label, p.Value), completer{}
}

func (l *inputLine) openCommand() nav.Action {
	l.mode, l.input, l.completer = lineCommand, widget.NewInput(":", ""), completer{}
	l.offers = completions(l.commands(), "")
	l.history.begin()
	return nav.Quiet{}
}

// openPick opens a list to choose from, and the line in which letters of it are typed.
func (l *inputLine) openPick(p nav.Pick) {
	l.mode, l.pick, l.input, l.picker = linePick, p, widget.NewInput("letters: ", ""), widget.NewPicker(p.Title, p.Items)
}

// bindings are the keys of the line that are not typed into it.
func (l *inputLine) bindings() []widget.Binding {
	leave := func() nav.Action { l.close(); return nil }
	switch l.mode {
	case lineFilter:
		return []widget.Binding{
			{Keys: "enter", Short: "keep", Where: widget.InFooter, Do: l.acceptFilter},
			{Keys: "esc alt+esc", Short: "clear", Where: widget.InFooter, Do: func() nav.Action { l.close(); return l.filter("") }},
		}
	case linePrompt:
		return []widget.Binding{
			{Keys: "enter", Short: "choose", Where: widget.InFooter, Do: l.acceptPrompt},
			{Keys: "tab", Short: "complete", Where: widget.InNone, Do: l.completePrompt},
			{Keys: "esc alt+esc", Short: "leave", Where: widget.InFooter, Do: leave},
		}
	case linePick:
		move := func(by func() int) func() nav.Action {
			return func() nav.Action { l.picker.Move(by()); return nil }
		}
		return []widget.Binding{
			{Keys: "enter", Short: "choose", Where: widget.InFooter, Do: l.acceptPick},
			{Keys: "up ctrl+p", Label: "↑", Short: "up", Where: widget.InFooter, Do: move(func() int { return -1 })},
			{Keys: "down ctrl+n tab", Label: "↓", Short: "down", Where: widget.InFooter, Do: move(func() int { return 1 })},
			{Keys: "pgup", Short: "page up", Where: widget.InNone, Do: move(func() int { return -l.picker.Page() })},
			{Keys: "pgdown", Short: "page down", Where: widget.InNone, Do: move(l.picker.Page)},
			{Keys: "esc alt+esc", Short: "leave", Where: widget.InFooter, Do: leave},
		}
	default:
		before := func(step int) func() nav.Action {
			return func() nav.Action { l.recall(step); return nil }
		}
		return []widget.Binding{
			{Keys: "enter", Short: "run", Where: widget.InFooter, Do: l.acceptCommand},
			{Keys: "tab", Short: "complete", Where: widget.InFooter, Do: l.completeCommand},
			{Keys: "up ctrl+p", Label: "↑/↓", Short: "history", Where: widget.InFooter, Do: before(-1)},
			{Keys: "down ctrl+n", Label: "↓", Short: "after", Where: widget.InNone, Do: before(1)},
			{Keys: "esc alt+esc", Short: "leave", Where: widget.InFooter, Do: leave},
		}
	}
}

// update handles a key or a paste.
func (l *inputLine) update(msg tea.Msg) nav.Action {
	if press, ok := msg.(tea.KeyPressMsg); ok {
		if b, ok := widget.FindBinding([]widget.Group{{Bindings: l.bindings()}}, press); ok {
			return b.Do()
		}
		if l.mode == lineCommand && press.String() == "backspace" && l.input.Text() == "" {
			l.close()
			return nil
		}
	}
	fits := l.input.Update(msg)
	l.candidates = nil
	then := l.edited()
	if !fits {
		return nav.Batch{then, nav.Flash{Error: true, Text: "a line has " + strconv.Itoa(widget.InputLimit) + " characters at most: the rest is left out"}}
	}
	return then
}

// edited follows the text of the line.
func (l *inputLine) edited() nav.Action {
	switch l.mode {
	case lineFilter:
		return l.filter(l.input.Text())
	case lineCommand: // not for each frame: there may be many locks to name
		l.offers = completions(l.commands(), l.input.Text())
	case linePick:
		l.picker.Search(l.input.Text())
	}
	return nil
}

// filter filters while it is typed. A pattern that is not finished leaves the
// filter as it was.
func (l *inputLine) filter(text string) nav.Action {
	if err := l.grid.SetFilter(text); err != nil {
		return nav.Flash{Error: true, Text: err.Error()}
	}
	return nav.Quiet{}
}

func (l *inputLine) acceptFilter() nav.Action {
	done := l.filter(l.input.Text())
	if done == (nav.Quiet{}) { // else the line stays open
		l.close()
	}
	return done
}

func (l *inputLine) acceptPrompt() nav.Action {
	then, err := l.prompt.Accept(l.input.Text())
	if err != nil {
		return nav.Flash{Error: true, Text: err.Error()}
	}
	l.close()
	return then
}

func (l *inputLine) acceptPick() nav.Action {
	i, ok := l.picker.Current()
	if !ok {
		return nav.Flash{Error: true, Text: "none has these letters"}
	}
	l.close()
	return l.pick.Accept(i)
}

// recall takes a command that was typed before into the line: the one before the one that is
// in it, or the one after.
func (l *inputLine) recall(step int) {
	if text, ok := l.history.step(step, l.input.Text()); ok {
		l.input.Set(text)
		l.candidates, l.offers = nil, completions(l.commands(), text)
	}
}

func (l *inputLine) acceptCommand() nav.Action {
	l.close()
	l.history.add(l.input.Text())
	return runCommand(l.commands(), l.input.Text())
}

// completeCommand goes as far as all completions agree, then through them by
// turns.
func (l *inputLine) completeCommand() nav.Action {
	if l.candidates == nil {
		l.offer(&l.input, l.offers)
	} else {
		l.next(&l.input)
	}
	l.offers = completions(l.commands(), l.input.Text())
	return nil
}

// completePrompt goes through the completions by turns, once they are known.
func (l *inputLine) completePrompt() nav.Action {
	switch {
	case l.candidates != nil:
		l.next(&l.input)
	case l.prompt.Complete != nil:
		return l.prompt.Complete(l.input.Text())
	}
	return nil
}

// completed takes the completions of the prompt, if its text is still the same.
func (l *inputLine) completed(c nav.Completions) {
	if l.mode == linePrompt && l.input.Text() == c.Text {
		l.offer(&l.input, c.Candidates)
	}
}

// view draws the line and, beside it, why it was rejected, or its completions.
func (l *inputLine) view(t *theme.Theme, failure string, w int) string {
	note, style := "", t.Dim
	switch {
	case failure != "":
		note, style = failure, t.Lost
	case l.mode == lineCommand:
		note = l.hint()
	case len(l.candidates) > 1:
		note = term.Safe(strings.Join(l.candidates[:min(len(l.candidates), 20)], " "))
	case l.prompt.Complete != nil && l.mode == linePrompt:
		note = "tab completes it"
	}
	if note == "" {
		return l.input.View(t, w)
	}
	note = term.Cut(note, w/2)
	room := w - term.Width(note) - 2
	return term.Pad(l.input.View(t, room), room, false) + "  " + style.Render(note)
}

// hint lists completions of the command line, or describes its command.
func (l *inputLine) hint() string {
	candidates := l.candidates
	if candidates == nil {
		candidates = l.offers
	}
	name, _, hasArg := strings.Cut(l.input.Text(), " ")
	var words []string
	for _, c := range candidates[:min(len(candidates), 20)] {
		if _, arg, ok := strings.Cut(c, " "); ok && hasArg {
			c = arg
		}
		words = append(words, c)
	}
	if len(candidates) > 1 {
		return strings.Join(words, " ")
	}
	for _, c := range l.commands() {
		if c.off == "" && (c.name == name || len(candidates) == 1 && c.name == candidates[0]) {
			return strings.TrimSpace(c.args + "  " + c.about)
		}
	}
	return ""
}
