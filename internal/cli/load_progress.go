package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/printable"
	"etcd-lock/simulate/load"
)

// terminalPace is how often a line that people look at changes.
const terminalPace = 250 * time.Millisecond

// progress shows how a load goes: as one line that changes on a terminal, as one
// line after the other where these were asked for, else not at all.
type progress struct {
	io.Writer
	width int           // of the terminal; 0 when there is none
	lines time.Duration // between two lines without one; 0 for none

	before *load.Progress
}

func (a *app) progress(lines time.Duration) progress {
	p := progress{Writer: a.Err, lines: lines}
	if a.Getenv("TERM") != "dumb" {
		p.width = terminalWidth(a.Err)
	}
	return p
}

// every is how often there is something to show, or 0 for never.
func (p *progress) every() time.Duration {
	if p.width > 0 {
		return terminalPace
	}
	return p.lines
}

// begin says where the locks are that can be looked at.
func (p *progress) begin(prefix string) {
	_, _ = fmt.Fprintf(p, "locks below %s\n", printable.Text(prefix)) // nobody needs to see it
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

// end makes room for what comes.
func (p *progress) end() {
	if p.width > 0 {
		_, _ = io.WriteString(p, "\r"+ansi.EraseLineRight)
	}
}

// progressLine tells where a load is, and what went on since before.
func progressLine(load load.Load, before *load.Progress, now load.Progress) string {
	line := fmt.Sprintf("%s  %s", now.Name, seconds(now.Elapsed))
	if load.For > 0 {
		line += " of " + seconds(load.For)
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
		line += fmt.Sprintf("  p50 %s  p99 %s", brief(now.All.Wait(50)), brief(now.All.Wait(99)))
	}
	line += fmt.Sprintf("  %d errors", now.All.Errors())
	if now.Violated > 0 {
		line += fmt.Sprintf("  %d violations", now.Violated)
	}
	return line
}

// brief is a duration to three digits.
func brief(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}
