package backend

import (
	"context"

	"etcd-lock/internal/inspect"
)

// Past tells how the locks were.
type Past interface {
	// At is the locks below prefix at a revision, and the oldest one that etcd
	// remembers.
	At(ctx context.Context, prefix string, revision int64) (s inspect.Snapshot, floor int64, err error)
	// Changes tells what became of them after the revision since, up to and with
	// until, as far as etcd has these. It makes etcd read all that was written
	// since then, so it is for when somebody wants to know.
	Changes(ctx context.Context, prefix string, since, until int64) (Changes, error)
	// Granted is the revision at which a request came to hold its lock, 0 when it
	// has not. It costs as much as Changes.
	Granted(ctx context.Context, r inspect.Request) (int64, error)
}

// Changes are what became of locks after one revision, up to and with another.
type Changes struct {
	Floor        int64           // the oldest revision that etcd remembers
	Since, Until int64           // as far as etcd has them
	Events       []inspect.Event // oldest first
}
