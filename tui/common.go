package tui

import (
	"time"

	"charm.land/lipgloss/v2"
)

// common is what the root knows and every pane reads.
type common struct {
	styles    styles
	keys      keyMap
	now       time.Time // of the last message
	paused    bool
	pausedAt  time.Time
	connected bool
	ours      []*ourRequest // oldest first
}

// clock is the time that the picture shows. It stands still while paused.
func (c *common) clock() time.Time {
	if c.paused {
		return c.pausedAt
	}
	return c.now
}

// sign is a word with the sign and the style that belong to it.
type sign struct {
	text  string
	style lipgloss.Style
}
