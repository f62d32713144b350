package effects

import (
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
)

// ranMsg says how a program of the user ended.
type ranMsg struct{ name, last, failure string }

// RunCommand runs a program: on the terminal, which the UI gives it, or in the background.
func (e *Effects) RunCommand(a nav.RunCommand) nav.Action {
	commands, done := e.ports.RowCommands, e.Tasks.Ctx.Done()
	if a.Background {
		return nav.Batch{nav.Flash{Text: a.Name + " …"}, e.background(func() tea.Msg {
			last, err := commands.Background(a.Line, done)
			return ran(a.Name, last, err)
		})}
	}
	wrap := e.Tasks.Wrap
	return nav.Do{Cmd: tea.Exec(OnTerminal(func() error { return commands.Terminal(a.Line) }), func(err error) tea.Msg {
		msg := ran(a.Name, "", err)
		if wrap != nil {
			return wrap(msg)
		}
		return msg
	})}
}

func ran(name, last string, err error) tea.Msg {
	msg := ranMsg{name: name, last: last}
	var unfound *exec.Error // these two name the program, one in the other
	var unstarted *fs.PathError
	program := ""
	if errors.As(err, &unfound) {
		program, err = unfound.Name, unfound.Err
	}
	if errors.As(err, &unstarted) {
		program, err = unstarted.Path, unstarted.Err
	}
	switch {
	case err == nil:
	case program == "" || term.Safe(program) == name:
		msg.failure = err.Error()
	default:
		msg.failure = program + ": " + err.Error()
	}
	return msg
}

// Apply says how the program ended.
func (msg ranMsg) Apply(*Effects) nav.Action {
	parts := []string{msg.name}
	for _, text := range []string{msg.failure, msg.last} {
		if text != "" {
			parts = append(parts, term.Safe(text))
		}
	}
	if msg.failure != "" {
		return nav.Fail(strings.Join(parts, ": "))
	}
	if msg.last == "" {
		parts = append(parts, "done")
	}
	return nav.Note(strings.Join(parts, ": "))
}

// OnTerminal is a tea.ExecCommand that uses the terminal itself.
type OnTerminal func() error

// Run implements tea.ExecCommand, as the others do.
func (f OnTerminal) Run() error { return f() }

// SetStdin does nothing.
func (f OnTerminal) SetStdin(io.Reader) {}

// SetStdout does nothing.
func (f OnTerminal) SetStdout(io.Writer) {}

// SetStderr does nothing.
func (f OnTerminal) SetStderr(io.Writer) {}
