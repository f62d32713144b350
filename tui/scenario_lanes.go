package tui

import (
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
)

func lookOf(s ScenarioSpan) look {
	switch {
	case s.Gone:
		return lookGone
	case s.Paused:
		return lookPaused
	case s.Waits && s.Holds != 0:
		return lookWaitsHolding
	case s.Waits:
		return lookWaits
	case s.Holds == keyspace.Write:
		return lookWrites
	case s.Holds == keyspace.Read:
		return lookReads
	default:
		return lookIdle
	}
}

// scenarioLanes draws the lanes of a run of that length in w×h.
func scenarioLanes(t *theme, lanes []ScenarioLane, long time.Duration, w, h int) string {
	var names []string
	for _, l := range lanes {
		names = append(names, safe(l.Client))
	}
	name := laneName(names, w)
	room := w - name - 1
	if room < 8 || h <= 0 {
		return ""
	}
	if len(lanes) == 0 {
		return t.dim.Render(cut("  its clients are not ready yet", w))
	}
	foot := []string{
		t.dim.Render(strings.Repeat(" ", name+1) + pad("0s", room/2, false) + pad(seconds(long), room-room/2, true)),
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
		lines = append(lines, pad(safe(l.Client), name, false)+" "+drawScenarioLane(l, t, room, long))
	}
	if rest := len(lanes) - len(shown); rest > 0 {
		lines = append(lines, t.dim.Render(cut("… "+count(rest, "more client", "more clients"), w)))
	}
	return strings.Join(append(lines, foot...), "\n")
}

// drawScenarioLane draws one lane. A column shows what was at its beginning, in
// all lanes alike, so that two holds never seem to overlap that do not.
func drawScenarioLane(l ScenarioLane, t *theme, w int, long time.Duration) string {
	looks := make([]look, w)
	col := func(at time.Duration) int { return int((at*time.Duration(w) + long - 1) / long) }
	for _, s := range l.Spans {
		for i := col(s.From); i < min(col(s.To), w); i++ {
			looks[i] = lookOf(s)
		}
	}
	for _, at := range l.Marks {
		looks[min(max(col(at)-1, 0), w-1)] = lookBad
	}
	return drawLane(t, looks)
}

func laneLegend(t *theme, w int) string {
	var words []string
	for _, l := range []struct {
		look look
		text string
	}{{lookWrites, "writes"}, {lookReads, "reads"}, {lookWaits, "waits"}, {lookBad, "lost, or in vain"}, {lookPaused, "paused"}, {lookWaitsHolding, "waits, holds"}} {
		s := lookSign(t, l.look)
		words = append(words, s.style.Render(s.text)+" "+l.text)
	}
	return cut(strings.Join(words, "  "), w)
}
