package tui

import (
	"strings"
	"time"

	"charm.land/lipgloss/v2"
)

// flashLine is a message on the status line for a while.
type flashLine struct {
	text    string
	isError bool
	until   time.Time
}

const flashTime = 6 * time.Second

func (f *flashLine) show(text string, isError bool, now time.Time) {
	*f = flashLine{text: safe(text), isError: isError, until: now.Add(flashTime)}
}

func (f *flashLine) on(now time.Time) bool { return f.text != "" && now.Before(f.until) }

// failure is the message if it is an error, else empty.
func (f *flashLine) failure(now time.Time) string {
	if f.isError && f.on(now) {
		return "✗ " + f.text
	}
	return ""
}

// statusLine is what has just happened, else what is going on.
func statusLine(c *Context, f *flashLine, w int) string {
	right := activity(c)
	if c.inPast() {
		right = ahead(c)
	} else if c.frozen != nil && c.missed > 0 {
		right = strings.TrimSpace(count(c.missed, "update", "updates") + " missed  " + right)
	}
	left, style := statusText(c, f)
	if f.on(c.now) && width(left)+width(right) >= w {
		right = ""
	}
	left = cut(left, max(w-width(right)-1, 0))
	gap := max(w-width(left)-width(right), 0)
	return style.Render(left) + strings.Repeat(" ", gap) + c.theme.title.Render(right)
}

func statusText(c *Context, f *flashLine) (string, lipgloss.Style) {
	switch {
	case f.failure(c.now) != "":
		return f.failure(c.now), c.theme.lost
	case f.on(c.now):
		return f.text, c.theme.bold
	case c.conn.lost:
		return "✗ " + c.conn.trouble(), c.theme.lost
	default:
		return c.ownSummary(), c.theme.own
	}
}

// ahead says how far the present is from the past that is shown.
func ahead(c *Context) string {
	return "live is " + count(int(c.live.Revision-c.frozen.Revision), "revision", "revisions") + " ahead: b"
}

// activity is the running scenario, and that something is recorded, in a few
// words.
func activity(c *Context) string {
	var parts []string
	if c.recording != nil {
		parts = append(parts, "● recording "+age(c.now, c.recording.since))
	}
	if c.running() {
		parts = append(parts, c.run.sign()+" "+safe(c.run.name)+" "+span(c.run.state.Elapsed))
	}
	return strings.Join(parts, "  ")
}
