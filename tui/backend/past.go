package backend

import (
	"context"

	"etcd-lock/internal/inspect"
)

// Past reads locks as they were.
type Past interface {
	// At returns the locks below prefixes at a revision, and the oldest revision that
	// etcd still has.
	At(ctx context.Context, prefixes []string, revision int64) (s inspect.Snapshot, floor int64, err error)
	// Changes returns what changed after the revision since, up to and including
	// until, as far as etcd has it. To find that, etcd reads everything written
	// since then, so it is only for a user who asks.
	Changes(ctx context.Context, prefixes []string, since, until int64) (Changes, error)
	// Granted returns the revision at which a request was granted its lock, 0 if it
	// was not. It costs as much as Changes.
	Granted(ctx context.Context, r inspect.Request) (int64, error)
}

// Changes are what changed after one revision, up to and including another.
type Changes struct {
	Floor        int64           // the oldest revision that etcd has
	Since, Until int64           // as far as etcd has them
	Events       []inspect.Event // oldest first
	Unproven     bool            // etcd does not say whether it has sent all events
}
