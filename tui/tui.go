// Package tui is the terminal UI of the inspector: live tables of locks, sessions
// and problems, with queues, timelines and an event log. It sees etcd only through
// the interfaces of package backend. What its user takes is released when it
// ends.
//
// It is built in rings, each of which imports only those before it: backend and
// term, theme, widget and state, nav, describe, screens and effects, app, clusters.
package tui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"etcd-lock/tui/app"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/clusters"
)

// closeTimeout bounds how long Run goes on after the user has left, to release
// what the user has taken.
const closeTimeout = 2 * time.Second

// Options are what the UI is started with.
type Options = backend.Options

// CheckKeys returns what is wrong with the keys and the commands of the options, if anything
// is: a *backend.KeyError.
func CheckKeys(o Options) error { return app.CheckKeys(o) }

// Run shows the UI until the user leaves or ctx ends. When it returns, the
// terminal is as it was, unless nobody reads from it, and the locks that the user took are released and the
// requests that waited are canceled. The error is backend.ErrNotReleased if that
// did not work in time.
func Run(ctx context.Context, o Options, progOpts ...tea.ProgramOption) error {
	if o.Source == nil && o.Past == nil {
		return errors.New("tui: no source of locks")
	}
	return run(ctx, clusters.New(ctx, o), o.NoColor, progOpts)
}

// RunSeveral is Run on several clusters in one table, of which at least one is connected to.
// It ends their connections.
func RunSeveral(ctx context.Context, members []backend.Member, noColor bool, progOpts ...tea.ProgramOption) error {
	return run(ctx, clusters.NewSeveral(ctx, members), noColor, progOpts)
}

func run(ctx context.Context, m *clusters.Model, noColor bool, progOpts []tea.ProgramOption) error {
	if noColor {
		progOpts = append(progOpts, tea.WithColorProfile(colorprofile.ASCII))
	}
	p := tea.NewProgram(m, progOpts...)
	// Quit, and not tea.WithContext, which kills: the screen is left in order.
	stop := context.AfterFunc(ctx, p.Quit)
	defer stop()
	left := make(chan error, 1)
	go func() {
		_, err := p.Run()
		if errors.Is(err, tea.ErrInterrupted) {
			err = nil
		}
		left <- err
	}()
	select {
	case err := <-left:
		return errors.Join(err, m.Close(closeTimeout))
	case <-ctx.Done():
	}
	// The program cannot leave while it writes to a terminal that nobody reads. Its
	// locks are released beside that.
	released := m.Close(closeTimeout)
	select {
	case err := <-left:
		return errors.Join(err, released)
	case <-time.After(closeTimeout):
		return released
	}
}
