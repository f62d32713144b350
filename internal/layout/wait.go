package layout

import (
	"strings"

	"etcd-lock/internal/keyspace"
)

// Waiter is a request as far as it decides which keys its client waits for.
type Waiter struct {
	Rule     *Rule
	Lock     string
	Mode     keyspace.Mode
	Owned    bool  // it has the value of an owner, as package rwlock writes one
	Revision int64 // create revision
}

// WaitsFor reports whether the client of w waits until a key that is not a request
// for w's lock is deleted, whatever the key is. That is decided by the program that
// waits:
//
//   - Of a queue, clients wait for every key below the directory of its requests, at any
//     depth, with a lower create revision: so do etcd's concurrency.Mutex and Election.
//   - Package rwlock waits for the children of <name>/read/ and <name>/write/ only,
//     which can be the request for a mutex <name>/read, with a lower create revision.
//   - etcd's recipe, and the older library, wait as writers for every key below the
//     name, and as readers for every key that begins with <name>/write. They go by mod
//     revisions when they look, and then wait for the deletion of one key: a key that
//     was written again meanwhile may still be the one, or not be waited for any more.
//     It counts as waited for.
//   - Of other layouts of readers and writers, writers wait as clients of a queue if their
//     keys end in their own lease.
//   - Of a semaphore of package rwlock, clients wait for nothing but its queue.
//   - Of layouts whose clients leave no key while they wait, no request waits.
func (w Waiter) WaitsFor(key string, created int64) bool {
	if created >= w.Revision || !w.Rule.Waiters || !strings.HasPrefix(key, w.Rule.Dir(w.Lock)) {
		return false
	}
	switch {
	case w.Rule.Kind == Queue:
		return true
	case w.Rule.Kind == Permits:
		return false
	case w.Rule != RWLock: // writers whose keys end in their lease are clients of a mutex
		return w.Mode == keyspace.Write && w.Rule.keys[1].leaseID >= 0
	case w.Owned:
		k, ok := keyspace.ParseRWLock(key)
		return ok && k.Name == w.Lock && (k.Mode == keyspace.Write || w.Mode == keyspace.Write)
	case w.Mode == keyspace.Write:
		return true
	default:
		return strings.HasPrefix(key[len(w.Lock):], "/write")
	}
}

// Dir returns what all keys of a lock begin with, as far as clients wait for such keys.
func (r *Rule) Dir(lock string) string {
	if r.Kind == Queue {
		if k := r.keys[0]; k.first > 0 {
			return lock + k.parts[k.first].literal[k.more:]
		}
	}
	return lock + "/"
}

// Whole reports whether all keys of a lock begin with a prefix, if one of them does.
func (r *Rule) Whole(lock, prefix string) bool {
	return r.OneKey() || strings.HasPrefix(r.Dir(lock), prefix)
}

// Equal reports whether two rules are the same one.
func (r *Rule) Equal(other *Rule) bool { return r == other }
