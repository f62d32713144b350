package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/predicting"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/format"
	"etcd-lock/internal/lanes"
	"etcd-lock/internal/report"
	"etcd-lock/simulate/outcome"
)

// view shows a run while it is running.
type view interface {
	// log shows an event.
	log(e outcome.Event) error
	// clear makes room for a line of another kind.
	clear()
	// end shows the result of the run; more says that another run follows.
	end(r report.Run, round int, more bool) error
}

// jsonView prints a document at the end.
type jsonView struct{ out output.Printer }

func (v jsonView) log(outcome.Event) error { return nil }

func (v jsonView) clear() {}

func (v jsonView) end(r report.Run, round int, _ bool) error {
	if r.Err == nil {
		return v.out.Document(newRunDoc(r, round))
	}
	return nil // there is no result
}

// logView prints the lines of the log.
type logView struct{ out output.Printer }

func (v logView) log(e outcome.Event) error {
	if e.Line == "" {
		return nil
	}
	return v.out.Line(output.Cell{Text: e.Line})
}

func (v logView) clear() {}

func (v logView) end(r report.Run, _ int, _ bool) error { return writePotentials(v.out, r) }

// writePotentials prints the deadlocks that could happen by what the clients of a run did.
func writePotentials(out output.Printer, r report.Run) error {
	for _, p := range predicting.Scenario(r.Scenario, r.Result.Events) {
		if err := predicting.Write(out, cmdline.Flags{}, p); err != nil {
			return err
		}
	}
	return nil
}

// redrawEvery is how often lanes are drawn: often enough to look animated.
const redrawEvery = 100 * time.Millisecond

// laneView draws lanes that grow, on a terminal.
type laneView struct {
	out   output.Printer
	begun time.Time
	stop  func()

	mu     sync.Mutex
	events []outcome.Event
	drawn  []string // the lines that are on the screen
	err    error
}

// newLaneView draws lanes until end is called.
func newLaneView(out output.Printer) *laneView {
	v := &laneView{out: out, begun: time.Now()}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { v.grow(ctx) })
	v.stop = func() { cancel(); wg.Wait() }
	return v
}

func (v *laneView) log(e outcome.Event) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.events = append(v.events, e)
	return v.err
}

// clear takes the lanes off the screen until they are drawn again.
func (v *laneView) clear() {
	width, _ := output.TerminalSize(v.out.Writer)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.replace(nil, width)
}

func (v *laneView) grow(ctx context.Context) {
	t := time.NewTicker(redrawEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			width, height := output.TerminalSize(v.out.Writer)
			v.mu.Lock()
			v.draw(v.canvas(width, height-1), time.Since(v.begun)) // the cursor is below
			v.mu.Unlock()
		}
	}
}

// end leaves the lanes on the screen if this was the last run or it failed.
func (v *laneView) end(r report.Run, round int, more bool) error {
	v.stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	width, _ := output.TerminalSize(v.out.Writer)
	if more && r.Result.Err() == nil {
		v.replace(nil, width)
	} else {
		v.draw(v.canvas(width, 0), r.Until())
	}
	if v.err != nil || r.Err != nil {
		return v.err
	}
	verdict := output.Cell{Text: "passed", Tone: output.Holding}
	if r.Result.Err() != nil {
		verdict = output.Cell{Text: "failed", Tone: output.Critical}
	}
	err := v.out.Line(verdict, output.Cell{Text: fmt.Sprintf("  %s: round %d, seed %d, %s", r.Scenario.Name, round, r.Result.Seed, format.Duration(r.Until()))})
	if err != nil || more && r.Result.Err() == nil {
		return err
	}
	return writePotentials(v.out, r)
}

// canvas returns a canvas for a terminal of that size. It leaves the last column
// free, because some terminals wrap the line when that is written.
func (v *laneView) canvas(width, height int) report.Canvas {
	if width == 0 {
		width = 80
	}
	return report.Canvas{Width: width - 1, Height: max(height, 0), Paint: v.paint}
}

func (v *laneView) draw(c report.Canvas, until time.Duration) {
	v.replace(report.Text(outcome.Draw(v.events, until), c), c.Width+1)
}

// replace draws lines in place of the last ones, which a terminal that has become
// narrower since has wrapped.
func (v *laneView) replace(lines []string, width int) {
	up := 0
	for _, l := range v.drawn {
		up += max((ansi.StringWidth(l)+width-1)/max(width, 1), 1)
	}
	var b strings.Builder
	if up > 0 {
		b.WriteString("\r" + ansi.CursorUp(up) + ansi.EraseScreenBelow)
	}
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	if _, err := v.out.Write([]byte(b.String())); err != nil {
		v.err = err
	}
	v.drawn = lines
}

func (v *laneView) paint(look lanes.Look, s string) string {
	return v.out.Colored(s, toneOf(look))
}

func toneOf(look lanes.Look) output.Tone {
	switch look {
	case lanes.Reads, lanes.Slots, lanes.Writes:
		return output.Holding
	case lanes.Waits, lanes.WaitsHolding:
		return output.Waiting
	case lanes.Idle, lanes.Paused:
		return output.Faint
	case lanes.Lost, lanes.Crashed:
		return output.Critical
	case lanes.Failed, lanes.Fenced, lanes.Fault:
		return output.Warning
	default:
		return output.Plain
	}
}
