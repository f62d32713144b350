// Package verify judges whether locks were locks: from what their clients saw
// and from what etcd's own history says, which have to agree.
//
// # How to use it
//
// Record what etcd does before the first client begins:
//
//	rec, err := verify.Record(ctx, client, "/run-1/", clock)
//	defer rec.Close()
//
// Have each client note its holds, with times of the same clock, and what it
// asked for in vain. Of a hold, three ends are told apart, because only together
// they say whether an overlap is the lock's fault:
//
//   - End: from here on the client has no claim to the lock. It has called
//     Unlock, or has died, or its session may have run out by its own clock.
//   - Known: when it ceased to believe in the hold. A client that was stopped
//     learns late that its session ran out, and acts until then.
//   - Released: when etcd confirmed that it was released, if it ever did.
//
// In the end, wait until the keys of those that died are gone with their
// leases, and judge:
//
//	_ = rec.Drained(ctx, nil)
//	history, err := rec.History(ctx)
//	verdict := verify.Judge(verify.Seen{Holds: holds, Waits: waits}, history, verify.Options{})
//
// The text of a violation is one sentence about the two that clash, and its
// Story the moments of these two alone. Both hold names as they are in etcd:
// they pass through printable before they reach a terminal.
//
// # What is judged
//
//   - Overlap: two clients claimed a lock at once that excludes one of them. A
//     porcupine model of a read/write lock decides it, and pairs of holds which
//     the same model refuses tell the story.
//   - Unfenced: a client acted on a hold that it no longer had beside the next
//     one, whose token is not larger. If it is larger, a store that asks for
//     tokens refuses the late one: such holds are in Verdict.Fenced, and are no
//     violation by themselves.
//   - Unfair: a client was given a lock before one that had asked for it earlier.
//   - Dead: a client was given a lock when its request was gone.
//   - Phantom: a client was given a lock with a token that no request has.
//   - Untold: a client waited on for a lock that it had by etcd's history.
//   - Left: a key is still there in the end.
//   - Contradiction: the history is none that locks can make, or has a gap.
//   - Undecided: the time for judging was not enough. This is not a pass.
//
// Locks of layout keyspace.RWLock are judged; of other keys below the prefix
// only that none is left.
package verify
