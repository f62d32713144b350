package narrate

import (
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// who names a session.
func who(s *inspect.Session) string { return s.Who() }

// leaseOf names the lease of a session.
func leaseOf(s *inspect.Session) string {
	if name := "lease " + format.Lease(s.ID.Lease); name == who(s) {
		return name
	}
	return "the lease of " + who(s)
}

// lock says what a request is for.
func lock(r inspect.Request) string {
	if !r.IsRequest() {
		return "the key " + r.Key
	}
	if r.Lock.Layout != layout.RWLock {
		return format.Name(r.Lock.Name) + " (" + r.Lock.Layout.Name + ")"
	}
	return format.Name(r.Lock.Name) + " (" + r.Mode.String() + ")"
}

// does says who holds a lock or waits for it.
func does(s *inspect.Session, r inspect.Request) string { return who(s) + " " + doing(r) }

func doing(r inspect.Request) string {
	switch {
	case !r.IsRequest():
		return "is in the way with " + lock(r)
	case r.Holding:
		return "holds " + lock(r)
	case r.Vacant():
		return "has " + lock(r) + ", which nobody holds"
	default:
		return "waits for " + lock(r)
	}
}

// maxNamed is how many of a kind a sentence names before it counts the rest.
const maxNamed = 3

// list joins words as a sentence does, the first few of many.
func list(words []string) string { return format.Some(words, maxNamed) }
