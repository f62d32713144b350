package console

import (
	"context"
	"errors"
	"fmt"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// errUnproven says that something that was not found may exist.
var errUnproven = errors.New("not known: this etcd does not say whether it has sent all changes")

// past reads how the locks were, as far back as etcd remembers.
type past struct{ conn *connect.Conn }

// At implements backend.Past.
func (p past) At(ctx context.Context, prefixes []string, revision int64) (inspect.Snapshot, int64, error) {
	h, err := p.conn.History(ctx, revision, prefixes...)
	if err != nil {
		return inspect.Snapshot{}, 0, err
	}
	return h.Begin, h.Floor, nil
}

// Changes implements backend.Past.
func (p past) Changes(ctx context.Context, prefixes []string, since, until int64) (backend.Changes, error) {
	h, err := p.conn.History(ctx, 0, prefixes...) // reads no events
	if err != nil {
		return backend.Changes{}, err
	}
	c := backend.Changes{Floor: h.Floor, Since: max(since, h.Floor), Until: max(min(until, h.End), h.Floor)}
	if c.Since > h.Floor {
		if h, err = p.conn.History(ctx, c.Since, prefixes...); err != nil {
			return backend.Changes{}, err
		}
	}
	err = p.conn.Do(ctx, func(ctx context.Context) error {
		for e, err := range h.Events(ctx) {
			if err != nil {
				return err
			}
			if e.Revision > c.Until {
				break
			}
			c.Events = append(c.Events, e)
		}
		c.Unproven = h.Unproven
		return nil
	})
	return c, err
}

// Granted implements backend.Past.
func (p past) Granted(ctx context.Context, r inspect.Request) (revision int64, err error) {
	prefix := r.Lock.Layout.Dir(r.Lock.Name)
	if r.Lock.Layout.OneKey() {
		prefix = r.Lock.Name
	}
	h, err := p.conn.History(ctx, r.Revision, prefix)
	if err != nil {
		return 0, fmt.Errorf("cannot read the revision of the request: %w", err)
	}
	if l, _ := h.Begin.Find(r.Lock); holds(l, r.Key) {
		return r.Revision, nil
	}
	err = p.conn.Do(ctx, func(ctx context.Context) error {
		for e, err := range h.Events(ctx) {
			if err != nil {
				return err
			}
			if e.Kind == inspect.EventGranted && e.Request.Key == r.Key {
				revision = e.Revision
				break
			}
		}
		if revision == 0 && h.Unproven {
			return errUnproven
		}
		return nil
	})
	return revision, err
}

// holds reports whether the request with a key holds the lock.
func holds(l inspect.Lock, key string) bool {
	for _, r := range l.Queue {
		if r.Key == key {
			return r.Holding
		}
	}
	return false
}
