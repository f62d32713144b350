package backend

import "context"

// Notice is what a program of the user is told.
type Notice struct {
	Event string // free, granted, raised or gone
	Text  string // printable
	Lock  string // its name; empty: it is not about one
}

// Notifier tells a program of the user.
type Notifier interface {
	Notify(ctx context.Context, n Notice) error
}

// The signals that a terminal can be sent.
const (
	SignalBell   = "bell"
	SignalOSC9   = "osc9"   // iTerm2, Windows Terminal, kitty, WezTerm
	SignalOSC777 = "osc777" // rxvt-unicode, foot, Ghostty
)

// Signals returns them.
func Signals() []string { return []string{SignalBell, SignalOSC9, SignalOSC777} }
