package state

import (
	"cmp"
	"strings"

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

// SameQueue reports whether a is b. Queues are shared between snapshots and
// never changed.
func SameQueue(a, b []inspect.Request) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// CompareIDs orders locks as a snapshot does.
func CompareIDs(a, b inspect.LockID) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), a.Layout.Compare(b.Layout))
}
