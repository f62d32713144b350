package app

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/nav"
	"etcd-lock/tui/widget"
)

// bindings are the keys that work everywhere.
func (m *Model) bindings() []widget.Group {
	return []widget.Group{
		{Title: "views", Bindings: m.viewBindings()},
		{Title: "time travel", Bindings: slices.Concat(timeBindings(m.Context, m.effects), m.replayBindings())},
		{Title: "everywhere", Bindings: m.commonBindings()},
		{Title: savedTitle, Bindings: savedBindings(m.Context, &m.screens, &m.effects.Chosen().Prefs)},
	}
}

func (m *Model) viewBindings() []widget.Binding {
	const views = "go to a view"
	var keys []widget.Binding
	for k := nav.KindLocks; k <= nav.LastView; k++ {
		number := string(rune('0' + k))
		keys = append(keys, widget.Binding{
			Keys: number, Short: k.String(),
			Doc: views,
			Off: func() widget.Off { return offView(m.Context, k) }, Do: func() nav.Action { return nav.OpenView(k) },
		})
	}
	next := func(step int) func() nav.Action {
		return func() nav.Action { return nav.OpenView(m.screens.Next(step)) }
	}
	return append(keys,
		widget.Binding{
			Keys: "tab", Short: "next view",
			Doc: views,
			Do:  next(1),
		},
		widget.Binding{
			Keys: "shift+tab", Short: "previous view",
			Doc: views,
			Do:  next(-1),
		},
		widget.Binding{
			Keys: "esc alt+esc", Short: "back", Long: "clears the filter first; never quits",
			Doc: "clear the filter, else go back to the previous screen; never quits",
			Do:  m.back,
		},
	)
}

func (m *Model) commonBindings() []widget.Binding {
	return slices.Concat(m.leaveBindings(), m.lineBindings(), m.rowBindings(), m.terminalBindings())
}

// away reports whether there is a screen to go back to.
func (m *Model) away() bool { return len(m.screens.Open) > 1 }

// leaveBindings are the keys that ask what there is, and leave it.
func (m *Model) leaveBindings() []widget.Binding {
	return []widget.Binding{
		{
			Keys: "? f1", Short: "help", Long: "f1 too",
			Doc:   "all keys of the screen in front, all commands, all signs; `f1` too",
			Where: widget.FooterHead, Do: func() nav.Action { m.help = helpView{open: true, w: m.help.w, h: m.help.h}; return nil },
		},
		{
			Keys: "q", Short: "back", Long: "on the first screen: quit",
			Doc: "go back to the previous screen; on the first one, quit. Locks you took here are released then, so it asks first if you hold or wait for one, or a scenario runs",
			Now: func() string {
				if m.away() {
					return "back"
				}
				return "quit"
			},
			Where: widget.FooterHead, Do: func() nav.Action {
				if m.away() {
					return m.back()
				}
				return m.quit()
			},
		},
		{
			Keys: "ctrl+c", Short: "quit", Long: "from anywhere, at once",
			Doc: "quit, from anywhere and without asking: locks you took here are released",
			Do:  func() nav.Action { return nav.Do{Cmd: tea.Quit} },
		},
	}
}

