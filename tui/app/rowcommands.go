package app

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/printable"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// commandBindings are the keys of the user's commands on a screen.
func (m *Model) commandBindings(s nav.Screen) []widget.Binding {
	rows, ok := s.(nav.Rower)
	if m.options.RowCommands == nil || !ok {
		return nil
	}
	var all []widget.Binding
	for _, c := range m.options.RowCommands.List() {
		if !slices.Contains(c.Screens, s.Ref().Kind.String()) {
			continue
		}
		hasRow := nav.Unless(func() bool { _, ok := rows.Row(); return ok }, "no row is selected")
		all = append(all, widget.Binding{
			Keys: c.Key, Short: term.Safe(c.Name), Where: widget.InHelp,
			Off: nav.EitherOff(func() widget.Off { return m.offCommand(c) }, hasRow),
			Do: func() nav.Action {
				r, _ := rows.Row()
				return m.askCommand(c, m.rowValues(r), 0)
			},
		})
	}
	return all
}

// offCommand returns why a command is off: what changes something is, where nothing may be
// written and where the past is shown.
func (m *Model) offCommand(c backend.Command) widget.Off {
	if !c.Dangerous {
		return widget.Off{}
	}
	return m.NeedsPresent(!m.Can.ReadOnly)
}

// rowValues are the values of a request, by the names that templates have for them.
func (m *Model) rowValues(r inspect.Request) map[string]string {
	o := r.Owner.Value()
	values := map[string]string{
		"Context": m.Etcd.Name, "Endpoints": m.options.Endpoint, "Lock": r.Lock.Name,
		"Key": r.Key, "Host": o.Host, "Program": o.Program, "Label": o.Label, "Owner": o.Label,
	}
	if r.Lock.Layout != nil {
		values["Layout"] = r.Lock.Layout.String()
	}
	if r.Lease > 0 {
		values["Lease"] = format.Lease(r.Lease)
	}
	if o.PID > 0 {
		values["PID"] = strconv.Itoa(o.PID)
	}
	if r.Key != "" {
		values["Mode"] = map[keyspace.Mode]string{keyspace.Read: "read", keyspace.Write: "write"}[r.Mode]
	}
	if o.Label == "" && o.Program != "" && o.Host != "" {
		values["Owner"] = o.Program + "@" + o.Host
	}
	return values
}

// askCommand asks for the values that the user types, the next one first, and then whether
// to run the command.
func (m *Model) askCommand(c backend.Command, values map[string]string, next int) nav.Action {
	if next == len(c.Prompts) {
		return m.confirmCommand(c, values)
	}
	p := c.Prompts[next]
	return nav.Prompt{Label: term.Safe(p.Label) + ": ", Value: p.Default, Accept: func(text string) (nav.Action, error) {
		values[p.Name] = text
		return m.askCommand(c, values, next+1), nil
	}}
}

// confirmCommand runs a command, or shows it and asks first.
func (m *Model) confirmCommand(c backend.Command, values map[string]string) nav.Action {
	line, err := c.Line(values)
	if err != nil {
		return nav.Fail(c.Name + ": " + term.Safe(err.Error()))
	}
	run := nav.RunCommand{Name: term.Safe(c.Name), Line: line, Background: c.Background}
	if !c.Confirm && !c.Dangerous {
		return run
	}
	lines := []string{"This runs on this machine:", ""}
	for _, env := range line.Env {
		name, value, _ := strings.Cut(env, "=")
		lines = append(lines, "  "+name+"="+printable.Shell(value))
	}
	lines = append(lines, "  "+term.Safe(printable.Shell(line.Args...)))
	return nav.Ask{Dialog: &widget.Dialog{Title: c.Name, Lines: lines, Yes: "Run"}, Yes: run}
}
