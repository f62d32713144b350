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
	dirty   bool
	waiting bool // for frameMsg
	last    string
}

// frameMsg says that the next frame may be drawn.
type frameMsg struct{}

// request says that something may have changed. What the user did is drawn at
// once, the rest when it is due.
func (f *frame) request(msg tea.Msg, now time.Time, t *effects.Tasks) tea.Cmd {
	switch msg.(type) {
	case frameMsg:
		f.waiting = false
		f.dirty = true
		f.drawn = now
		return nil
	case tea.KeyPressMsg, tea.PasteMsg, tea.WindowSizeMsg, tea.MouseClickMsg, tea.MouseWheelMsg, tea.BackgroundColorMsg, resumedMsg:
		f.dirty, f.drawn = true, now
		return nil
	}
	left := frameTime - now.Sub(f.drawn)
	if left <= 0 {
		f.dirty, f.drawn = true, now
		return nil
	}
	if f.waiting {
		return nil
	}
	f.waiting = true
	return t.Cmd(func() tea.Msg {
		if !effects.Sleep(t.Ctx.Done(), left) {
			return nil
		}
		return frameMsg{}
	})
}

// content draws when it is due.
func (f *frame) content(draw func() string) string {
	if f.dirty {
		f.last, f.dirty = draw(), false
	}
	return f.last
}
