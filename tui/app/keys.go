package app

import (
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/widget"

	tea "charm.land/bubbletea/v2"
)

// bindings are the keys that work everywhere.
func (m *Model) bindings() []widget.Group {
	return []widget.Group{
		{Title: "views", Bindings: m.viewBindings()},
		{Title: "time travel", Bindings: timeBindings(m.Context, m.effects)},
		{Title: "everywhere", Bindings: m.commonBindings()},
	}
}

func (m *Model) viewBindings() []widget.Binding {
	var keys []widget.Binding
	for k := nav.KindLocks; k <= nav.LastView; k++ {
		number := string(rune('0' + k))
		keys = append(keys, widget.Bind(number, k.String(), func() nav.Action { return nav.OpenView(k) }, number).
			OffIf(func() widget.Off { return offView(m.Context, k) }))
	}
	next := func(step int) func() nav.Action {
		return func() nav.Action { return nav.OpenView(m.screens.Next(step)) }
	}
	return append(keys,
		widget.Bind("tab", "next view", next(1), "tab"),
		widget.Bind("shift+tab", "previous view", next(-1), "shift+tab"),
		widget.Bind("esc", "back", m.back, "esc", "alt+esc").Describe("to the previous screen; never quits").In(widget.FooterStart).
			ShowIf(func() bool { return len(m.screens.Open) > 1 }),
	)
}

func timeBindings(c *nav.Context, e *effects.Effects) []widget.Binding {
	do := func(a nav.Action) func() nav.Action { return func() nav.Action { return a } }
	live := nav.EitherOff(c.OffTravel, nav.Unless(func() bool { return e.Travelling() }, "already live"))
	return []widget.Binding{
		widget.Bind("b", "back to live", do(nav.GoLive{}), "b").In(widget.FooterStart).ShowIf(c.InPast).OffIf(live),
		widget.Bind("[", "earlier", do(nav.Step{By: -1}), "[").Describe("the change before, in history").In(widget.FooterStart).ShowIf(c.InPast).OffIf(c.OffTravel),
		widget.Bind("]", "later", do(nav.Step{By: 1}), "]").Describe("the next change").In(widget.FooterStart).ShowIf(c.InPast).OffIf(c.OffTravel),
	}
}

func (m *Model) commonBindings() []widget.Binding {
	export := func() nav.Action { return exportTable(m.screens.Front(), "", m.Now) }
	return []widget.Binding{
		widget.Bind("?", "help", func() nav.Action { m.help = helpView{open: true, w: m.help.w, h: m.help.h}; return nil }, "?").In(widget.FooterHead),
		widget.Bind("q", "quit", func() nav.Action { return nav.Do{Cmd: tea.Quit} }, "q", "ctrl+c").Describe("locks you took here are released").In(widget.FooterHead),
		widget.Bind("/", "filter", func() nav.Action { return m.line.openFilter(m.screens.Front().Grid()) }, "/").Describe("text, ~ regexp, ! inverse").In(widget.FooterEnd),
		widget.Bind("space", "pause", func() nav.Action { return togglePause(m.Context) }, "space").Describe("freeze the display; data keeps updating").In(widget.FooterEnd),
		widget.Bind(":", "command", m.line.openCommand, ":").Describe("tab completes it").In(widget.FooterEnd),
		widget.Bind("y", "copy", func() nav.Action { return copyRows(m.screens.Front().Grid()) }, "y").Describe("what is under the cursor or marked"),
		widget.Bind("e", "export", export, "e").Describe("the table to a file"),
		widget.Bind("x", "scenarios", func() nav.Action { return nav.OpenView(nav.KindScenarios) }, "x").OffIf(func() widget.Off { return offView(m.Context, nav.KindScenarios) }),
	}
}

// togglePause freezes the display, or goes back to live.
func togglePause(c *nav.Context) nav.Action {
	if c.Frozen != nil {
		return nav.Freeze{To: nil}
	}
	return nav.Freeze{To: &state.Frozen{Snapshot: c.Live, Mark: "PAUSED", About: "space resumes", At: c.Now}}
}
