package inspect

import (
	"strconv"
	"strings"

	"etcd-lock/internal/keyspace"
)

// SessionID says whose a request is: its lease's, or, without a lease, its own.
type SessionID struct {
	Lease int64
	Key   string // only when Lease is 0
}

// String is the lease in hex, as etcdctl takes it, or the key.
func (id SessionID) String() string {
	if id.Lease == 0 {
		return id.Key
	}
	return strconv.FormatInt(id.Lease, 16)
}

// Session says whose the request is.
func (r Request) Session() SessionID {
	if r.Lease == 0 {
		return SessionID{Key: r.Key}
	}
	return SessionID{Lease: r.Lease}
}

// Session is a client as etcd knows it.
type Session struct {
	ID       SessionID
	Requests []Request // by revision, then key; one at least
	Lease    Lease     // its zero value when unknown, or when there is none
}

// Holds are the requests by which the session holds locks.
func (s Session) Holds() []Request { return s.only(true) }

// Waits are the requests by which the session waits for locks.
func (s Session) Waits() []Request { return s.only(false) }

func (s Session) only(holding bool) []Request {
	var some []Request
	for _, r := range s.Requests {
		if r.Holding == holding {
			some = append(some, r)
		}
	}
	return some
}

// Owner is what the first request that says so says of the client.
func (s Session) Owner() (keyspace.Owner, bool) {
	for _, r := range s.Requests {
		if r.Owned {
			return r.Owner, true
		}
	}
	return keyspace.Owner{}, false
}

// Who names the session in a sentence: by label, program, process and host of
// its owner, or by what etcd knows of it. It is not printable as it is.
func (s Session) Who() string {
	o, _ := s.Owner()
	var words []string
	for _, word := range []string{o.Label, o.Program} {
		if word != "" {
			words = append(words, word)
		}
	}
	if o.PID != 0 {
		words = append(words, strconv.Itoa(o.PID))
	}
	text := strings.Join(words, " ")
	switch {
	case o.Host != "":
		return text + "@" + o.Host
	case text != "":
		return text
	case s.ID.Lease != 0:
		return "lease " + s.ID.String()
	default:
		return "key " + s.ID.Key
	}
}

// MissedRenewals reports whether the session's lease has not been renewed when
// it should have been.
func (s Session) MissedRenewals() bool { return s.Lease.MissedRenewals() }
