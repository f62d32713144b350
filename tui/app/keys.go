package app

import (
	"slices"

	"etcd-lock/tui/nav"
	"etcd-lock/tui/widget"

	tea "charm.land/bubbletea/v2"
)

// bindings are the keys that work everywhere.
func (m *Model) bindings() []widget.Group {
	return []widget.Group{
		{Title: "views", Bindings: m.viewBindings()},
		{Title: "time travel", Bindings: slices.Concat(timeBindings(m.Context, m.effects), m.replayBindings())},
		{Title: "everywhere", Bindings: m.commonBindings()},
		{Title: savedTitle, Bindings: savedBindings(&m.screens, m.effects.Chosen())},
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
			Keys: "esc alt+esc", Short: "back", Long: "to the previous screen; never quits",
			Doc:   "clear the filter, else go back to the previous screen; never quits",
			Where: widget.FooterStart, When: func() bool { return len(m.screens.Open) > 1 }, Do: m.back,
		},
	)
}

func (m *Model) commonBindings() []widget.Binding {
	pause, how := "pause", "freeze the display; data keeps updating"
	if m.Can.Recording {
		pause, how = "play", "or pause"
	}
	export := func() nav.Action { return exportTable(m.screens.Front(), "", m.Now) }
	return []widget.Binding{
		{
			Keys: "?", Short: "help",
			Doc:   "all keys of the screen in front, all commands, all signs",
			Where: widget.FooterHead, Do: func() nav.Action { m.help = helpView{open: true, w: m.help.w, h: m.help.h}; return nil },
		},
		{
			Keys: "q ctrl+c", Short: "quit", Long: "locks you took here are released",
			Doc:   "quit; locks you took here are released",
			Where: widget.FooterHead, Do: func() nav.Action { return nav.Do{Cmd: tea.Quit} },
		},
		{
			Keys: "/", Short: "filter", Long: "text, ~ regexp, ! inverse",
			Doc:   "filter: words that a row contains; `~` and a regular expression; `FIELD:WORD` and `waiters>10` for one [field](#filters); `!` in front of a term shows the other rows. Case matters if there is a capital letter. `enter` keeps the filter, `esc` clears it",
			Where: widget.FooterEnd, Do: func() nav.Action { return m.line.openFilter(m.screens.Front().Grid()) },
		},
		{
			Keys: "space", Short: pause, Long: how,
			Doc:   "freeze the display (the header shows PAUSED), or resume; data keeps updating in the background. In a recording: [play it](#replay), or pause",
			Where: widget.FooterEnd, Do: func() nav.Action { return togglePause(m.Context) },
		},
		{
			Keys: ":", Short: "command", Long: "tab completes it",
			Doc:   "a command; `tab` completes commands, names and columns",
			Where: widget.FooterEnd, Do: m.line.openCommand,
		},
		{
			Keys: "y", Short: "copy", Long: "what is under the cursor or marked",
			Doc: "copy what is under the cursor, or marked: a name, a key, a lease. It goes through the terminal (OSC 52), also over ssh; tmux needs `set -g set-clipboard on`",
			Do:  func() nav.Action { return copyRows(m.screens.Front().Grid()) },
		},
		{
			Keys: "e", Short: "export", Long: "the table to a file",
			Doc: "write the table, as filtered and sorted, or its marked rows, to a new CSV file; the path is shown",
			Do:  export,
		},
		{
			Keys: "x", Short: "scenarios", Doc: "go to the scenarios",
			Off: func() widget.Off { return offView(m.Context, nav.KindScenarios) }, Do: func() nav.Action { return nav.OpenView(nav.KindScenarios) },
		},
	}
}
