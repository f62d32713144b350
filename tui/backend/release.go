package backend

import (
	"context"
	"slices"

	"etcd-lock/internal/inspect"
)

// Releaser ends the requests of other clients, by force.
type Releaser interface {
	// Request plans to remove one request, by its key.
	Request(ctx context.Context, key string) (Release, error)
	// Session plans to end a session, by its lease: all of its keys go.
	Session(ctx context.Context, lease int64) (Release, error)
}

// Release is one that is planned: all that it would do.
type Release struct {
	Lease    int64             // of the session that would end; 0: one request would go
	Revision int64             // of etcd when this was so
	Gone     []inspect.Request // that would go
	Others   []string          // keys of the session that are no requests and would go too
	Granted  []inspect.Request // waiters that would hold their lock then
	// Carry does it, if all of that is still so, and returns the revision at
	// which the requests went. With an error, that is 0 unless they are gone
	// nevertheless.
	Carry func(ctx context.Context) (revision int64, err error)
}

// Locks returns the locks that the release takes requests from.
func (r Release) Locks() []inspect.LockID {
	var ids []inspect.LockID
	for _, g := range r.Gone {
		if !slices.Contains(ids, g.Lock) {
			ids = append(ids, g.Lock)
		}
	}
	return ids
}
