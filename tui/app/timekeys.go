package app

import (
	"slices"
	"time"

	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/widget"
)

func timeBindings(c *nav.Context, e *effects.Effects) []widget.Binding {
	do := func(a nav.Action) func() nav.Action { return func() nav.Action { return a } }
	back := "back to live"
	if c.Can.Recording {
		back = "end"
	}
	live := nav.EitherOff(c.OffTravel, nav.Unless(e.Travelling, "already live"))
	return []widget.Binding{
		{
			Keys: "b", Short: back,
			Doc:   "back to live, or to the end of the recording",
			Where: widget.FooterStart, When: c.InPast, Off: live, Do: do(nav.GoLive{}),
		},
		{
			Keys: "[", Short: "earlier", Long: "to the previous change",
			Doc:   "[time travel](#time-travel): to the previous change",
			Where: widget.FooterStart, When: c.InPast, Off: c.OffTravel, Do: do(nav.Step{By: -1}),
		},
		{
			Keys: "]", Short: "later", Long: "to the next change",
			Doc:   "to the next change",
			Where: widget.FooterStart, When: c.InPast, Off: c.OffTravel, Do: do(nav.Step{By: 1}),
		},
	}
}

// replayBindings are the keys of recordings.
func (m *Model) replayBindings() []widget.Binding {
	c := m.Context
	mark := func(by int) func() nav.Action { return func() nav.Action { return nav.ToMark{By: by} } }
	scrub := func(by int) func() nav.Action {
		return func() nav.Action { return nav.Scrub{By: time.Duration(by) * m.scrubber.step()} }
	}
	zoom := func(by int) func() nav.Action {
		return func() nav.Action { m.scrubber.zoom(by); return nil }
	}
	return append([]widget.Binding{
		{
			Keys: "{", Short: "previous problem", Long: "to when it was found, in a recording",
			Doc:   "in a [recording](#replay): to when the previous problem was found",
			Where: widget.FooterStart, When: c.InRecording, Off: c.OffClock, Do: mark(-1),
		},
		{
			Keys: "}", Short: "next problem", Long: "to when it was found",
			Doc:   "to when the next problem was found",
			Where: widget.FooterStart, When: c.InRecording, Off: c.OffClock, Do: mark(1),
		},
		{
			Keys: "left", Label: "←", Short: "back", Long: "one cell of the time line; else to the table",
			Doc: "in a recording, back by a cell of the time line, as a click on it does; else back to the table from the text beside it",
			Off: m.offArrow(c.OffClock, widget.ToTable), Do: m.arrow(scrub(-1), widget.ToTable),
		},
		{
			Keys: "right", Label: "→", Short: "on", Long: "one cell of the time line; else to the text",
			Doc: "in a recording, on by a cell of the time line; else to the text beside the table",
			Off: m.offArrow(c.OffPlay, widget.ToText), Do: m.arrow(scrub(1), widget.ToText),
		},
		{
			Keys: "z", Short: "zoom in", Long: "the time line, around the moment",
			Doc: "zoom the time line in, around the moment shown",
			Off: c.OffPlay, Do: zoom(1),
		},
		{
			Keys: "Z", Short: "zoom out", Long: "the time line",
			Doc: "zoom it out",
			Off: c.OffPlay, Do: zoom(-1),
		},
	}, speedBindings(c)...)
}

// offArrow returns why an arrow is off. Where there are no recordings, it does what a key of
// the screen in front does.
func (m *Model) offArrow(scrub func() widget.Off, short string) func() widget.Off {
	return func() widget.Off {
		if b, ok := m.paneKey(short); ok {
			return b.WhyOff()
		}
		return scrub()
	}
}

// arrow returns what an arrow does.
func (m *Model) arrow(scrub func() nav.Action, short string) func() nav.Action {
	return func() nav.Action {
		if b, ok := m.paneKey(short); ok {
			return b.Do()
		}
		return scrub()
	}
}

// paneKey returns the key of the screen in front that goes between table and text, where the
// arrows do so too.
func (m *Model) paneKey(short string) (found widget.Binding, ok bool) {
	if m.Can.Clock {
		return found, false
	}
	for _, g := range m.screens.Front().Bindings() {
		if i := slices.IndexFunc(g.Bindings, func(b widget.Binding) bool { return b.Short == short }); i >= 0 {
			return g.Bindings[i], true
		}
	}
	return found, false
}

// speedBindings are the keys for how fast a recording plays.
func speedBindings(c *nav.Context) []widget.Binding {
	faster := func(by int) func() nav.Action {
		return func() nav.Action { return nav.PlaySpeed{Speed: c.Play.Faster(by)} }
	}
	return []widget.Binding{
		{
			Keys: "(", Short: "slower", Long: "ten times, when it plays",
			Doc: "play ten times as slow, down to the speed at which it happened",
			Off: c.OffPlay, Do: faster(-1),
		},
		{
			Keys: ")", Short: "faster", Long: "ten times",
			Doc: "play ten times as fast",
			Off: c.OffPlay, Do: faster(1),
		},
	}
}

// togglePause freezes the display, or goes back to live. A recording plays, or pauses.
func togglePause(c *nav.Context) nav.Action {
	switch {
	case c.InRecording():
		return nav.Play{}
	case c.Can.Recording:
		return nil // nothing is shown yet
	case c.Frozen != nil:
		return nav.Freeze{To: nil}
	default:
		return nav.Freeze{To: &state.Frozen{Snapshot: c.Live, Mark: "PAUSED", At: c.Now}}
	}
}
