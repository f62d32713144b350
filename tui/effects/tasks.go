package effects

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
)

// Tasks are the commands that talk to the outside. Bubble Tea abandons running
// commands when it ends, and with them a lock granted in that moment; so tasks
// counts them and knows the clients whose sessions they use.
type Tasks struct {
	Ctx    context.Context
	Wrap   func(tea.Msg) tea.Msg // of what commands return, for who passes it on; nil: it is as it is
	cancel context.CancelFunc

	mu        sync.Mutex
	wg        sync.WaitGroup
	computing sync.WaitGroup
	closed    bool
	clients   []backend.Client
}

// NewTasks returns tasks that end with ctx.
func NewTasks(ctx context.Context) *Tasks {
	ctx, cancel := context.WithCancel(ctx)
	return &Tasks{Ctx: ctx, cancel: cancel}
}

// Cmd makes a command of f. Once tasks is closed it does nothing.
func (t *Tasks) Cmd(f func() tea.Msg) tea.Cmd { return t.cmd(&t.wg, f) }

// Compute is Cmd for what talks to nobody: it cannot hold a lock, however long it takes.
func (t *Tasks) Compute(f func() tea.Msg) tea.Cmd { return t.cmd(&t.computing, f) }

func (t *Tasks) cmd(running *sync.WaitGroup, f func() tea.Msg) tea.Cmd {
	return func() tea.Msg {
		if !t.begin(running) {
			return nil
		}
		defer running.Done()
		msg := f()
		if t.Wrap == nil || msg == nil {
			return msg
		}
		return t.Wrap(msg)
	}
}

func (t *Tasks) begin(running *sync.WaitGroup) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	running.Add(1)
	return true
}

// keep has a client closed at the end.
func (t *Tasks) keep(c backend.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clients = append(t.clients, c)
}

// Close cancels everything that runs, closes the clients, which gives back
// everything that they hold, and waits for both at most timeout. It fails if what may
// hold locks is not done by then.
func (t *Tasks) Close(timeout time.Duration) error {
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
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	if !within(deadline, &t.wg) || len(failed) > 0 {
		return backend.ErrNotReleased
	}
	within(deadline, &t.computing)
	return nil
}

// within waits for a group, and reports false if a deadline came first.
func within(deadline *time.Timer, running *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-deadline.C:
		return false
	}
}

// Sleep reports false when done came first.
func Sleep(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	}
}
