package backend

import (
	"context"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// Source is what the UI reads locks from.
type Source interface {
	// Watch sends the locks below prefixes, or all without prefixes, as they are and
	// then as they change, until ctx ends; then it closes the channel.
	Watch(ctx context.Context, prefixes ...string) <-chan inspect.Update
	// Leases looks up leases by their IDs; see inspect.Source.Leases.
	Leases(ctx context.Context, ids []int64, in inspect.Snapshot) (map[int64]inspect.Lease, error)
	// Outside looks up what a session has that prefixes do not show; see
	// inspect.Source.Outside.
	Outside(ctx context.Context, lease int64, prefixes keyspace.Prefixes) (inspect.Outside, error)
}
