package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/format"
	"etcd-lock/internal/printable"
	"etcd-lock/simulate/load"
)

// redrawProgressEvery is how often the line of a terminal is redrawn.
const redrawProgressEvery = 250 * time.Millisecond

// progress shows the progress of a load test: as a line that is redrawn on a
// terminal, as lines at an interval with --progress, and otherwise not at all.
type progress struct {
	io.Writer
	width int           // of the terminal; 0 without one
	lines time.Duration // between two lines without a terminal; 0: no lines

	before *load.Progress
}

func (a *app) progress(lines time.Duration) progress {
	p := progress{Writer: a.Err, lines: lines}
	if a.Getenv("TERM") != "dumb" {
		p.width, _ = output.TerminalSize(a.Err)
	}
	return p
}

// every returns the interval of show, and 0 for never.
func (p *progress) every() time.Duration {
	if p.width > 0 {
		return redrawProgressEvery
	}
	return p.lines
}

// begin prints the prefix of the locks, for those who want to inspect them.
func (p *progress) begin(prefix string) {
	_, _ = fmt.Fprintf(p, "locks below %s\n", printable.Text(prefix)) // an error does not matter
}

func (p *progress) show(load load.Load, now load.Progress) {
	line := progressLine(load, p.before, now)
	p.before = &now
	if p.width > 0 {
		_, _ = io.WriteString(p, "\r"+ansi.EraseLineRight+ansi.Truncate(line, p.width-1, "…"))
		return
	}
	_, _ = fmt.Fprintln(p, line)
}

// end clears the line for the results.
func (p *progress) end() {
	if p.width > 0 {
		_, _ = io.WriteString(p, "\r"+ansi.EraseLineRight)
	}
}

// progressLine describes the progress, with the rate since before.
func progressLine(load load.Load, before *load.Progress, now load.Progress) string {
	line := fmt.Sprintf("%s  %s", now.Name, format.Duration(now.Elapsed))
	if load.For > 0 {
		line += " of " + format.Duration(load.For)
	}
	if load.Rounds > 1 {
		line += fmt.Sprintf("  round %d of %d", now.Round, load.Rounds)
	}
	lately := now.Measured
	if before != nil && before.Name == now.Name {
		lately.All.Grants -= before.All.Grants
		lately.Elapsed -= before.Elapsed
	}
	line += fmt.Sprintf("  %d grants  %.0f/s  %d waiting", now.All.Grants, lately.PerSecond(lately.All.Grants), now.Waiting)
	if now.All.Grants > 0 {
		line += fmt.Sprintf("  p50 %s  p99 %s", format.Latency(now.All.Wait(50)), format.Latency(now.All.Wait(99)))
	}
	line += fmt.Sprintf("  %d errors", now.All.Errors())
	if now.Violated > 0 {
		line += fmt.Sprintf("  %d violations", now.Violated)
	}
	return line
}
