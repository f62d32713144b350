// Package rwlock implements distributed read/write locks on etcd. A lock is a name.
// Readers share it, a writer holds it exclusively, and requests are granted in the
// order in which etcd received them.
//
// For most uses: open one [Session] for the process, make an [RWMutex] wherever a
// lock is acquired, and run the code that needs the lock in [RWMutex.RWDo] or
// [RWMutex.RDo], which always unlock and which cancel the context of that code when
// the lock is lost. Use RLock, RWLock and Unlock for what does not fit into a
// function, a [Set] to acquire several locks at once, the Try calls to acquire
// without waiting, and a [Semaphore] where several clients may hold a lock at once. [Keep]
// runs work under a lock for as long as the program runs, on whichever machine has it.
// [WithLocalQueue] and [WithKeep] spare requests to etcd where one process takes the same
// lock again and again.
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
// the process dies, the lease expires after its time to live (TTL), and the
// session's locks are released. The TTL is in whole seconds, and etcd raises it to
// at least 1.5 times its election timeout: with etcd's defaults, it grants a TTL of
// two seconds for one.
//
// A lock is acquired on a [Session], or on a [concurrency.Session] as in the older
// library. They differ in when a client that is cut off from etcd detects that its
// locks are lost:
//
//   - A Session ends before etcd can grant its locks to another client, because it
//     counts its TTL from when the last renewal was sent.
//   - A concurrency.Session counts from when the reply arrived, and checks twice a
//     second: for a moment, two clients may both consider themselves the holder.
//
// The sessions of a client share a few streams to etcd, and so do the watches of its
// locks, however many they are: see docs/protocol.md of the repository.
//
// # Keys
//
// A request for the lock called name is the key <name>/read/<id> or
// <name>/write/<id>, with the session's lease. Its value describes the owner, as
// JSON, for people who inspect locks: host, process, program, label, and, if
// ETCD_LOCK_KEY is set in the environment, the key of the lock that the process runs
// under. The key is written once, in one transaction that also reads which requests
// are ahead, and is never modified. Whether a request holds the lock or waits is not
// stored: it follows from the create revisions of the keys. A reader waits for every
// writer that was created before it, a writer for every request.
//
// Only direct children of <name>/read/ and <name>/write/ count. So /a, /a/,
// /a/b and /a/read are different locks that never wait for each other.
//
// The waiters of a client watch the queue of a lock together, or each the last request
// ahead of it when the client has few of many waiters. They send nothing to etcd while they
// wait. See docs/protocol.md of the repository.
//
// # Semaphores
//
// A [Semaphore] has a number of permits, of which each request takes one or more, so that
// several clients hold it at once. Its requests are keys <name>/slot/<id>, whose owners say how
// many permits they take, of how many. They are granted in their order: one that takes many
// permits is not overtaken by others that take few. Use a name for a read/write lock or for a
// semaphore: Acquire returns ErrOtherKind for the name of a read/write lock that is in use, but
// RLock and RWLock do not look for semaphores.
//
// # Guarantees
//
//   - When an acquisition returns nil, there was a revision of etcd at which the
//     request's key existed and no request was ahead of it.
//   - The lock is held until Unlock, or until its key is deleted: with its lease, or
//     by another client. Lost reports that.
//   - An acquisition that fails leaves no key behind, even if etcd's reply was lost
//     or etcd hangs. A key that cannot be deleted at once is deleted in the
//     background while the session lives, and with the lease at the latest.
//   - A loss that is known is answered at once: Unlock returns ErrLost without waiting
//     for etcd.
//   - A waiter whose session ends returns at once, and one whose key is deleted within
//     two seconds. A waiter survives the loss of a leader or a member, compaction, and
//     any outage of etcd that its session survives.
//   - Sets never deadlock among each other. TryUpgrade fails where waiting would
//     deadlock.
//
// # No guarantee
//
// A lock alone does not make work safe. A process can be paused, by a debugger,
// a long garbage collection or a suspended machine, while its lease expires; when
// it continues, it finishes what it had begun, although another client holds the
// lock by then. No lock service can prevent that. Work that must not be done twice
// has to be fenced where it takes effect:
//
//   - A write to etcd goes into a transaction with [RWMutex.Guard] as its
//     condition.
//   - A write elsewhere carries the Token, and the store refuses tokens smaller than
//     the largest it has seen.
//
// Tokens are revisions, and a store that is restored from a backup has earlier ones:
// it would give a token again that another client has, and a store that is fenced by
// tokens would refuse new ones. Restore etcd with --bump-revision and
// --mark-compacted of etcdutl snapshot restore. In any case, waiters return ErrLost,
// and Lost reports, when their keys are not in the backup: as soon as the client is
// connected again, or within 20 seconds where a proxy hides the restart.
//
// Locks are not reentrant: a name that one process acquires twice, on one session or
// two, waits for itself. A client that holds one lock and waits for another can be
// part of a deadlock; a Set cannot, if it is all that a client holds.
//
// # Migrating from the older library
//
// The calls of github.com/flaviostutz/etcd-lock (NewRWMutex, RLock, RWLock,
// Unlock) are the same: change the import, and name it etcdlock if you like.
// These defects are gone: a waiter does not hang when a release falls between its
// read and its watch, a lock is not reported as acquired when its session has
// expired, a name does not conflict with names that it is a prefix of, and an
// RWMutex that holds its lock refuses a second acquisition.
//
// # Mixed fleets
//
// The older library and the RWMutex of etcd's client/v3/experimental/recipes
// write the same keys, so old and new clients exclude each other on one name,
// and programs can be migrated one by one. While old clients are running, follow
// their rules too: they take /a for a prefix of /a/b, they order requests by mod
// revision (never write to a request's key), and they may consider themselves the
// holder after their session has expired. concurrency.Mutex and etcdctl lock use
// other keys: they wait for requests of this package that are earlier, and this
// package does not wait for theirs. So use one kind of lock for a name.
//
// [concurrency.Session]: https://pkg.go.dev/go.etcd.io/etcd/client/v3/concurrency#Session
package rwlock
