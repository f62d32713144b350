package tui

import (
	"cmp"
	"strings"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

func isWriter(r inspect.Request) bool { return r.Mode == keyspace.Write }

// ownerOrSession labels a request by its owner, or by its lease if it has none.
func ownerOrSession(r inspect.Request) string {
	if who := ownerText(r.Owner, r.Owned); who != "-" {
		return who
	}
	return sessionText(r)
}

// sessionText labels a request by its lease.
func sessionText(r inspect.Request) string {
	if r.Lease == 0 {
		return "no lease"
	}
	return "lease " + leaseText(r.Lease, 16)
}

// sameQueue reports whether a is b. Queues are shared between snapshots and
// never changed.
func sameQueue(a, b []inspect.Request) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// compareIDs orders locks as a snapshot does.
func compareIDs(a, b inspect.LockID) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Layout), string(b.Layout)))
}
