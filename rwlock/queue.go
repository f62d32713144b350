package rwlock

import (
	"cmp"
	"slices"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"etcd-lock/internal/keyspace"
)

// maxPredecessors is how many of the requests ahead of a waiter are read: the
// last ones. A waiter has no use for more, and reading them would make each
// hand-off cost more the longer the queue is.
const maxPredecessors = 8

// keyRev is a key and a revision at which it was created or deleted.
type keyRev struct {
	key string
	rev int64
}

// queueState is what is ahead of an entry in its queue at one revision.
type queueState struct {
	predecessors []keyRev // that block the entry, or the last of them, in the order of the queue
	complete     bool     // no predecessor is missing
	further      int      // requests of a semaphore that are ahead of the predecessors
	length       int64    // number of keys in what was read of the queue
	unread       bool     // nothing was read
	rev          int64
	ahead        []Ahead // the predecessors, if they were read with their owners
}

// position returns how many requests are ahead of the entry, or 0 when that is not known.
func (s queueState) position() int {
	if s.complete {
		return len(s.predecessors) + s.further
	}
	return int(s.length)
}

// isFirst reports whether nothing is ahead of the entry, so that its lock is held.
func (s queueState) isFirst() bool { return s.complete && len(s.predecessors) == 0 }

// newQueueState reads the replies to entry.queueOps for an entry of the lock name
// that was created at revision rev.
func newQueueState(replies []*etcdserverpb.ResponseOp, name string, rev int64) queueState {
	s := queueState{complete: true}
	var kvs []*mvccpb.KeyValue
	for _, reply := range replies {
		r := reply.GetResponseRange()
		kvs = append(kvs, r.Kvs...)
		s.complete = s.complete && !r.More
		s.length += r.Count
	}
	s.predecessors = predecessors(kvs, name, rev)
	return s
}

// predecessors returns those of the keys that are requests for the lock name
// created before revision rev, in the order of the queue. Locks nested below name
// share its directories and are skipped.
func predecessors(kvs []*mvccpb.KeyValue, name string, rev int64) []keyRev {
	var before []keyRev
	for _, kv := range kvs {
		key, ok := keyspace.ParseRWLock(string(kv.Key))
		if ok && key.Name == name && kv.CreateRevision < rev {
			before = append(before, keyRev{key: string(kv.Key), rev: kv.CreateRevision})
		}
	}
	slices.SortFunc(before, func(a, b keyRev) int { return cmp.Compare(a.rev, b.rev) })
	return before
}

// without returns keys less the one that was deleted. A key that was created
// after that is another request with the same key.
func without(keys []keyRev, deleted keyRev) []keyRev {
	var others []keyRev
	for _, k := range keys {
		if k.key != deleted.key || k.rev > deleted.rev {
			others = append(others, k)
		}
	}
	return others
}
