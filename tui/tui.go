// Package tui is the inspector's screens: a live table of locks, the queue of
// the selected one, and an event log. It sees etcd only through the interfaces
// in ports.go, takes locks for its user, and gives all of them back when it is
// left.
package tui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"etcd-lock/tui/app"
	"etcd-lock/tui/backend"
)

// closeTimeout bounds how long Run goes on after the user has left, to give
// back what is ours.
const closeTimeout = 2 * time.Second

// Run shows the screens until the user leaves or ctx ends, and returns when
// the terminal is as it was, our locks are given back and our waiters are
// taken back.
func Run(ctx context.Context, o backend.Options, progOpts ...tea.ProgramOption) error {
	if o.Source == nil {
		return errors.New("tui: no source of locks")
	}
	m := app.New(ctx, o)
	if o.NoColor {
		progOpts = append(progOpts, tea.WithColorProfile(colorprofile.ASCII))
	}
	p := tea.NewProgram(m, progOpts...)
	// Quit, and not tea.WithContext, which kills: the screen is left in order.
	stop := context.AfterFunc(ctx, p.Quit)
	defer stop()
	_, err := p.Run()
	if errors.Is(err, tea.ErrInterrupted) {
		err = nil
	}
	return errors.Join(err, m.Close(closeTimeout))
}
