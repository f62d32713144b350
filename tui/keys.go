package tui

import tea "charm.land/bubbletea/v2"

// bindings are the keys that work everywhere.
func (m *model) bindings() []Group {
	return []Group{
		{"views", m.viewBindings()},
		{"time travel", m.timeBindings()},
		{"everywhere", m.commonBindings()},
	}
}

func (m *model) viewBindings() []Binding {
	var keys []Binding
	for k := KindLocks; k <= lastView; k++ {
		number := string(rune('0' + k))
		keys = append(keys, bind(number, k.String(), func() Action { return openView(k) }, number).
			offIf(func() Off { return offView(m.Context, k) }))
	}
	next := func(step int) func() Action { return func() Action { return openView(m.screens.next(step)) } }
	return append(keys,
		bind("tab", "next view", next(1), "tab"),
		bind("shift+tab", "view before", next(-1), "shift+tab"),
		bind("esc", "back", m.back, "esc", "alt+esc").describe("to the screen before; it never quits").in(FooterStart).
			showIf(func() bool { return len(m.screens.open) > 1 }),
	)
}

func (m *model) timeBindings() []Binding {
	do := func(a Action) func() Action { return func() Action { return a } }
	live := eitherOff(m.offTravel, unless(func() bool { return m.effects.travelling() }, "this is live"))
	return []Binding{
		bind("b", "back to live", do(GoLive{}), "b").in(FooterStart).showIf(m.inPast).offIf(live),
		bind("[", "earlier", do(Step{-1}), "[").describe("the change before, in the past").in(FooterStart).showIf(m.inPast).offIf(m.offTravel),
		bind("]", "later", do(Step{1}), "]").describe("the next change").in(FooterStart).showIf(m.inPast).offIf(m.offTravel),
	}
}

func (m *model) commonBindings() []Binding {
	export := func() Action { return exportTable(m.screens.front(), "", m.now) }
	return []Binding{
		bind("?", "help", func() Action { m.help = helpView{open: true, w: m.help.w, h: m.help.h}; return nil }, "?").in(FooterHead),
		bind("q", "quit", func() Action { return Do{tea.Quit} }, "q", "ctrl+c").describe("our locks are given back").in(FooterHead),
		bind("/", "filter", m.openFilter, "/").describe("text, ~ expression, ! inverse").in(FooterEnd),
		bind("space", "pause", func() Action { return togglePause(m.Context) }, "space").describe("the picture stands still, data goes on").in(FooterEnd),
		bind(":", "command", m.openCommand, ":").describe("tab completes it").in(FooterEnd),
		bind("y", "copy", func() Action { return copyRows(m.screens.front().Grid()) }, "y").describe("what is under the cursor or marked"),
		bind("e", "export", export, "e").describe("the table to a file"),
		bind("x", "scenarios", func() Action { return openView(KindScenarios) }, "x").offIf(func() Off { return offView(m.Context, KindScenarios) }),
	}
}

func (m *model) openFilter() Action {
	m.line.openFilter(m.screens.front().Grid())
	return Quiet{}
}

func (m *model) openCommand() Action {
	m.line.openCommand()
	return Quiet{}
}

// togglePause freezes the display, or goes back to live.
func togglePause(c *Context) Action {
	if c.frozen != nil {
		return Freeze{nil}
	}
	return Freeze{&frozen{snapshot: c.live, mark: "PAUSED", about: "space goes on", at: c.now}}
}
