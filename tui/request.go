package tui

import (
	"strconv"

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

// leaseText writes a lease as etcdctl does. The leases of one member begin
// alike, so a narrow column shows their ends.
func leaseText(lease int64, w int) string {
	if lease == 0 {
		return "none"
	}
	s := strconv.FormatUint(uint64(lease), 16)
	if len(s) > w && w > 1 {
		return "…" + s[len(s)-w+1:]
	}
	return s
}

// sameQueue reports whether a is b. Queues are shared between snapshots and
// never changed.
func sameQueue(a, b []inspect.Request) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
