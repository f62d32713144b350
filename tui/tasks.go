package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// tasks are the commands that talk to the outside. Bubble Tea abandons running
// commands when it ends, and with them a lock granted in that moment; so tasks
// counts them and knows the clients whose sessions they hang on.
type tasks struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	wg      sync.WaitGroup
	closed  bool
	clients []Client
}

func newTasks(ctx context.Context) *tasks {
	ctx, cancel := context.WithCancel(ctx)
	return &tasks{ctx: ctx, cancel: cancel}
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

// keep has a client closed at the end.
func (t *tasks) keep(c Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clients = append(t.clients, c)
}

// close cancels everything that runs, closes the clients, which gives back
// everything that they hold, and waits for both at most timeout.
func (t *tasks) close(timeout time.Duration) error {
	t.mu.Lock()
	t.closed = true
	clients := t.clients
	t.mu.Unlock()
	t.cancel()
	failed := make(chan error, len(clients))
	for _, c := range clients {
		t.wg.Go(func() {
			if err := c.Close(); err != nil {
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

// sleep reports false when done came first.
func sleep(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	}
}
