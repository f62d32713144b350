// Package verify judges whether locks kept their promises, from two sources that must
// agree: what the clients of the locks saw, and etcd's own history.
//
// # How to use it
//
// Record what etcd does before the first client begins:
//
//	rec, err := verify.Record(ctx, client, "/run-1/", clock)
//	defer rec.Close()
//
// Have each client note its holds, with times of the same clock, and the waits that did
// not end in a hold. The end of a hold has three times, because only together they say
// whether an overlap is the lock's fault:
//
//   - End: from then on the client does not claim the lock. It has called Unlock, or has
//     died, or its session may have expired by its own clock.
//   - Known: when the client stopped believing that it holds the lock. A client that was
//     paused learns late that its session expired, and acts until then.
//   - Released: when etcd confirmed the release, if it ever did.
//
// In the end, wait until the keys of the clients that died are gone with their leases,
// and judge:
//
//	_ = rec.Drained(ctx, nil)
//	history, err := rec.History(ctx)
//	verdict := verify.Judge(verify.Seen{Holds: holds, Waits: waits}, history, verify.Options{})
//
// The text of a violation is one sentence about the two clients that conflict, and its
// Story lists the events of these two alone. Both have names as they are in etcd, which
// must be escaped before they reach a terminal.
//
// # What is judged
//
//   - Overlap: two clients claimed a lock at the same time although one excludes the
//     other, or some claimed more permits of a semaphore than there are. A porcupine model
//     of a read/write lock and of a semaphore decides that, and the pairs of holds that the
//     same model refuses are reported, or else the holds that take too many permits.
//   - Unfenced: a client acted on a hold that had ended while another client had the
//     next one, and the token of that one is not larger. If it is larger, a store that
//     checks tokens refuses the late client: such holds are in Verdict.Fenced, and are
//     no violation by themselves.
//   - Unfair: a client was granted a lock before one that had requested it earlier.
//   - Stale: a client was granted a lock although its request was gone.
//   - Phantom: a client was granted a lock with a token that no request has.
//   - NotNotified: a client waited for a lock that it held by etcd's history.
//   - LeftBehind: a key still exists in the end.
//   - Contradiction: no locks can cause this history, or it has a gap.
//   - Undecided: there was not enough time to judge. This is not a pass.
//
// Two holds of a semaphore exclude each other if their permits together are more than there
// are. If only three or more take too many, no token can tell them apart, so neither Unfenced
// nor Fenced is judged.
//
// Keys of package rwlock are judged. Of other keys below the prefix, only
// LeftBehind is judged.
package verify
