package tui

import (
	"strings"
	"time"

	"etcd-lock/internal/inspect"
)

// expiringAt is the remaining time from which on a lease is called out.
const expiringAt = 2 * time.Second

// ttlCell is the remaining time of a lease.
func ttlCell(c *Context, lease int64) cell {
	left, known := c.leaseLeft(lease)
	switch {
	case lease == 0:
		return cell{"never", c.theme.warning}
	case !known || !c.connected() || c.inPast():
		return cell{"-", c.theme.dim}
	case left < 0:
		return cell{"gone", c.theme.lost}
	case left <= expiringAt:
		return cell{"!" + span(left), c.theme.expiring}
	default:
		return cell{span(left), c.theme.plain}
	}
}

// ttlBar is ttlCell with, where there is room, a bar that drains.
func ttlBar(c *Context, lease int64, w int) cell {
	text := ttlCell(c, lease)
	granted := c.lease(lease)
	left, known := c.leaseLeft(lease)
	lead := max(width(text.text), 5)
	room := w - lead - 1
	if w == wholeWidth || !known || left < 0 || text.text == "-" || granted.Granted <= 0 {
		return text
	}
	bar, ok := drain(left, granted.Granted, room)
	if !ok {
		return text
	}
	style := text.style
	if granted.MissedRenewals() {
		style = c.theme.expiring
	}
	return cell{pad(text.text, lead, true) + " " + bar, style}
}

// drain draws the part left of a whole as a bar of w cells, if that is enough
// for one.
func drain(left, whole time.Duration, w int) (bar string, ok bool) {
	if w < 4 || whole <= 0 {
		return "", false
	}
	full := min(int(time.Duration(w)*left/whole), w)
	return strings.Repeat("█", full) + strings.Repeat("░", w-full), true
}

// renewalsCell says whether a client renews its lease.
func renewalsCell(c *Context, lease int64) cell {
	f := c.lease(lease)
	switch {
	case lease == 0:
		return cell{"! none", c.theme.warning}
	case c.inPast():
		return cell{"-", c.theme.dim}
	case f.State == inspect.LeaseGone:
		return cell{"✗ gone", c.theme.lost}
	case f.State != inspect.LeaseAlive:
		return cell{"-", c.theme.dim}
	case f.MissedRenewals():
		return cell{"! missed", c.theme.expiring}
	default:
		return cell{"● renewed", c.theme.holding}
	}
}

// requestSign is whether a request holds.
func requestSign(t *theme, holding bool) sign {
	if holding {
		return sign{"●", t.holding}
	}
	return sign{"○", t.waiting}
}

// severitySign is the sign of how bad something is.
func severitySign(t *theme, sev inspect.Severity) sign {
	switch sev {
	case inspect.Critical:
		return sign{"✗", t.lost}
	case inspect.Warning:
		return sign{"!", t.warning}
	case inspect.Notice:
		return sign{"·", t.dim}
	default:
		return sign{"", t.plain}
	}
}

// previewLines say what a release removes, and who is next.
func previewLines(t *theme, gone, granted []inspect.Request) []string {
	lines := make([]string, 0, len(gone)+len(granted)+1)
	for _, r := range gone {
		lines = append(lines, goneLine(t, r))
	}
	return append(lines, nextLines(t, granted)...)
}

func goneLine(t *theme, r inspect.Request) string {
	g, does := requestSign(t, r.Holding), "releases "
	if !r.Holding {
		does = "gives up its wait for "
	}
	return g.style.Render(g.text) + " " + does + r.Mode.String() + " " + safe(r.Lock.Name)
}

func nextLines(t *theme, granted []inspect.Request) []string {
	if len(granted) == 0 {
		return []string{t.dim.Render("nobody is granted anything by that")}
	}
	var lines []string
	for _, r := range granted {
		lines = append(lines, t.own.Render("→")+" next: "+ownerOrSession(r)+" gets "+r.Mode.String()+" "+safe(r.Lock.Name))
	}
	return lines
}

// filterTitle says that a table is filtered.
func filterTitle(g grid) string {
	if g.filtered() == "" {
		return ""
	}
	return " · filter “" + safe(g.filtered()) + "”"
}
