package screens

import (
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/theme"
)

// age is how long something has lasted: "≤12m" is at most, "≥54s" at least.
func age(c *nav.Context, start inspect.Start) theme.Text {
	return theme.Styled(start.Short(c.Clock()), c.Theme.Plain)
}

// lasted says how long a request has held or waited, at the end of a line.
func lasted(r inspect.Request, now time.Time) string {
	words := r.Start().Words(now)
	if words == "" {
		return ""
	}
	if r.Holding {
		return " · has held for " + words
	}
	return " · has waited for " + words
}

// Short says the same in few words, for a dialog.
func Short(r inspect.Request, now time.Time) string {
	switch {
	case !r.Start().Known():
		return ""
	case r.Holding:
		return ", held " + r.Start().Short(now)
	default:
		return ", waits " + r.Start().Short(now)
	}
}
