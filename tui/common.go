package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// common is what the root knows and every screen reads. Only the root changes
// it.
type common struct {
	*data
	opts   *Options
	tasks  *tasks
	theme  theme
	global keyMap
	prefs  *Prefs
	now    time.Time // of the last message

	requests []tea.Msg // of screens to the root
}

// clock is the time that the picture shows. It stands still with the picture.
func (c *common) clock() time.Time {
	if c.still != nil {
		return c.still.at
	}
	return c.now
}

// fact is what was said of a lease lately.
func (c *common) fact(lease int64) fact { return c.book.fresh(lease, c.clock()) }

// sign is a word with the sign and the style that belong to it.
type sign struct {
	text  string
	style lipgloss.Style
}
