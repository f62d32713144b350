package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/printable"
	"etcd-lock/simulate"
)

// Canvas is what lanes are drawn on.
type Canvas struct {
	Width  int                              // in columns
	Height int                              // in lines; 0 for as many as it takes
	Paint  func(look Look, s string) string // gives s its colour
}

const (
	minLane   = 20                    // columns of a lane, however narrow the canvas
	finest    = 10 * time.Millisecond // what a column is at least
	tickEvery = 10                    // columns at least from one time on the ruler to the next
)

// Text draws a picture in lines: a ruler, a lane for each client, and a legend.
func Text(p simulate.Picture, c Canvas) []string {
	d := newDrawing(p, c)
	lines := []string{d.label("") + c.Paint(Nothing, d.ruler())}
	lanes := p.Lanes
	if len(p.Faults) > 0 {
		lanes = append([]simulate.Lane{{Client: "faults", Marks: p.Faults}}, lanes...)
	}
	shown := len(lanes)
	if c.Height > 0 && shown+2 > c.Height {
		shown = min(max(c.Height-3, 1), shown) // and a line that says so
	}
	for _, lane := range lanes[:shown] {
		lines = append(lines, d.label(lane.Client)+d.lane(lane))
	}
	if more := len(lanes) - shown; more > 0 {
		lines = append(lines, fmt.Sprintf("… %d more", more))
	}
	return append(lines, d.legend())
}

// drawing is a picture on a canvas.
type drawing struct {
	Canvas
	names int           // columns of the names
	cols  int           // columns of the lanes
	col   time.Duration // what a column is
	until time.Duration
	used  map[Look]bool
}

func newDrawing(p simulate.Picture, c Canvas) *drawing {
	d := &drawing{Canvas: c, until: p.Until, used: map[Look]bool{}}
	for _, lane := range p.Lanes {
		d.names = max(d.names, ansi.StringWidth(printable.Text(lane.Client)))
	}
	d.names = min(max(d.names, len("faults")), max(c.Width/4, len("faults")))
	d.cols = max(c.Width-d.names-2, minLane)
	d.col = scale(p.Until, d.cols)
	return d
}

// scale is what a column is for so much time to fit, in steps, so that lanes that
// grow do not change it all the time.
func scale(until time.Duration, cols int) time.Duration {
	return roundUp(until/time.Duration(cols)+1, 10, 15, 20, 30, 40, 60, 80)
}

// tick is the time between two on a ruler, of at least d.
func tick(d time.Duration) time.Duration { return roundUp(d, 10, 20, 50) }

// roundUp is the least of so many tenths of finest, with zeros behind them, that
// is not below d.
func roundUp(d time.Duration, tenths ...int) time.Duration {
	for unit := finest / 10; ; unit *= 10 {
		for _, n := range tenths {
			if r := time.Duration(n) * unit; r >= d {
				return r
			}
		}
	}
}

// label is the beginning of a line.
func (d *drawing) label(name string) string {
	name = ansi.Truncate(printable.Text(name), d.names, "…")
	return name + strings.Repeat(" ", d.names-ansi.StringWidth(name)+2)
}

// ruler has times where they are.
func (d *drawing) ruler() string {
	step := tick(d.col * tickEvery)
	var b strings.Builder
	for at := time.Duration(0); ; at += step {
		label, col := "|"+at.String(), int(at/d.col)
		if col+len(label) > d.cols {
			return b.String()
		}
		b.WriteString(strings.Repeat(" ", col-b.Len()) + label)
	}
}

// lane draws one client. What a column shows is what was at its beginning, in all
// lanes alike, so that two holds never seem to overlap that do not. A stretch
// that falls between two columns is shown where else there would be nothing.
func (d *drawing) lane(lane simulate.Lane) string {
	row := make([]Look, min(int((d.until+d.col-1)/d.col), d.cols))
	for _, s := range lane.Stretches {
		look := lookOf(s.State)
		from, to := int((s.From+d.col-1)/d.col), int((s.To+d.col-1)/d.col)
		for i := from; i < min(to, len(row)); i++ {
			row[i] = look
		}
		if at := int(s.From / d.col); from == to && look != Idle && at < len(row) && row[at] <= Idle {
			row[at] = look
		}
	}
	for _, m := range lane.Marks {
		if len(row) > 0 {
			row[min(int(m.At/d.col), len(row)-1)] = lookOfMark(m.Moment)
		}
	}
	return d.paint(row)
}

// paint has each run of equal looks painted once.
func (d *drawing) paint(row []Look) string {
	var b strings.Builder
	for len(row) > 0 {
		n := 1
		for n < len(row) && row[n] == row[0] {
			n++
		}
		d.used[row[0]] = true
		b.WriteString(d.Paint(row[0], strings.Repeat(row[0].sign(), n)))
		row = row[n:]
	}
	return b.String()
}

// legend explains the looks that were used, as far as there is room.
func (d *drawing) legend() string {
	var words []string
	for l := Waits; l < Fault; l++ {
		if d.used[l] {
			words = append(words, d.Paint(l, l.sign())+" "+l.meaning())
		}
	}
	return ansi.Truncate(strings.Join(words, "  "), max(d.Width, 1), "…")
}
