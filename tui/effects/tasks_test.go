package effects

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// What has come meanwhile is not taken before the pause is over.
func TestUpdatePause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := New(&state.Data{}, backend.Options{}, NewTasks(ctx))
	updates := make(chan inspect.Update, 1)
	updates <- inspect.Update{}
	e.feed.updates = updates
	cancel()
	if msg := e.feed.waitUpdate(time.Hour).(nav.Do).Cmd(); msg != nil {
		t.Errorf("took %v", msg)
	}
	if e.Pause != UpdatePause {
		t.Errorf("the pause is %v", e.Pause)
	}
	for requests, want := range map[int]time.Duration{0: UpdatePause, 10_000: UpdatePause, 50_000: 3 * UpdatePause, 100_000: 5 * UpdatePause, 1_000_000: 5 * UpdatePause} {
		if got := updatePause(UpdatePause, requests); got != want {
			t.Errorf("a pause of %v with %d requests, want %v", got, requests, want)
		}
	}
}

// Leaving does not take for ever. In virtual time, a deadline passes only when nothing else is
// to be done.
func TestCloseTasks(t *testing.T) {
	t.Run("Bounded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tasks := NewTasks(t.Context())
			c := backendtest.StuckClient{Block: make(chan struct{})}
			defer tasks.wg.Wait()
			defer close(c.Block)
			tasks.keep(c)
			if err := tasks.Close(time.Millisecond); !errors.Is(err, backend.ErrNotReleased) {
				t.Errorf("err %v", err)
			}
		})
	})

	t.Run("Computing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tasks := NewTasks(t.Context())
			ends := make(chan struct{})
			defer tasks.computing.Wait()
			defer close(ends)
			begun := make(chan struct{})
			go tasks.Compute(func() tea.Msg {
				close(begun)
				<-ends
				return nil
			})()
			<-begun
			if err := tasks.Close(time.Millisecond); err != nil {
				t.Errorf("err %v: what computes holds no lock", err)
			}
		})
	})

	t.Run("Failed", func(t *testing.T) {
		tasks := NewTasks(t.Context())
		tasks.keep(backendtest.StuckClient{Err: errors.New("unavailable")})
		if err := tasks.Close(time.Minute); !errors.Is(err, backend.ErrNotReleased) {
			t.Errorf("err %v", err)
		}
	})
}
