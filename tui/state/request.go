package state

import (
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/term"
)

// IsWriter reports whether a request is for writing.
func IsWriter(r inspect.Request) bool { return r.Mode == keyspace.Write }

// Who labels a request by its owner, or by its lease if it has none.
func Who(r inspect.Request) string {
	return term.Safe(format.Client(r.Owner, r.Lease, r.Key))
}
