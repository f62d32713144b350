package inspect

import (
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
	Requests []Request // by revision, then key; one at least
	Lease    Lease     // its zero value when unknown, or when there is none
}

// Holds returns the requests by which the session holds locks.
func (s Session) Holds() []Request { return s.only(func(r Request) bool { return r.Holding }) }

// Waits returns the requests by which the session waits for locks.
func (s Session) Waits() []Request { return s.only(Request.Waiting) }

func (s Session) only(want func(Request) bool) []Request {
	var some []Request
	for _, r := range s.Requests {
		if want(r) {
			some = append(some, r)
		}
	}
	return some
}

// Owner returns the owner of the first request that has one.
func (s Session) Owner() (keyspace.Owner, bool) {
	for _, r := range s.Requests {
		if r.Owned {
			return r.Owner, true
		}
	}
	return keyspace.Owner{}, false
}

// Who names the session by its owner, else by its lease, else by its key. The name
// is not printable as it is.
func (s Session) Who() string {
	o, _ := s.Owner()
	return format.Client(o, s.ID.Lease, s.ID.Key)
}

// Who names the client of a request, as Session.Who does.
func (r Request) Who() string { return format.Client(r.Owner, r.Lease, r.Key) }

// MissedRenewals reports whether the session's lease has not been renewed when
// it should have been.
func (s Session) MissedRenewals() bool { return s.Lease.MissedRenewals() }
