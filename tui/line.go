package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// inputLine is the line in which a filter, a command or an answer to a prompt is
// typed.
type inputLine struct {
	mode   lineMode
	input  lineInput
	prompt Prompt // of linePrompt
	grid   grid   // that lineFilter filters
	completer
	commands func() []command // that there are now
}

// lineMode is what is typed.
type lineMode int

const (
	lineClosed lineMode = iota
	lineFilter
	linePrompt
	lineCommand
)

func (l *inputLine) open() bool { return l.mode != lineClosed }

func (l *inputLine) close() { l.mode = lineClosed }

func (l *inputLine) openFilter(g grid) {
	l.mode, l.grid, l.input = lineFilter, g, newInput("filter: ", g.filtered())
}

func (l *inputLine) openPrompt(p Prompt) {
	l.mode, l.prompt, l.input, l.completer = linePrompt, p, newInput(p.Label, p.Value), completer{}
}

func (l *inputLine) openCommand() {
	l.mode, l.input, l.completer = lineCommand, newInput(":", ""), completer{}
	l.offers = completions(l.commands(), "")
}

// bindings are the keys of the line that are not typed into it.
func (l *inputLine) bindings() []Binding {
	leave := func() Action { l.close(); return nil }
	switch l.mode {
	case lineFilter:
		return []Binding{
			bind("enter", "keep", l.acceptFilter, "enter").in(InFooter),
			bind("esc", "clear", func() Action { l.close(); return l.filter("") }, "esc", "alt+esc").in(InFooter),
		}
	case linePrompt:
		return []Binding{
			bind("enter", "choose", l.acceptPrompt, "enter").in(InFooter),
			bind("tab", "complete", l.completePrompt, "tab").in(InDocs),
			bind("esc", "leave", leave, "esc", "alt+esc").in(InFooter),
		}
	default:
		return []Binding{
			bind("enter", "run", l.acceptCommand, "enter").in(InFooter),
			bind("tab", "complete", l.completeCommand, "tab").in(InFooter),
			bind("esc", "leave", leave, "esc", "alt+esc").in(InFooter),
		}
	}
}

// update handles a key or a paste.
func (l *inputLine) update(msg tea.Msg) Action {
	if press, ok := msg.(tea.KeyPressMsg); ok {
		if b, ok := findBinding([]Group{{Bindings: l.bindings()}}, press); ok {
			return b.Do()
		}
		if l.mode == lineCommand && press.String() == "backspace" && l.input.text() == "" {
			l.close()
			return nil
		}
	}
	l.input.update(msg)
	l.candidates = nil
	switch l.mode {
	case lineFilter:
		return l.filter(l.input.text())
	case lineCommand: // not for each frame: there may be many locks to name
		l.offers = completions(l.commands(), l.input.text())
	}
	return nil
}

// filter filters while it is typed. A pattern that is not finished leaves the
// filter as it was.
func (l *inputLine) filter(text string) Action {
	if err := l.grid.setFilter(text); err != nil {
		return Flash{Error: true, Text: err.Error()}
	}
	return Quiet{}
}

func (l *inputLine) acceptFilter() Action {
	done := l.filter(l.input.text())
	if done == (Quiet{}) { // else typing goes on
		l.close()
	}
	return done
}

func (l *inputLine) acceptPrompt() Action {
	then, err := l.prompt.Accept(l.input.text())
	if err != nil {
		return Flash{Error: true, Text: err.Error()}
	}
	l.close()
	return then
}

func (l *inputLine) acceptCommand() Action {
	l.close()
	return runCommand(l.commands(), l.input.text())
}

// completeCommand goes as far as all completions agree, then through them by
// turns.
func (l *inputLine) completeCommand() Action {
	if l.candidates == nil {
		l.offer(&l.input, l.offers)
	} else {
		l.next(&l.input)
	}
	l.offers = completions(l.commands(), l.input.text())
	return nil
}

// completePrompt goes through the completions by turns, once they are known.
func (l *inputLine) completePrompt() Action {
	switch {
	case l.candidates != nil:
		l.next(&l.input)
	case l.prompt.Complete != nil:
		return l.prompt.Complete(l.input.text())
	}
	return nil
}

// completed takes the completions of the prompt, if its text is still the same.
func (l *inputLine) completed(c Completions) {
	if l.mode == linePrompt && l.input.text() == c.Text {
		l.offer(&l.input, c.Candidates)
	}
}

// view is the line and, beside it, why it was not taken, or how it may go on.
func (l *inputLine) view(t *theme, failure string, w int) string {
	note, style := "", t.dim
	switch {
	case failure != "":
		note, style = failure, t.lost
	case l.mode == lineCommand:
		note = l.hint()
	case len(l.candidates) > 1:
		note = safe(strings.Join(l.candidates[:min(len(l.candidates), 20)], " "))
	case l.prompt.Complete != nil && l.mode == linePrompt:
		note = "tab completes it"
	}
	if note == "" {
		return l.input.view(t, w)
	}
	note = cut(note, w/2)
	room := w - width(note) - 2
	return pad(l.input.view(t, room), room, false) + "  " + style.Render(note)
}

// hint says what the command line may go on to be.
func (l *inputLine) hint() string {
	candidates := l.candidates
	if candidates == nil {
		candidates = l.offers
	}
	name, _, hasArg := strings.Cut(l.input.text(), " ")
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
		if c.name == name || len(candidates) == 1 && c.name == candidates[0] {
			return strings.TrimSpace(c.args + "  " + c.about)
		}
	}
	return ""
}
