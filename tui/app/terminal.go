package app

import (
	"io"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/nav"
	"etcd-lock/tui/widget"
)

// suspend goes back to the shell. It asks first if that could end what the user has
// begun.
func (m *Model) suspend() nav.Action {
	stop := nav.Do{Cmd: tea.Exec(suspension{stop: m.options.Suspend}, func(err error) tea.Msg { return resumedMsg{err} })}
	lines := m.lostBySuspending()
	if len(lines) == 0 {
		return stop
	}
	return nav.Ask{Dialog: &widget.Dialog{Title: "suspend", Lines: lines, Yes: "Suspend"}, Yes: stop}
}

// lostBySuspending says what may end while nothing is renewed.
func (m *Model) lostBySuspending() (lines []string) {
	mark := m.Theme.Warning.Render("!") + " "
	for _, c := range m.All() {
		lines = append(lines, lostOf(c, mark)...)
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{"Nothing is renewed until fg continues it:"}, lines...)
}

// suspension is what Bubble Tea runs while it has given the terminal back.
type suspension struct{ stop func() error }

// Run implements tea.ExecCommand.
func (s suspension) Run() error { return s.stop() }

// SetStdin implements tea.ExecCommand.
func (suspension) SetStdin(io.Reader) {}

// SetStdout implements tea.ExecCommand.
func (suspension) SetStdout(io.Writer) {}

// SetStderr implements tea.ExecCommand.
func (suspension) SetStderr(io.Writer) {}

// resumedMsg says that the terminal is the UI's again.
type resumedMsg struct{ err error }

// resumed draws everything anew, and catches up: nothing was read meanwhile.
func (m *Model) resumed(msg resumedMsg) nav.Action {
	again := nav.Batch{nav.Do{Cmd: tea.Batch(tea.ClearScreen, tea.RequestBackgroundColor)}}
	if !m.Can.Recording {
		again = append(again, nav.Reload{})
	}
	if msg.err != nil {
		return append(again, nav.Flash{Error: true, Text: "not suspended: " + msg.err.Error()})
	}
	return again
}
