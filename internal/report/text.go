package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/lanes"
	"etcd-lock/internal/printable"
	"etcd-lock/simulate/outcome"
)

// Canvas is what lanes are drawn on.
type Canvas struct {
	Width  int // in columns
	Height int // in lines; 0 for no limit
	// Paint gives signs of a look their colour.
	Paint func(look lanes.Look, signs string) string
}

const (
	minLane   = 20                    // the least columns of a lane, however narrow the canvas
	finest    = 10 * time.Millisecond // the least time of a column
	tickEvery = 10                    // the least columns between two times on the ruler
)

// Text draws a picture: a ruler, a lane for each client, and a legend. It returns the
// lines.
func Text(p outcome.Picture, c Canvas) []string {
	d := newDrawing(p, c)
	lines := []string{d.label("") + c.Paint(lanes.Nothing, d.ruler())}
	all := p.Lanes
	if len(p.Faults) > 0 {
		all = append([]outcome.Lane{{Client: "faults", Marks: p.Faults}}, all...)
	}
	shown := len(all)
	if c.Height > 0 && shown+2 > c.Height {
		shown = min(max(c.Height-3, 1), shown) // and a line that counts the others
	}
	var rows [][]lanes.Look
	for _, lane := range all[:shown] {
		row := lanes.Row(lane, d.cols, d.scale)
		rows = append(rows, row)
		lines = append(lines, d.label(lane.Client)+lanes.Paint(row, c.Paint))
	}
	if more := len(all) - shown; more > 0 {
		lines = append(lines, fmt.Sprintf("… %d more", more))
	}
	return append(lines, ansi.Truncate(lanes.Legend(rows, c.Paint), max(c.Width, 1), "…"))
}

// drawing is a picture on a canvas.
type drawing struct {
	names int // columns of the names
	room  int // columns for lanes
	cols  int // columns that the lanes take
	scale lanes.Scale
}

func newDrawing(p outcome.Picture, c Canvas) drawing {
	var d drawing
	for _, lane := range p.Lanes {
		d.names = max(d.names, ansi.StringWidth(printable.Text(lane.Client)))
	}
	d.names = min(max(d.names, len("faults")), max(c.Width/4, len("faults")))
	d.room = max(c.Width-d.names-2, minLane)
	column := columnTime(p.Until, d.room)
	d.scale = lanes.Scale{Columns: 1, Time: column}
	d.cols = min(int((p.Until+column-1)/column), d.room)
	return d
}

// columnTime returns the time of a column such that cols columns are enough. It grows in
// steps, so that lanes that grow are not redrawn at another scale all the time.
func columnTime(until time.Duration, cols int) time.Duration {
	return roundUp(until/time.Duration(cols)+1, 10, 15, 20, 30, 40, 60, 80)
}

// tick returns the time between two times on a ruler, at least d.
func tick(d time.Duration) time.Duration { return roundUp(d, 10, 20, 50) }

// roundUp returns the least duration that is not below d and is one of tenths, in tenths
// of finest, times a power of ten.
func roundUp(d time.Duration, tenths ...int) time.Duration {
	for unit := finest / 10; ; unit *= 10 {
		for _, n := range tenths {
			if r := time.Duration(n) * unit; r >= d {
				return r
			}
		}
	}
}

// label returns the beginning of a line.
func (d drawing) label(name string) string {
	name = ansi.Truncate(printable.Text(name), d.names, "…")
	return name + strings.Repeat(" ", d.names-ansi.StringWidth(name)+2)
}

// ruler returns a line with times at their columns.
func (d drawing) ruler() string {
	step := tick(d.scale.Time * tickEvery)
	var b strings.Builder
	for at := time.Duration(0); ; at += step {
		label, col := "|"+at.String(), d.scale.Column(at)
		if col+len(label) > d.room {
			return b.String()
		}
		b.WriteString(strings.Repeat(" ", col-b.Len()) + label)
	}
}
