package screens

import (
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/lanes"
	"etcd-lock/simulate/outcome"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// scenarioLanes draws the lanes of a run of that length in w×h.
func scenarioLanes(t *theme.Theme, all []outcome.Lane, long time.Duration, w, h int) string {
	var names []string
	for _, l := range all {
		names = append(names, term.Safe(l.Client))
	}
	name := laneName(names, w)
	room := w - name - 1
	if room < 8 || h <= 0 {
		return ""
	}
	if len(all) == 0 {
		return t.Dim.Render(term.Cut("  its clients are not ready yet", w))
	}
	foot := 2 // an axis and a legend
	if h < 4 {
		foot = 0
	}
	shown := all[:min(len(all), h-foot)]
	if len(shown) < len(all) {
		shown = shown[:max(len(shown)-1, 0)]
	}
	var lines []string
	var rows [][]lanes.Look
	for _, l := range shown {
		row := lanes.Row(l, room, lanes.Scale{Columns: room, Time: max(long, 1)})
		rows = append(rows, row)
		lines = append(lines, term.Pad(term.Safe(l.Client), name, false)+" "+widget.DrawLane(t, row))
	}
	if rest := len(all) - len(shown); rest > 0 {
		lines = append(lines, t.Dim.Render(term.Cut("… "+format.Count(rest, "more client", "more clients"), w)))
	}
	if foot > 0 {
		axis := strings.Repeat(" ", name+1) + term.Pad("0s", room/2, false) + term.Pad(format.Duration(long), room-room/2, true)
		lines = append(lines, t.Dim.Render(axis), term.Cut(lanes.Legend(rows, widget.PaintLook(t)), w))
	}
	return strings.Join(lines, "\n")
}
