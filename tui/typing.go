package tui

import (
	"errors"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

func (m *model) openFilter() {
	g := m.nav.current().grid()
	if g == nil {
		m.flashUp(flashInfo, "there is no table to filter here")
		return
	}
	m.mode, m.input, m.flash = modeFilter, newInput("filter: ", g.filtered()), flash{}
}

// prompt asks for a line of text.
type prompt struct {
	label, value string
	// accept takes the line. An error is shown, and the line goes on being typed.
	accept func(text string) (tea.Cmd, error)
	// complete makes a command whose answer is a completedMsg. nil: nobody knows.
	complete func(text string) tea.Cmd
}

// promptMsg opens a prompt. completedMsg is what its text may go on to be, if it
// is still that text.
type (
	promptMsg    struct{ prompt prompt }
	completedMsg struct {
		text       string
		candidates []string
	}
)

func (m *model) openPrompt(p prompt) {
	m.mode, m.prompt, m.input, m.candidates, m.flash = modePrompt, p, newInput(p.label, p.value), nil, flash{}
}

func (m *model) openName() {
	m.openPrompt(prompt{label: "name: ", value: m.opts.Prefix, accept: m.acceptName})
}

func (m *model) completed(msg completedMsg) {
	if m.mode == modePrompt && m.input.text() == msg.text {
		m.offered(msg.candidates)
	}
}

// completePrompt goes through what the text may go on to be, once that is known.
func (m *model) completePrompt() tea.Cmd {
	switch {
	case m.candidates != nil:
		m.nextCandidate()
	case m.prompt.complete != nil:
		return m.prompt.complete(m.input.text())
	}
	return nil
}

func (m *model) openCommand() {
	m.mode, m.input, m.candidates, m.flash = modeCommand, newInput(":", ""), nil, flash{}
	m.offers = m.completions("")
}

// typed handles a key or a paste while something is typed.
func (m *model) typed(msg tea.Msg) tea.Cmd {
	press, _ := msg.(tea.KeyPressMsg)
	switch {
	case key.Matches(press, m.global.back):
		if m.mode == modeFilter {
			m.refilter("")
		}
		m.mode = modeBrowse
	case key.Matches(press, m.global.accept):
		return m.accept()
	case m.mode == modeCommand && key.Matches(press, m.global.complete):
		m.complete()
	case m.mode == modePrompt && key.Matches(press, m.global.complete):
		return m.completePrompt()
	case m.mode == modeCommand && press.String() == "backspace" && m.input.text() == "":
		m.mode = modeBrowse
	default:
		m.input.update(msg)
		m.candidates = nil
		if m.mode == modeFilter {
			m.refilter(m.input.text())
		}
	}
	if m.mode == modeCommand { // not for each picture: there may be many locks to name
		m.offers = m.completions(m.input.text())
	}
	return nil
}

// refilter filters while it is typed. A pattern that is not finished leaves the
// filter as it was.
func (m *model) refilter(text string) {
	m.flash = flash{}
	if err := m.nav.current().grid().setFilter(text); err != nil {
		m.flashUp(flashError, err.Error())
	}
}

func (m *model) accept() tea.Cmd {
	text := m.input.text()
	switch m.mode {
	case modePrompt:
		cmd, err := m.prompt.accept(text)
		if err != nil {
			m.flashUp(flashError, err.Error())
			return nil
		}
		m.mode = modeBrowse
		return cmd
	case modeCommand:
		m.mode = modeBrowse
		return m.runCommand(text)
	default:
		if m.refilter(text); m.flash.text == "" { // else it goes on being typed
			m.mode = modeBrowse
		}
		return nil
	}
}

// acceptName puts the cursor on a name, so that it can be asked for.
func (m *model) acceptName(name string) (tea.Cmd, error) {
	switch {
	case name == "":
		return nil, errNoName
	case !strings.HasPrefix(name, m.opts.Prefix):
		return nil, errors.New("only names that begin with " + m.opts.Prefix + " are shown")
	}
	m.nav.view(viewLocks)
	m.locks.choose(inspect.LockID{Layout: keyspace.RWLock, Name: name})
	return m.say("chosen: " + name + ": r asks for a read lock on it, w for a write lock"), nil
}

var errNoName = errors.New("a name cannot be empty")

// typing is the input, and beside it why it was not taken, or how it may go on.
func (m *model) typing(w int) string {
	note, style := "", m.theme.dim
	switch {
	case m.flash.kind == flashError && m.flashing():
		note, style = "✗ "+m.flash.text, m.theme.lost
	case m.mode == modeCommand:
		note = m.hint()
	case len(m.candidates) > 1:
		note = safe(strings.Join(m.candidates[:min(len(m.candidates), 20)], " "))
	case m.prompt.complete != nil && m.mode == modePrompt:
		note = "tab completes it"
	}
	if note == "" {
		return m.input.view(m.theme, w)
	}
	note = cut(note, w/2)
	room := w - width(note) - 2
	return pad(m.input.view(m.theme, room), room, false) + "  " + style.Render(note)
}

// hint says what the command line may go on to be.
func (m *model) hint() string {
	candidates := m.candidates
	if candidates == nil {
		candidates = m.offers
	}
	name, _, hasArg := strings.Cut(m.input.text(), " ")
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
	for _, c := range m.commands() {
		if c.name == name || len(candidates) == 1 && c.name == candidates[0] {
			return strings.TrimSpace(c.args + "  " + c.about)
		}
	}
	return ""
}
