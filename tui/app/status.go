package app

import (
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
)

// flashLine is a message on the status line for a while.
type flashLine struct {
	text    string
	isError bool
	until   time.Time
}

const flashTime = 6 * time.Second

func (f *flashLine) show(text string, isError bool, now time.Time) {
	*f = flashLine{text: term.Safe(text), isError: isError, until: now.Add(flashTime)}
}

func (f *flashLine) on(now time.Time) bool { return f.text != "" && now.Before(f.until) }

// failure is the message if it is an error, else empty.
func (f *flashLine) failure(now time.Time) string {
	if f.isError && f.on(now) {
		return "✗ " + f.text
	}
	return ""
}

// statusLine is the latest message, else the state of things.
func statusLine(c *nav.Context, f *flashLine, w int) string {
	right := activity(c)
	if c.InPast() {
		right = ahead(c)
	} else if c.Frozen != nil && c.Missed > 0 {
		right = strings.TrimSpace(format.Count(c.Missed, "update", "updates") + " missed  " + right)
	}
	left, style := statusText(c, f)
	if f.on(c.Now) && term.Width(left)+term.Width(right) >= w {
		right = ""
	}
	left = term.Cut(left, max(w-term.Width(right)-1, 0))
	gap := max(w-term.Width(left)-term.Width(right), 0)
	return style.Render(left) + strings.Repeat(" ", gap) + c.Theme.Title.Render(right)
}

func statusText(c *nav.Context, f *flashLine) (string, lipgloss.Style) {
	switch {
	case f.failure(c.Now) != "":
		return f.failure(c.Now), c.Theme.Lost
	case f.on(c.Now):
		return f.text, c.Theme.Bold
	case c.Conn.Lost:
		return "✗ " + c.Conn.Problem(), c.Theme.Lost
	case c.OwnSummary() != "":
		return c.OwnSummary(), c.Theme.Own
	default:
		return tourText(c), c.Theme.Title
	}
}

// tourText is the step of the tour for what is worst, or what is said after all steps.
func tourText(c *nav.Context) string {
	v := &c.Live.Verdict
	if !v.Known || c.InPast() {
		return ""
	}
	if len(c.Tour.Steps) == 0 { // only the demo has some, and there can be very many findings
		return inKeys(c, c.Tour.After)
	}
	for _, f := range v.Findings {
		for _, step := range c.Tour.Steps {
			about := func(id inspect.LockID) bool { return id.Name == step.Lock }
			if f.Severity >= diagnose.Warning && slices.ContainsFunc(f.Locks, about) {
				return inKeys(c, step.Text)
			}
		}
	}
	return inKeys(c, c.Tour.After)
}

// inKeys names the keys in a text, which are in backquotes, as the user calls them on the
// Problems screen.
func inKeys(c *nav.Context, text string) string {
	parts := strings.Split(text, "`")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = c.KeyOn(nav.KindProblems, parts[i])
	}
	return strings.Join(parts, "")
}

// ahead says how far the present, or the end of the recording, is from the past that is shown.
func ahead(c *nav.Context) string {
	switch last := c.LastRecorded(); {
	case c.Can.Recording && !c.Frozen.At.Before(last):
		return "the recording ends here"
	case c.Can.Recording:
		return "the recording ends " + format.Age(last.Sub(c.Frozen.At)) + " later: " + c.Key("b")
	case c.InRecording():
		return "live is " + format.Age(c.Now.Sub(c.Frozen.At)) + " ahead: " + c.Key("b")
	default:
		return "live is " + format.Count(int(c.Live.Revision-c.Frozen.Revision), "revision", "revisions") + " ahead: " + c.Key("b")
	}
}

// activity is the running scenario, and that something is recorded, in a few
// words.
func activity(c *nav.Context) string {
	var parts []string
	if n := c.Notifications.Open(); n > 0 {
		parts = append(parts, "! "+format.Count(n, "notification", "notifications"))
	}
	if c.Recording != nil {
		parts = append(parts, "● recording "+format.Since(c.Recording.Since, c.Now))
	}
	if c.Running() {
		parts = append(parts, c.Run.Sign()+" "+term.Safe(c.Run.Name)+" "+format.Age(c.Run.State.Elapsed))
	}
	return strings.Join(parts, "  ")
}
