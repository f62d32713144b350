package widget

import (
	"etcd-lock/internal/lanes"
	"etcd-lock/tui/theme"
)

// DrawLane draws the columns of a lane.
func DrawLane(t *theme.Theme, row []lanes.Look) string { return lanes.Paint(row, PaintLook(t)) }

// PaintLook returns a function that gives the signs of a look their style.
func PaintLook(t *theme.Theme) func(look lanes.Look, signs string) string {
	return func(look lanes.Look, signs string) string {
		style := t.Plain
		switch look {
		case lanes.Nothing:
		case lanes.Idle:
			style = t.Dim
		case lanes.Waits, lanes.WaitsHolding:
			style = t.Waiting
		case lanes.Holds, lanes.Reads, lanes.Slots, lanes.Writes:
			style = t.Holding
		case lanes.Paused, lanes.Fenced, lanes.Fault:
			style = t.Expiring
		case lanes.Failed, lanes.Lost, lanes.Crashed:
			style = t.Lost
		}
		return style.Render(signs)
	}
}
