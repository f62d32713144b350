package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// tasks are the commands that talk to the outside. Bubble Tea abandons running
// commands when it ends, and with them a lock granted in that moment; so tasks
// counts them and knows the tickets that are held.
type tasks struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	wg     sync.WaitGroup
	closed bool
	held   map[uint64]Ticket
}

func newTasks(ctx context.Context) *tasks {
	ctx, cancel := context.WithCancel(ctx)
	return &tasks{ctx: ctx, cancel: cancel, held: map[uint64]Ticket{}}
}

// cmd makes a command of f. Once tasks is closed it does nothing.
func (t *tasks) cmd(f func() tea.Msg) tea.Cmd {
	return func() tea.Msg {
		if !t.begin() {
			return nil
		}
		defer t.wg.Done()
		return f()
	}
}

func (t *tasks) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Add(1)
	return true
}

// wait asks for a lock and keeps its ticket when it is granted.
func (t *tasks) wait(ctx context.Context, id uint64, ticket Ticket) error {
	if err := ticket.Wait(ctx); err != nil {
		return err
	}
	if !t.keep(id, ticket) {
		_ = ticket.Release() // nobody is left to tell
	}
	return nil
}

// keep reports false when it is too late to keep anything.
func (t *tasks) keep(id uint64, ticket Ticket) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.held[id] = ticket
	return true
}

// release gives a held ticket back. When that fails, the ticket stays held.
func (t *tasks) release(id uint64) error {
	t.mu.Lock()
	ticket, ok := t.held[id]
	delete(t.held, id)
	t.mu.Unlock()
	if !ok {
		return nil
	}
	err := ticket.Release()
	if err != nil {
		t.keep(id, ticket)
	}
	return err
}

// forget drops a ticket whose lock is known to be gone.
func (t *tasks) forget(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.held, id)
}

// close cancels everything that runs, gives back everything that is held, and
// waits for both at most timeout.
func (t *tasks) close(timeout time.Duration) error {
	t.mu.Lock()
	t.closed = true
	held := t.held
	t.held = nil
	t.mu.Unlock()
	t.cancel()
	failed := make(chan error, len(held))
	for _, ticket := range held {
		t.wg.Go(func() {
			if err := ticket.Release(); err != nil {
				failed <- err
			}
		})
	}
	done := make(chan struct{})
	go func() {
		t.wg.Wait()
		close(done)
	}()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	select {
	case <-done:
	case <-deadline.C:
		return ErrNotGivenBack
	}
	if len(failed) > 0 {
		return ErrNotGivenBack
	}
	return nil
}
