package keyspace

import "strings"

// Waiter is a request as far as it matters for which keys its client waits for.
type Waiter struct {
	Layout   Layout
	Name     string
	Mode     Mode
	Owned    bool  // it has the value of an owner, as package rwlock writes one
	Revision int64 // create revision
}

// WaitsFor reports whether the client of w waits until a key that is not a request
// for w's lock is deleted, whatever the key is. That is decided by the program that
// waits:
//
//   - etcd's concurrency.Mutex and Election wait for every key below the lock's name,
//     at any depth, with a lower create revision.
//   - Package rwlock waits for the children of <name>/read/ and <name>/write/ only,
//     which can be the request for a mutex <name>/read, with a lower create revision.
//   - etcd's recipe, and the older library, wait as writers for every key below the
//     name, and as readers for every key that begins with <name>/write. They go by mod
//     revisions when they look, and then wait for the deletion of one key: a key that
//     was written again meanwhile may still be the one, or not be waited for any more.
//     It counts as waited for.
func (w Waiter) WaitsFor(key string, created int64) bool {
	if created >= w.Revision || !strings.HasPrefix(key, w.Name+"/") {
		return false
	}
	switch {
	case w.Layout == Mutex:
		return true
	case w.Owned:
		k, ok := ParseRWLock(key)
		return ok && k.Name == w.Name && (k.Mode == Write || w.Mode == Write)
	case w.Mode == Write:
		return true
	default:
		return strings.HasPrefix(key[len(w.Name):], "/write")
	}
}
