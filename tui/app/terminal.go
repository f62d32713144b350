package app

import (
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// suspend goes back to the shell. It asks first if that could end what the user has
// begun.
func (m *Model) suspend() nav.Action {
	stop := nav.Do{Cmd: tea.Exec(suspension{stop: m.options.Suspend}, func(err error) tea.Msg { return resumedMsg{err} })}
	return m.sure("suspend", "Nothing is renewed until fg continues it:", lostBySuspending, stop)
}

// quit leaves. It asks first if that ends what the user has begun.
func (m *Model) quit() nav.Action {
	return m.sure("quit", "Quitting ends this:", lostByQuitting, nav.Do{Cmd: tea.Quit})
}

// sure asks before something that ends what the user has begun, in any of the clusters that
// are open: lost says what of one. If it is nothing, it is done at once.
func (m *Model) sure(title, heading string, lost func(*nav.Context, time.Time) []string, then nav.Action) nav.Action {
	lines, open := []string{heading}, m.allOpen()
	for _, c := range open {
		for _, text := range lost(c, m.Now) {
			if len(open) > 1 && c.Etcd.Name != "" {
				text = c.Etcd.Name + ": " + text
			}
			lines = append(lines, m.Theme.Warning.Render("!")+" "+term.Safe(text))
		}
	}
	if len(lines) == 1 {
		return then
	}
	return nav.Ask{Dialog: &widget.Dialog{Title: title, Lines: lines, Yes: strings.ToUpper(title[:1]) + title[1:]}, Yes: then, Program: true}
}

// lostBySuspending says what may end in a cluster while nothing is renewed.
func lostBySuspending(c *nav.Context, _ time.Time) (lines []string) {
	for _, r := range c.Requests {
		lines = append(lines, r.String()+": its session expires within "+format.Age(r.Client.TTL))
	}
	if c.Running() {
		lines = append(lines, "scenario "+c.Run.Name+": its clients stop too")
	}
	if c.Recording != nil {
		lines = append(lines, "recording "+c.Recording.Path+": what happens meanwhile is not recorded")
	}
	return lines
}

// lostByQuitting says what ends in a cluster with the UI. What is being given back already is
// nothing to ask about.
func lostByQuitting(c *nav.Context, now time.Time) (lines []string) {
	for _, r := range c.Requests {
		switch r.State {
		case state.OwnHeld:
			lines = append(lines, r.String()+": held for "+format.Since(r.Since, now)+", it is released")
		case state.OwnWaiting:
			lines = append(lines, r.String()+": waiting for "+format.Since(r.Asked, now)+", it is canceled")
		}
	}
	if c.Running() {
		lines = append(lines, "scenario "+c.Run.Name+": it is stopped, and its locks are released")
	}
	return lines
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
