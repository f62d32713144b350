package widget

import (
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// InputLimit bounds what can be typed, in runes.
const InputLimit = 1024

// Input is a line to type in. That of bubbles comes with a clipboard
// library that runs programs to paste; here pasting is the terminal's.
type Input struct {
	prompt string
	value  []rune
	at     int // the cursor is before this rune
}

// NewInput returns a line with that text in it.
func NewInput(prompt, value string) Input {
	return Input{prompt: prompt, value: []rune(value), at: len([]rune(value))}
}

// Text returns the text of the line.
func (in *Input) Text() string { return string(in.value) }

// Set replaces the text of the line.
func (in *Input) Set(text string) { in.value, in.at = []rune(text), len([]rune(text)) }

// Update handles a key or a paste, and reports whether the line had room for all of it.
func (in *Input) Update(msg tea.Msg) (fits bool) {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		return in.insert(strings.Join(strings.FieldsFunc(msg.Content, isBreak), " "))
	case tea.KeyPressMsg:
		return in.press(msg)
	}
	return true
}

// isBreak reports whether a space stands for a rune in a line.
func isBreak(r rune) bool { return strings.ContainsRune("\r\n\t\v\f\u0085\u2028\u2029", r) }

// press edits as a shell's command line does.
func (in *Input) press(msg tea.KeyPressMsg) (fits bool) {
	switch msg.String() {
	case "left", "ctrl+b":
		in.at = max(in.at-1, 0)
	case "right", "ctrl+f":
		in.at = min(in.at+1, len(in.value))
	case "home", "ctrl+a":
		in.at = 0
	case "end", "ctrl+e":
		in.at = len(in.value)
	case "backspace", "ctrl+h":
		in.cut(in.at-1, in.at)
	case "delete", "ctrl+d":
		in.cut(in.at, in.at+1)
	case "ctrl+u":
		in.cut(0, in.at)
	case "ctrl+w", "alt+backspace":
		before := strings.TrimRight(string(in.value[:in.at]), " /")
		in.cut(len([]rune(before[:strings.LastIndexAny(before, " /")+1])), in.at)
	default:
		return in.insert(msg.Text)
	}
	return true
}

// cut removes the runes from..to, as far as there are any.
func (in *Input) cut(from, to int) {
	from, to = max(from, 0), min(to, len(in.value))
	if from >= to {
		return
	}
	in.value = append(in.value[:from:from], in.value[to:]...)
	in.at = from
}

// insert takes what can be printed, up to the limit, and reports whether that was all.
func (in *Input) insert(s string) (fits bool) {
	for _, r := range s {
		switch {
		case !unicode.IsPrint(r):
			continue
		case len(in.value) >= InputLimit:
			return false
		}
		in.value = append(in.value[:in.at:in.at], append([]rune{r}, in.value[in.at:]...)...)
		in.at++
	}
	return true
}

// View returns the prompt and the part of the text around the cursor that fits.
func (in *Input) View(t *theme.Theme, w int) string {
	room := max(w-term.Width(in.prompt)-2, 1)
	before, under, after := term.Safe(string(in.value[:in.at])), " ", ""
	if in.at < len(in.value) {
		under, after = term.Safe(string(in.value[in.at])), term.Safe(string(in.value[in.at+1:]))
	}
	if over := term.Width(before) - room; over > 0 {
		before = ansi.TruncateLeft(before, over+1, "…")
	}
	line := t.Title.Render(in.prompt) + before + t.Cursor.Render(under) + after
	return term.Cut(line, w)
}
