package inspect

import (
	"iter"
	"slices"

	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
)

// SessionID identifies a session: by its lease, or, for a request without one, by
// the request's key.
type SessionID struct {
	Lease int64
	Key   string // only when Lease is 0
}

// String returns the lease as package format writes it, or the key.
func (id SessionID) String() string {
	if id.Lease == 0 {
		return id.Key
	}
	return format.Lease(id.Lease)
}

// Session returns the ID of the request's session.
func (r Request) Session() SessionID {
	if r.Lease == 0 {
		return SessionID{Key: r.Key}
	}
	return SessionID{Lease: r.Lease}
}

// Session is a client as etcd knows it: the requests that share a lease.
type Session struct {
	ID       SessionID
	Requests []*Request // of the snapshot, by revision, then key; one at least
	Lease    Lease      // its zero value when unknown, or when there is none
}

// Attached returns the requests that end with the session, as far as is known.
func (s Session) Attached() []*Request {
	if len(s.Lease.Lacks) == 0 && !s.Lease.State.Outlived() {
		return s.Requests
	}
	return s.only(func(r *Request) bool { return !s.Lease.Of(r.Key).State.Outlived() })
}

// Holds returns the requests by which the session holds locks.
func (s Session) Holds() []*Request { return s.only(func(r *Request) bool { return r.Holding }) }

// Waits returns the requests by which the session waits for locks.
func (s Session) Waits() []*Request { return s.only((*Request).Waiting) }

func (s Session) only(want func(*Request) bool) []*Request {
	var some []*Request
	for _, r := range s.Requests {
		if want(r) {
			some = append(some, r)
		}
	}
	return some
}

// Owner returns the owner of the first request that has one. It is not ok if the requests
// name different clients, which share the lease.
func (s Session) Owner() (first keyspace.Owner, ok bool) {
	var of keyspace.OwnerRef
	for _, r := range s.Requests {
		switch {
		case !r.Owned, ok && r.Owner.SameClient(of):
		case !ok:
			first, of, ok = r.Owner.Value(), r.Owner, true
		case !isSameClient(first, r.Owner.Value()):
			return keyspace.Owner{}, false
		}
	}
	return first, ok
}

// isSameClient reports whether two owners may be one client: labels are of requests, where
// something else names the client.
func isSameClient(a, b keyspace.Owner) bool {
	if isNameless(a) && isNameless(b) {
		return a.Label == b.Label
	}
	return agree(a.Host, b.Host) && agree(a.PID, b.PID) && agree(a.Program, b.Program)
}

func isNameless(o keyspace.Owner) bool { return o.Host == "" && o.PID == 0 && o.Program == "" }

// agree reports whether two values are equal, as far as they are known.
func agree[T comparable](a, b T) bool {
	var unknown T
	return a == b || a == unknown || b == unknown
}

// WhoOf names the client of one of the session's requests: by its own owner, else as Who
// does.
func (s Session) WhoOf(r Request) string {
	if r.Owned {
		return r.Who()
	}
	return s.Who()
}

// Who names the session by its owner, else by its lease, else by its key. The name
// is not printable as it is.
func (s Session) Who() string {
	o, _ := s.Owner()
	return format.Client(o, s.ID.Lease, s.ID.Key)
}

// Named is the session's ID and, where more is known of it, its client, with a text in
// between.
func (s Session) Named(between string) string {
	who := s.Who()
	if who == format.Client(keyspace.Owner{}, s.ID.Lease, s.ID.Key) { // which says the ID again
		return s.ID.String()
	}
	return s.ID.String() + between + who
}

// Who names the client of a request, as Session.Who does.
func (r Request) Who() string { return format.Client(r.Owner.Value(), r.Lease, r.Key) }

// MissedRenewals reports whether the session's lease has not been renewed when
// it should have been. Keys that are kept end with it on purpose.
func (s Session) MissedRenewals() bool {
	ofClient := func(r *Request) bool { return !r.Kept() }
	return s.Lease.MissedRenewals() && (len(s.Requests) == 0 || slices.ContainsFunc(s.Requests, ofClient))
}

// LeasesByUrgency returns the different leases of a snapshot in the order in which
// to look them up when not all can be: those of holders and other keys that requests
// wait for, then those of other holders, then those of waiters.
func (s Snapshot) LeasesByUrgency() []int64 {
	var leases []int64
	seen := map[int64]bool{0: true}
	add := func(requests iter.Seq[*Request]) {
		for r := range requests {
			if !seen[r.Lease] {
				seen[r.Lease] = true
				leases = append(leases, r.Lease)
			}
		}
	}
	for _, l := range s.Locks {
		if !l.allHold() {
			add(l.holders())
			add(pointers(l.Others))
		}
	}
	for _, l := range s.Locks {
		add(l.holders())
	}
	for _, l := range s.Locks {
		add(pointers(l.Queue))
	}
	return leases
}

// holders yields the requests that hold the lock.
func (l Lock) holders() iter.Seq[*Request] {
	return func(yield func(*Request) bool) {
		for r := range pointers(l.Queue[:reach(l.Queue)]) {
			if r.Holding && !yield(r) {
				return
			}
		}
	}
}

// pointers yields requests without copying them: there can be 100,000.
func pointers(requests []Request) iter.Seq[*Request] {
	return func(yield func(*Request) bool) {
		for i := range requests {
			if !yield(&requests[i]) {
				return
			}
		}
	}
}

func (l Lock) allHold() bool {
	for i := range l.Queue {
		if !l.Queue[i].Holding {
			return false
		}
	}
	return true
}
