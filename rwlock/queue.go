package rwlock

import (
	"cmp"
	"slices"
	"strings"

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
	rev          int64
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

// watchPlan is which keys a waiter watches.
type watchPlan struct {
	watched []keyRev // the predecessors in the range
	first   string   // of the range of keys
	last    string
	whole   bool // the range covers the waiter's own key and all of its predecessors
}

// newWatchPlan chooses the keys to watch for a waiter with key ownKey, which has
// predecessors.
//
// A short queue is watched whole, and the waiter's own key with it: etcd sends
// the events of one watch in the order in which they happened, so that when the
// last predecessor is deleted and the own key has not been, the lock is held, and
// nothing needs to be read. In a longer queue, every waiter would get an event
// for every hand-off. There a waiter watches only its last predecessor, which is
// the last to be deleted, and then reads. It also does so if singleWatch says that
// a wide range has not worked well: the user may lack the permission for it, or
// keys that have nothing to do with the lock may come and go in it.
func newWatchPlan(s queueState, ownKey string, singleWatch bool) watchPlan {
	if s.complete && (!singleWatch || inOneDir(s.predecessors, ownKey)) {
		p := watchPlan{watched: s.predecessors, first: ownKey, last: ownKey, whole: true}
		for _, b := range s.predecessors {
			p.first, p.last = min(p.first, b.key), max(p.last, b.key)
		}
		return p
	}
	nearest := s.predecessors[len(s.predecessors)-1:]
	return watchPlan{watched: nearest, first: nearest[0].key, last: nearest[0].key}
}

func inOneDir(keys []keyRev, ownKey string) bool {
	return !slices.ContainsFunc(keys, func(k keyRev) bool { return dir(k.key) != dir(ownKey) })
}

// end returns the first key after the plan's range, which is etcd's range end.
func (p watchPlan) end() string { return p.last + "\x00" }

// intersection returns those of keys that are in remaining too.
func intersection(keys, remaining []keyRev) []keyRev {
	var both []keyRev
	for _, k := range keys {
		if slices.Contains(remaining, k) {
			both = append(both, k)
		}
	}
	return both
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

func dir(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }
