package screens

import (
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

func lookOf(s backend.ScenarioSpan) widget.Look {
	switch {
	case s.Gone:
		return widget.LookGone
	case s.Paused:
		return widget.LookPaused
	case s.Waits && s.Holds != 0:
		return widget.LookWaitsHolding
	case s.Waits:
		return widget.LookWaits
	case s.Holds == keyspace.Write:
		return widget.LookWrites
	case s.Holds == keyspace.Read:
		return widget.LookReads
	default:
		return widget.LookIdle
	}
}

// scenarioLanes draws the lanes of a run of that length in w×h.
func scenarioLanes(t *theme.Theme, lanes []backend.ScenarioLane, long time.Duration, w, h int) string {
	var names []string
	for _, l := range lanes {
		names = append(names, term.Safe(l.Client))
	}
	name := laneName(names, w)
	room := w - name - 1
	if room < 8 || h <= 0 {
		return ""
	}
	if len(lanes) == 0 {
		return t.Dim.Render(term.Cut("  its clients are not ready yet", w))
	}
	foot := []string{
		t.Dim.Render(strings.Repeat(" ", name+1) + term.Pad("0s", room/2, false) + term.Pad(format.Duration(long), room-room/2, true)),
		laneLegend(t, w),
	}
	if h < 4 {
		foot = nil
	}
	shown := lanes[:min(len(lanes), h-len(foot))]
	if len(shown) < len(lanes) {
		shown = shown[:max(len(shown)-1, 0)]
	}
	var lines []string
	for _, l := range shown {
		lines = append(lines, term.Pad(term.Safe(l.Client), name, false)+" "+drawScenarioLane(l, t, room, long))
	}
	if rest := len(lanes) - len(shown); rest > 0 {
		lines = append(lines, t.Dim.Render(term.Cut("… "+format.Count(rest, "more client", "more clients"), w)))
	}
	return strings.Join(append(lines, foot...), "\n")
}

// drawScenarioLane draws one lane. A column shows the state at its beginning, in
// all lanes alike, so that two holds never seem to overlap that do not.
func drawScenarioLane(l backend.ScenarioLane, t *theme.Theme, w int, long time.Duration) string {
	looks := make([]widget.Look, w)
	col := func(at time.Duration) int { return int((at*time.Duration(w) + long - 1) / long) }
	for _, s := range l.Spans {
		for i := col(s.From); i < min(col(s.To), w); i++ {
			looks[i] = lookOf(s)
		}
	}
	for _, at := range l.Marks {
		looks[min(max(col(at)-1, 0), w-1)] = widget.LookBad
	}
	return widget.DrawLane(t, looks)
}

func laneLegend(t *theme.Theme, w int) string {
	var words []string
	for _, l := range []struct {
		look widget.Look
		text string
	}{{widget.LookWrites, "writes"}, {widget.LookReads, "reads"}, {widget.LookWaits, "waits"}, {widget.LookBad, "lost, or not granted"}, {widget.LookPaused, "paused"}, {widget.LookWaitsHolding, "waits, holds"}} {
		s := widget.LookSign(t, l.look)
		words = append(words, s.Style.Render(s.Text)+" "+l.text)
	}
	return term.Cut(strings.Join(words, "  "), w)
}
