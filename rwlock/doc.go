// Package rwlock takes read/write locks by name on etcd: readers share a lock,
// a writer has it alone, and requests are served in the order in which etcd
// received them.
//
// The client of a lock is a session, which is an etcd lease that is kept alive.
// When the process dies, the lease runs out and its locks are released.
//
//	session, err := concurrency.NewSession(client, concurrency.WithTTL(10))
//	if err != nil {
//		return err
//	}
//	defer session.Close()
//
//	m := rwlock.NewRWMutex(session, "/jobs/nightly")
//	if err := m.RWLock(ctx); err != nil { // or RLock
//		return err
//	}
//	defer m.Unlock()
//
// # Keys
//
// A request for the lock called name is the key <name>/read/<id> or
// <name>/write/<id> on the session's lease. Its value says who asked, as JSON,
// for people to read. The key is written once: who holds and who waits follows
// from the create revisions of the keys alone. etcd's RWMutex recipe and the
// older github.com/flaviostutz/etcd-lock write the same keys, so a fleet of old
// and new clients excludes each other.
//
// # Guarantees
//
// At the moment RLock or RWLock returns nil, the request's key existed in etcd
// at a revision at which no earlier request stood against it. From then on the
// lock is held until Unlock or until the key goes: with its lease, or by
// somebody's hand.
//
// An acquisition that fails leaves no key behind, also when etcd's reply was
// lost or etcd hangs: what cannot be removed at once is removed in the
// background, and at the latest goes with the lease.
//
// # Not guaranteed
//
// A lock alone is no proof. A process that was stopped or cut off for longer
// than its session's TTL may go on for a moment as if it still held a lock that
// is another's by now. What must not happen twice has to be fenced: send Token
// along, and let the store refuse a smaller token than the largest it has seen.
//
// Time to live is in whole seconds, and etcd raises it to at least 1.5 times
// its election timeout: with etcd's defaults, a TTL of one second is granted as
// two.
package rwlock
