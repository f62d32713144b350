package cli

import (
	"context"
	"fmt"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// timeline shows the terminal UI the past.
type timeline struct{ remote *remote }

// At implements backend.Past.
func (t timeline) At(ctx context.Context, prefix string, revision int64) (inspect.Snapshot, int64, error) {
	h, err := t.history(ctx, prefix, revision)
	if err != nil {
		return inspect.Snapshot{}, 0, err
	}
	return h.Begin, h.Floor, nil
}

// Changes implements backend.Past.
func (t timeline) Changes(ctx context.Context, prefix string, since, until int64) (backend.Changes, error) {
	h, err := t.history(ctx, prefix, 0) // which reads no events
	if err != nil {
		return backend.Changes{}, err
	}
	c := backend.Changes{Floor: h.Floor, Since: max(since, h.Floor), Until: max(min(until, h.End), h.Floor)}
	if c.Since > h.Floor {
		if h, err = t.history(ctx, prefix, c.Since); err != nil {
			return backend.Changes{}, err
		}
	}
	err = t.remote.ask(ctx, func(ctx context.Context) error {
		for e, err := range h.Events(ctx) {
			if err != nil {
				return err
			}
			if e.Revision > c.Until {
				break
			}
			c.Events = append(c.Events, e)
		}
		return nil
	})
	return c, err
}

// Granted implements backend.Past.
func (t timeline) Granted(ctx context.Context, r inspect.Request) (revision int64, err error) {
	h, err := t.history(ctx, r.Lock.Name+"/", r.Revision)
	if err != nil {
		return 0, fmt.Errorf("when it was asked for cannot be read: %w", err)
	}
	if l, _ := h.Begin.Find(r.Lock); holds(l, r.Key) {
		return r.Revision, nil
	}
	err = t.remote.ask(ctx, func(ctx context.Context) error {
		for e, err := range h.Events(ctx) {
			if err != nil {
				return err
			}
			if e.Kind == inspect.EventAcquired && e.Request.Key == r.Key {
				revision = e.Revision
				break
			}
		}
		return nil
	})
	return revision, err
}

func holds(l inspect.Lock, key string) bool {
	for _, r := range l.Queue {
		if r.Key == key {
			return r.Holding
		}
	}
	return false
}

func (t timeline) history(ctx context.Context, prefix string, since int64) (h *inspect.History, err error) {
	err = t.remote.ask(ctx, func(ctx context.Context) error {
		h, err = t.remote.source.History(ctx, prefix, since)
		return err
	})
	return h, err
}