// lineBindings are the keys that open a line to type in, and the one that freezes the
// display.
func (m *Model) lineBindings() []widget.Binding {
	pause, how := "pause", "freeze the display; data keeps updating"
	if m.Can.Recording {
		pause, how = "play", "or pause"
	}
	return []widget.Binding{
		{
			Keys: "/", Short: "filter", Long: "text, ~ regexp, ! inverse",
			Doc:   "filter: words that a row contains; `~` and a regular expression; `FIELD:WORD` and `waiters>10` for one [field](#filters); `!` in front of a term inverts it. Case matters if there is a capital letter. `enter` keeps the filter, `esc` clears it",
			Where: widget.FooterEnd, Do: func() nav.Action { return m.line.openFilter(m.screens.Front().Grid()) },
		},
		{
			Keys: "space", Short: pause, Long: how,
			Doc:   "freeze the display (the header shows PAUSED), or resume; data keeps updating in the background. In a recording: [play it](#replay), or pause",
			Where: widget.FooterEnd, Do: func() nav.Action { return togglePause(m.Context) },
		},
		{
			Keys: ":", Short: "command", Long: "tab completes it, ↑ brings back the last",
			Doc:   "a command; `tab` completes commands, names and columns, `↑` and `↓` go through earlier commands",
			Where: widget.FooterEnd, Do: m.line.openCommand,
		},
		{
			Keys: "ctrl+p", Short: "jump", Long: "to any lock, by some letters of its name",
			Doc: "jump to any lock: type some letters of its name, in their order; `↑` and `↓` choose, `enter` opens it",
			Do:  func() nav.Action { return jump(m.Context) },
		},
	}
}

// rowBindings are the keys for the row under the cursor, or the marked ones.
func (m *Model) rowBindings() []widget.Binding {
	return []widget.Binding{
		{
			Keys: "d", Short: "describe", Long: "all about the row, as text to copy",
			Doc: "describe: everything that is known of the row under the cursor, as text that can be searched and copied",
			Do:  func() nav.Action { return describeRow(m.Context, m.screens.Front()) },
		},
		{
			Keys: "y", Short: "copy", Long: "what is under the cursor or marked",
			Doc:   "copy what is under the cursor, or marked: a name, a key, a lease. It goes through the terminal (OSC 52), also over ssh; tmux needs `set -g set-clipboard on`",
			Where: widget.FooterEnd, When: func() bool { return m.screens.Front().Ref().Kind == nav.KindText },
			Do: func() nav.Action { return copyRows(m.screens.Front().Grid()) },
		},
		{
			Keys: "e", Short: "export", Long: "the table to a file",
			Doc: "write the table, as filtered and sorted, or its marked rows, to a new CSV file; it asks for the path, which `tab` completes",
			Do:  func() nav.Action { return askExport(m.screens.Front(), m.Now) },
		},
		{
			Keys: "!", Short: "notify", Long: "once, when it is free, granted or gone, or has a problem",
			Doc: "[notify you](#notifications) once, when the lock is free, granted or has a problem, or the session or the problem is gone",
			Off: m.offNotify, Do: m.askNotify,
		},
		{
			Keys: "@", Short: "commands", Long: "what was done for you, as commands to copy",
			Doc: "what the UI did for you, as [commands](#commands) to copy",
			Do:  func() nav.Action { return nav.OpenView(nav.KindCommands) },
		},
		{
			Keys: "x", Short: "scenarios", Doc: "go to the scenarios",
			Off: func() widget.Off { return offView(m.Context, nav.KindScenarios) }, Do: func() nav.Action { return nav.OpenView(nav.KindScenarios) },
		},
	}
}

// terminalBindings are the keys for the terminal, and for what is shown on it.
func (m *Model) terminalBindings() []widget.Binding {
	return []widget.Binding{
		{
			Keys: "ctrl+r", Short: "refresh", Long: "read leases, etcd's status and problems again",
			Doc: "read leases, etcd's status and problems again at once. What happens to locks is shown as it happens, without that",
			Off: func() widget.Off { return m.Needs(!m.Can.Recording) }, Do: func() nav.Action { return nav.Reload{} },
		},
		{
			Keys: "ctrl+l", Short: "redraw", Long: "the whole screen",
			Doc: "draw the whole screen again, after another program has written to it",
			Do:  func() nav.Action { return nav.Do{Cmd: tea.ClearScreen} },
		},
		{
			Keys: "ctrl+z", Short: "suspend", Long: "fg comes back",
			Doc: "suspend it, and go back to the shell, where `fg` continues it. Nothing is renewed meanwhile, so it asks first if you hold or wait for a lock",
			Off: func() widget.Off { return m.Needs(m.options.Suspend != nil) }, Do: m.suspend,
		},
	}
}
