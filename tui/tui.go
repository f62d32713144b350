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
)

// closeTimeout bounds how long Run goes on after the user has left, to give
// back what is ours.
const closeTimeout = 2 * time.Second

// ErrNotGivenBack is returned by Run when etcd did not take back all of our
// requests in time. They go when their session ends.
var ErrNotGivenBack = errors.New("tui: some of our locks could not be given back in time; they go when their session ends")

// Options are what the screens show and may do.
type Options struct {
	Prefix   string // locks below it are watched; empty is all keys
	Endpoint string // shown

	Source      Source
	Health      Health      // nil: nothing is known of leader and lag
	Rights      Rights      // nil: nothing is known of what may be read
	Locker      Locker      // nil: no locks can be taken
	Scenarios   Scenarios   // nil: there are none
	Releaser    Releaser    // nil: nothing of others can be released
	Past        Past        // nil: only the present is shown
	Recorder    Recorder    // nil: nothing can be recorded
	Preferences Preferences // nil: nothing is kept

	ReadOnly bool             // takes the keys that write to etcd away, out of the help too
	NoColor  bool             // NO_COLOR is set to anything: only bold and reverse are left
	ASCII    bool             // the terminal shows no other characters
	Now      func() time.Time // nil: time.Now
}

// Run shows the screens until the user leaves or ctx ends, and returns when
// the terminal is as it was, our locks are given back and our waiters are
// taken back.
func Run(ctx context.Context, o Options, progOpts ...tea.ProgramOption) error {
	if o.Source == nil {
		return errors.New("tui: no source of locks")
	}
	m := newModel(ctx, o)
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
	return errors.Join(err, m.effects.tasks.close(closeTimeout))
}
