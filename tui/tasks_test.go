package tui

import (
	"context"
	"errors"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
)

// What has come meanwhile is not taken before the pause is over.
func TestUpdatePause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := newEffects(&data{}, Options{}, newTasks(ctx))
	updates := make(chan inspect.Update, 1)
	updates <- inspect.Update{}
	e.feed.updates = updates
	cancel()
	if msg := e.feed.waitUpdate(time.Hour).(Do).Cmd(); msg != nil {
		t.Errorf("took %v", msg)
	}
	if e.pause != updatePause {
		t.Errorf("the pause is %v", e.pause)
	}
}

// Leaving does not take for ever.
func TestCloseTasks(t *testing.T) {
	t.Run("Bounded", func(t *testing.T) {
		tasks := newTasks(t.Context())
		c := stuckClient{block: make(chan struct{})}
		defer tasks.wg.Wait()
		defer close(c.block)
		tasks.keep(c)
		if err := tasks.close(time.Millisecond); !errors.Is(err, ErrNotGivenBack) {
			t.Errorf("err %v", err)
		}
	})

	t.Run("Failed", func(t *testing.T) {
		tasks := newTasks(t.Context())
		tasks.keep(stuckClient{err: errors.New("unavailable")})
		if err := tasks.close(time.Minute); !errors.Is(err, ErrNotGivenBack) {
			t.Errorf("err %v", err)
		}
	})
}
