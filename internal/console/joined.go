package console

import (
	"context"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// joined reads how the locks were from etcd and from what a recorder kept beside it: from
// the recording where that has no doubts, because it knows times and costs etcd nothing.
type joined struct {
	etcd     past
	recorded *recording
}

// At implements backend.Past.
func (j joined) At(ctx context.Context, prefixes []string, at backend.Place) (backend.Moment, error) {
	m, err := j.recorded.At(ctx, prefixes, at)
	if at.End || at.Revision == 0 || err == nil && len(m.Doubts) == 0 {
		return m, err
	}
	of, etcdErr := j.etcd.At(ctx, prefixes, at)
	switch {
	case etcdErr == nil:
		return of, nil
	case err == nil:
		return m, nil
	default:
		return m, etcdErr
	}
}

// Cost implements backend.Past.
func (j joined) Cost(at backend.Place, by int) string {
	if !at.Time.IsZero() {
		return j.recorded.Cost(at, by)
	}
	return j.etcd.Cost(at, by) + ", unless they were recorded"
}

// Changes implements backend.Past.
func (j joined) Changes(ctx context.Context, prefixes []string, at backend.Place, by int) (backend.Changes, error) {
	c, err := j.recorded.Changes(ctx, prefixes, at, by)
	if err == nil && j.covers(c, at, by) {
		return c, nil
	}
	of, etcdErr := j.etcd.Changes(ctx, prefixes, at, by)
	switch {
	case etcdErr == nil && of.Since.Revision < of.Until.Revision:
		if err == nil {
			of.Floor = oldest(of.Floor, c.Floor)
		}
		return of, nil
	case err == nil:
		return c, nil
	default:
		return of, etcdErr
	}
}

// covers reports whether the recording has all changes on the side of a place.
func (j joined) covers(c backend.Changes, at backend.Place, by int) bool {
	switch {
	case by > 0:
		return len(c.Events) > 0
	case at.Time.IsZero():
		last, err := j.recorded.last()
		return err == nil && last.Revision >= at.Revision
	default:
		return true
	}
}

func oldest(a, b backend.Place) backend.Place {
	if b.Revision < a.Revision {
		return b
	}
	return a
}

// Granted implements backend.Past.
func (j joined) Granted(ctx context.Context, r inspect.Request) (backend.Place, error) {
	place, err := j.recorded.Granted(ctx, r)
	if err == nil && place != (backend.Place{}) {
		return place, nil
	}
	of, etcdErr := j.etcd.Granted(ctx, r)
	if etcdErr != nil && err == nil {
		return place, nil
	}
	return of, etcdErr
}
