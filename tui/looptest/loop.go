// Package looptest runs the commands of a model of Bubble Tea in tests.
package looptest

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

// Loop runs the commands of a model, for a test that is its event loop.
type Loop struct {
	Context  context.Context // ends it
	Messages chan tea.Msg    // what the commands have returned, for the model's Update
}

// New returns a loop that ends with ctx.
func New(ctx context.Context) Loop { return Loop{Context: ctx, Messages: make(chan tea.Msg)} }

// Start runs a command, and those of a batch beside each other.
func (l Loop) Start(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		switch msg := cmd().(type) {
		case nil:
		case tea.BatchMsg:
			for _, c := range msg {
				l.Start(c)
			}
		default:
			select {
			case l.Messages <- msg:
			case <-l.Context.Done():
			}
		}
	}()
}
