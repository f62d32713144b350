package report

import (
	_ "embed" // for the page
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/lanes"
	"etcd-lock/internal/printable"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"

	"etcd-lock/simulate/outcome"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"text":  func(v any) string { return printable.Text(fmt.Sprint(v)) },
	"clock": format.Clock,
	"px":    func(x float64) string { return fmt.Sprintf("%.1f", x) },
}).Parse(pageText))

// Page writes a run as an HTML page without any other files.
func Page(w io.Writer, r Run) error {
	return page.Execute(w, pageDoc{
		Run:    r,
		Passed: r.Err == nil && len(r.Result.Failures) == 0,
		Chart:  newChart(outcome.Draw(r.Result.Events, r.Until())),
	})
}

// pageDoc is what the page shows.
type pageDoc struct {
	Run
	Passed bool
	Chart  chart
}

// Stories returns the stories of all violations.
func (p pageDoc) Stories() []pageStory {
	var all []pageStory
	for _, v := range p.Result.Verdict.Violations {
		all = append(all, pageStory{Kind: v.Kind, Lines: v.Story()})
	}
	return all
}

type pageStory struct {
	Kind  verify.Kind
	Lines []string
}

// Checks returns the checks of the run, unless it ended early.
func (p pageDoc) Checks() []outcome.Check {
	if p.Err != nil {
		return nil
	}
	return p.Result.Checks()
}

// The sizes of the chart, in its own units.
const (
	chartNames = 150.0
	chartPlot  = 820.0
	chartRow   = 26.0
	chartTicks = 10 // approximately
)

// chart is a picture with coordinates.
type chart struct {
	Width, Height float64
	Names         float64 // width of the names, left of the lanes
	Ticks         []chartTick
	Faults        []chartMark
	Lanes         []chartLane
}

type chartTick struct {
	X    float64
	Text string
}

type chartLane struct {
	Name string
	Y    float64 // of its middle
	Bars []chartBar
	Mark []chartMark
}

type chartBar struct {
	X, Y, Width, Height float64
	Class, Text         string
}

type chartMark struct {
	X          float64
	Sign, Text string
}

func newChart(p outcome.Picture) chart {
	until := max(p.Until, finest)
	x := func(at time.Duration) float64 { return chartNames + chartPlot*float64(at)/float64(until) }
	c := chart{Width: chartNames + chartPlot + 20, Names: chartNames, Height: chartRow * (float64(len(p.Lanes)) + 1.25)}
	for at, step := time.Duration(0), tick(until/chartTicks); at <= until; at += step {
		c.Ticks = append(c.Ticks, chartTick{X: x(at), Text: at.String()})
	}
	c.Faults = newChartMarks(p.Faults, x)
	for i, lane := range p.Lanes {
		y := chartRow * (float64(i) + 1.5)
		l := chartLane{Name: lane.Client, Y: y, Mark: newChartMarks(lane.Marks, x)}
		for _, s := range lane.Stretches {
			l.Bars = append(l.Bars, newChartBars(s, y, x)...)
		}
		c.Lanes = append(c.Lanes, l)
	}
	return c
}

func newChartMarks(marks []outcome.Mark, x func(time.Duration) float64) []chartMark {
	var all []chartMark
	for _, m := range marks {
		all = append(all, chartMark{X: x(m.At), Sign: lanes.OfMark(m.Moment).Sign(), Text: format.Clock(m.At) + ": " + m.Text})
	}
	return all
}

// newChartBars returns the bars of a stretch: one for what the client holds, higher for
// writing than for slots of a semaphore, and for these than for reading, and one across it for a wait.
func newChartBars(s outcome.Stretch, y float64, x func(time.Duration) float64) []chartBar {
	bar := func(class string, top, height float64) chartBar {
		return chartBar{
			X: x(s.From), Width: max(x(s.To)-x(s.From), 0.5), Y: y + top, Height: height, Class: class,
			Text: fmt.Sprintf("%s, %s to %s", strings.ReplaceAll(class, " ", ", "), format.Clock(s.From), format.Clock(s.To)),
		}
	}
	paused := ""
	if s.Paused {
		paused = " paused"
	}
	var bars []chartBar
	switch {
	case s.Gone:
		return nil
	case s.Holds == rwlock.Write:
		bars = append(bars, bar("writes"+paused, -9, 18))
	case s.Holds == rwlock.Slot:
		bars = append(bars, bar("slots"+paused, -4, 13))
	case s.Holds == rwlock.Read:
		bars = append(bars, bar("reads"+paused, 0, 9))
	case !s.Waits:
		bars = append(bars, bar("idle"+paused, -0.5, 1))
	}
	if s.Waits {
		bars = append(bars, bar("waits"+paused, -4, 8))
	}
	return bars
}
