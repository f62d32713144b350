package app

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/effects"
)

// frameTime is the least time between two frames that no key asked for: 30 a
// second.
const frameTime = time.Second / 30

// frame is the latest drawn screen. Bubble Tea asks for a view after every
// message; a new one is drawn only when it is due.
type frame struct {
	drawn   time.Time
	changed bool // since it was drawn
	dirty   bool
	due     time.Time // when frameMsg comes; zero: none is awaited
	last    string
}

// frameMsg says that the next frame may be drawn.
type frameMsg struct{}

// request says that something may have changed. What the user did is drawn at once, the
// rest when it is due: a message that can wait has that time for another one to be drawn
// with it.
func (f *frame) request(msg tea.Msg, now time.Time, wait time.Duration, t *effects.Tasks) tea.Cmd {
	switch msg.(type) {
	case frameMsg:
		f.due = time.Time{}
		if f.changed {
			f.draw(now)
		}
		return nil
	case tea.KeyPressMsg, tea.PasteMsg, tea.WindowSizeMsg, tea.MouseClickMsg, tea.MouseWheelMsg, tea.BackgroundColorMsg, resumedMsg:
		f.draw(now)
		return nil
	}
	f.changed = true
	left := max(frameTime-now.Sub(f.drawn), wait)
	if left <= 0 {
		f.draw(now)
		return nil
	}
	due := now.Add(left)
	if !f.due.IsZero() && !due.Before(f.due) {
		return nil
	}
	f.due = due
	return t.Cmd(func() tea.Msg {
		if !effects.Sleep(t.Ctx.Done(), left) {
			return nil
		}
		return frameMsg{}
	})
}

// draw has the next view be a new one.
func (f *frame) draw(now time.Time) { f.dirty, f.changed, f.drawn = true, false, now }

// content draws when it is due.
func (f *frame) content(draw func() string) string {
	if f.dirty {
		f.last, f.dirty = draw(), false
	}
	return f.last
}
