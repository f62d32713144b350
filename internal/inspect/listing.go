package inspect

import (
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// listing is the keys below a prefix at one revision.
type listing struct {
	prefix   string
	revision int64
	keys     []stored             // by key
	queues   map[LockID][]Request // not sorted; nil once there are locks
	locks    []Lock               // sorted
	other    int
	cause    ResyncCause // why a watch has read it anew
}

// addKeys adds keys, which are sorted and follow those before.
func (l *listing) addKeys(kvs []*mvccpb.KeyValue) {
	for _, kv := range kvs {
		l.keys = append(l.keys, newStored(kv, false))
	}
	l.other += len(kvs)
}

// addValues adds those keys that are requests to their queues, now that their leases
// and values are read. Requests of one lock mostly follow each other, and are added
// together.
func (l *listing) addValues(kvs []*mvccpb.KeyValue) {
	requests := make([]Request, 0, len(kvs))
	for _, kv := range kvs {
		if r, ok := newRequest(kv); ok && isWhole(r.Lock, l.prefix) {
			requests = append(requests, r)
		}
		l.learn(kv)
	}
	l.other -= len(requests)
	for len(requests) > 0 {
		id, n := requests[0].Lock, 1
		for n < len(requests) && requests[n].Lock == id {
			n++
		}
		l.queues[id] = append(l.queues[id], requests[:n]...)
		requests = requests[n:]
	}
}

// isWhole reports whether all requests for a lock have the prefix. Of another one, only
// some would be seen, and a waiter could look like the holder: it counts as other keys.
func isWhole(id LockID, prefix string) bool { return strings.HasPrefix(id.Name+"/", prefix) }

// learn notes the lease of a key.
func (l *listing) learn(kv *mvccpb.KeyValue) {
	if k := findKey(l.keys, string(kv.Key)); k != nil {
		*k = newStored(kv, true)
	}
}

// makeLocks makes the locks of the queues.
func (l *listing) makeLocks() {
	l.locks = make([]Lock, 0, len(l.queues))
	for id, queue := range l.queues {
		slices.SortFunc(queue, ByPlace)
		others, more := inTheWay(queue, belowName(id, l.keys))
		var requests []Request
		for _, o := range others {
			requests = append(requests, o.request(l.queues[o.lock()]))
		}
		lock := NewLock(id, queue, requests...)
		lock.MoreOthers = more
		l.locks = append(l.locks, lock)
	}
	l.queues = nil
	slices.SortFunc(l.locks, func(a, b Lock) int { return a.ID.Compare(b.ID) })
}

// NewLocks returns the locks, by name, then layout, that have these queues, with what is
// in the way of their requests: requests of each other, and other keys. It takes
// ownership of the queues.
func NewLocks(queues map[LockID][]Request, others ...Request) []Lock {
	l := listing{queues: queues}
	add := func(r Request) {
		l.keys = append(l.keys, stored{key: r.Key, created: r.Revision, modified: r.Modified, lease: r.Lease, leaseRead: !r.LeaseUnknown})
	}
	for _, queue := range queues {
		for _, r := range queue {
			add(r)
		}
	}
	for _, o := range others {
		add(o)
	}
	slices.SortFunc(l.keys, func(a, b stored) int { return strings.Compare(a.key, b.key) })
	l.makeLocks()
	return l.locks
}
