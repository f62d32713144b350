package console

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// errUnproven says that something that was not found may exist.
var errUnproven = errors.New("not known: this etcd does not say whether it has sent all changes")

// errNoTimes says why etcd cannot be asked for a time.
var errNoTimes = errors.New("etcd keeps no times: a recording does")

// past reads how the locks were, as far back as etcd remembers.
type past struct{ conn *connect.Conn }

// At implements backend.Past.
func (p past) At(ctx context.Context, prefixes []string, at backend.Place) (backend.Moment, error) {
	if at.Revision == 0 {
		return backend.Moment{}, errNoTimes
	}
	h, err := p.conn.History(ctx, at.Revision, prefixes...)
	if err != nil {
		return backend.Moment{}, err
	}
	return backend.Moment{Snapshot: h.Begin, Place: backend.Place{Revision: at.Revision}, Floor: backend.Place{Revision: h.Floor}}, nil
}

// window is how many revisions are read at a time to find out at which of them something
// changed.
const window = 1000

func windowOf(at backend.Place, by int) (since, until int64) {
	if by < 0 {
		return max(at.Revision-window, 1), at.Revision
	}
	return at.Revision, at.Revision + window
}

// Cost implements backend.Past.
func (past) Cost(at backend.Place, by int) string {
	since, until := windowOf(at, by)
	return "from revision " + strconv.FormatInt(since, 10) + " to " + strconv.FormatInt(until, 10) + ": etcd scans all writes since"
}

// Changes implements backend.Past.
func (p past) Changes(ctx context.Context, prefixes []string, at backend.Place, by int) (backend.Changes, error) {
	since, until := windowOf(at, by)
	h, err := p.conn.History(ctx, 0, prefixes...) // reads no events
	if err != nil {
		return backend.Changes{}, err
	}
	since, until = max(since, h.Floor), max(min(until, h.End), h.Floor)
	c := backend.Changes{Floor: backend.Place{Revision: h.Floor}, Since: backend.Place{Revision: since}, Until: backend.Place{Revision: until}}
	if since > h.Floor {
		if h, err = p.conn.History(ctx, since, prefixes...); err != nil {
			return backend.Changes{}, err
		}
	}
	err = p.conn.Do(ctx, func(ctx context.Context) error {
		for e, err := range h.Events(ctx) {
			if err != nil {
				return err
			}
			if e.Revision > until {
				break
			}
			c.Events = append(c.Events, backend.Change{Event: e, Place: backend.Place{Revision: e.Revision}})
		}
		c.Unproven = h.Unproven
		return nil
	})
	return c, err
}

// Granted implements backend.Past.
func (p past) Granted(ctx context.Context, r inspect.Request) (backend.Place, error) {
	revision, err := p.granted(ctx, r)
	return backend.Place{Revision: revision}, err
}

// granted returns the revision at which a request was granted, 0 if it was not.
func (p past) granted(ctx context.Context, r inspect.Request) (revision int64, err error) {
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
