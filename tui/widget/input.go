package widget

import (
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// inputLimit bounds what can be typed, in runes.
const inputLimit = 1024

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

// Update handles a key or a paste.
func (in *Input) Update(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		in.insert(msg.Content)
	case tea.KeyPressMsg:
		in.press(msg)
	}
}

// press edits as a shell's command line does.
func (in *Input) press(msg tea.KeyPressMsg) {
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
		in.insert(msg.Text)
	}
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

// insert takes what can be printed, up to the limit.
func (in *Input) insert(s string) {
	for _, r := range s {
		if len(in.value) >= inputLimit || !unicode.IsPrint(r) {
			continue
		}
		in.value = append(in.value[:in.at:in.at], append([]rune{r}, in.value[in.at:]...)...)
		in.at++
	}
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
