package state

import (
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/term"
)

// IsWriter reports whether a request waits for all earlier ones, and later ones for it: as one
// for writing does, and one for permits of a semaphore that are taken.
func IsWriter(r inspect.Request) bool { return r.Mode != keyspace.Read }

// Who labels a request by its owner, or by its lease if it has none.
func Who(r inspect.Request) string {
	return term.Safe(format.Client(r.Owner.Value(), r.Lease, r.Key))
}
