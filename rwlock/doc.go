// Package rwlock takes read/write locks by name on etcd: readers share a lock,
// a writer has it alone, and requests are served in the order in which etcd
// received them.
//
// For most uses: open one [Session] for the process, make an [RWMutex] for each
// place that takes a lock, and run what needs the lock in [RWMutex.RWDo] or
// [RWMutex.RDo], which unlock whatever happens and end the work's context when
// the lock is lost. RLock, RWLock and Unlock are there for what does not fit in
// a function, [Set] takes several locks at once, and the Try calls do not wait.
//
//	session, err := rwlock.NewSession(ctx, client, 10*time.Second)
//	if err != nil {
//		return err
//	}
//	defer session.Close()
//
//	m := session.NewRWMutex("/jobs/nightly")
//	return m.RWDo(ctx, func(ctx context.Context) error {
//		return runNightlyJob(ctx)
//	})
//
// # Sessions
//
// The client of a lock is its session: an etcd lease that is kept alive. When
// the process dies, the lease runs out after its time to live, and its locks
// are released. Time to live is in whole seconds, and etcd raises it to at
// least 1.5 times its election timeout: with etcd's defaults, a TTL of one
// second is granted as two.
//
// Locks hang on a [Session], or on a [concurrency.Session], which the calls of
// the older library take. They differ in when a client that is cut off from
// etcd learns that its locks are gone:
//
//   - A Session ends before etcd can give its locks to another, because it
//     counts from when the last renewal was sent.
//   - A concurrency.Session counts from when the answer came, and looks twice a
//     second: for a moment, it can be that two clients believe in one lock.
//
// # Keys
//
// A request for the lock called name is the key <name>/read/<id> or
// <name>/write/<id>, with the session's lease. Its value says who asked, as
// JSON, for people who look: host, process, program, label, and, when the
// environment has it in ETCD_LOCK_KEY, the key of the lock that the process was
// started under. The key is written once, in one transaction that also reads
// who is ahead, and never again. Who holds and who waits is not stored: it
// follows from the create revisions of the keys. A reader waits for every writer
// that was created before it, a writer for every request.
//
// Only direct children of <name>/read/ and <name>/write/ count. So /a, /a/,
// /a/b and /a/read are different locks that never wait for each other.
//
// A waiter watches the last requests ahead of it, and with them its own. It
// asks etcd for nothing while it waits, and for nothing or one read when it is
// its turn.
//
// # Guarantees
//
//   - When an acquisition returns nil, the request's key existed at a revision
//     of etcd at which no earlier request stood against it.
//   - The lock is held until Unlock, or until its key goes: with its lease, or
//     by somebody's hand. Lost tells.
//   - An acquisition that fails leaves no key behind, also when etcd's reply was
//     lost or etcd hangs. What cannot be removed at once is removed in the
//     background while the session lives, and goes with the lease at the latest.
//   - A waiter whose session ends, or whose key is deleted, is told at once. A
//     waiter outlives the loss of a leader or a member, compaction, and any
//     time without etcd that its session outlives.
//   - Sets never deadlock among each other. TryUpgrade fails where waiting
//     would deadlock.
//
// # No guarantee
//
// A lock alone does not make work safe. A process can be stopped, by a
// debugger, a long collection of garbage or a suspended machine, while its lease
// runs out; when it goes on, it finishes what it had begun, although the lock is
// another's. No lock service can prevent that. What must not happen twice has to
// be fenced where it happens:
//
//   - A write to etcd goes into a transaction with [RWMutex.Guard] as its
//     condition.
//   - A write elsewhere carries Token, and the store refuses a token smaller
//     than the largest it has seen.
//
// A name that is locked twice by one process, on one session or two, waits for
// itself: there is no re-entry. A client that holds one lock and waits for
// another can be part of a deadlock; a Set cannot, when it is all a client holds.
//
// # Coming from the older library
//
// The calls of github.com/flaviostutz/etcd-lock (NewRWMutex, RLock, RWLock,
// Unlock) are the same: change the import, and name it etcdlock if you like.
// What differs is what was broken: it does not hang when a release falls
// between its question and its watch, it does not report a lock as acquired
// whose session has expired, names do not collide with names they are a prefix
// of, and an RWMutex that holds its lock refuses a second acquisition.
//
// # Mixed fleets
//
// The older library and the RWMutex of etcd's client/v3/experimental/recipes
// write the same keys, so old and new clients exclude each other on one name,
// and programs can be moved one by one. As long as old ones are about, keep
// their rules too: they take /a for a prefix of /a/b, they order by modification
// (never write to a request's key), and they may believe in a lock whose session
// has expired. concurrency.Mutex and etcdctl lock use other keys: they and this
// package do not exclude each other.
//
// [concurrency.Session]: https://pkg.go.dev/go.etcd.io/etcd/client/v3/concurrency#Session
package rwlock
