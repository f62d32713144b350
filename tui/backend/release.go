package backend

import (
	"context"
	"slices"

	"etcd-lock/internal/inspect"
)

// Releaser releases the requests of other clients, by force.
type Releaser interface {
	// Request plans to remove one request, by its key.
	Request(ctx context.Context, key string) (Release, error)
	// Session plans to revoke a session, by its lease, with all of its keys.
	Session(ctx context.Context, lease int64) (Release, error)
}

// Release is a planned release: all that it would do.
type Release struct {
	Lease    int64             // of the session that would be revoked; 0: one request would be removed
	Revision int64             // at which it was planned
	Gone     []inspect.Request // that would be removed
	Others   []inspect.Request // other keys that would be removed too; see inspect.Request.AsOther
	Granted  []inspect.Request // waiters that would be granted their lock
	InParts  bool              // too many keys for one transaction: a key that appears while they are checked goes unseen
	// Apply carries it out, unless any of that has changed since, and returns the
	// revision at which the requests were removed. That is 0 with an error, unless
	// they were removed nevertheless.
	Apply func(ctx context.Context) (revision int64, err error)
}

// Locks returns the locks that the release takes requests from.
func (r Release) Locks() []inspect.LockID { return locksOf(r.Gone) }

// Affected returns the locks that the release takes requests from or grants.
func (r Release) Affected() []inspect.LockID { return locksOf(slices.Concat(r.Gone, r.Granted)) }

func locksOf(requests []inspect.Request) []inspect.LockID {
	var ids []inspect.LockID
	for _, g := range requests {
		if !slices.Contains(ids, g.Lock) {
			ids = append(ids, g.Lock)
		}
	}
	return ids
}
