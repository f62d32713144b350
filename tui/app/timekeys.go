package app

import (
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
			Keys: "[", Short: "earlier", Long: "the change before, in history",
			Doc:   "[time travel](#time-travel): to the change before",
			Where: widget.FooterStart, When: c.InPast, Off: c.OffTravel, Do: do(nav.Step{By: -1}),
		},
		{
			Keys: "]", Short: "later", Long: "the next change",
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
			Keys: "{", Short: "problem before", Long: "to when it was found, in a recording",
			Doc:   "in a [recording](#replay): to when the problem before was found",
			Where: widget.FooterStart, When: c.InRecording, Off: c.OffClock, Do: mark(-1),
		},
		{
			Keys: "}", Short: "next problem", Long: "to when it was found",
			Doc:   "to when the next problem was found",
			Where: widget.FooterStart, When: c.InRecording, Off: c.OffClock, Do: mark(1),
		},
		{
			Keys: "left", Label: "←", Short: "back", Long: "by a cell of the time line",
			Doc: "back by a cell of the time line; a click on it goes there",
			Off: c.OffClock, Do: scrub(-1),
		},
		{
			Keys: "right", Label: "→", Short: "on", Long: "by a cell of the time line",
			Doc: "on by a cell of the time line",
			Off: c.OffPlay, Do: scrub(1),
		},
		{
			Keys: "z", Short: "zoom in", Long: "the time line, around the moment",
			Doc: "have the time line show less time, around the moment",
			Off: c.OffPlay, Do: zoom(1),
		},
		{
			Keys: "Z", Short: "zoom out", Long: "the time line",
			Doc: "have the time line show more time",
			Off: c.OffPlay, Do: zoom(-1),
		},
	}, speedBindings(c)...)
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
