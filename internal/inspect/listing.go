package inspect

import (
	"maps"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// listing is the keys with some prefixes at one revision.
type listing struct {
	prefixes keyspace.Prefixes
	ranges   []keyspace.Range // that are read; nil: all keys
	partial  []Partial
	unproven []Unproven
	rules    *layout.Set
	revision int64
	keys     []stored                 // by key
	next     int                      // in keys, after the one that was learnt last
	queues   map[LockID]*lockRequests // nil once there are locks
	last     *lockRequests            // the queue that was asked for last: requests of one lock mostly follow each other
	locks    []Lock                   // sorted
	other    int
	beside   beside
	cluster  uint64      // that has it; 0: not known
	cause    ResyncCause // why a watch has read it anew
}

// lockRequests is the requests of a lock, not sorted.
type lockRequests struct {
	id       LockID // which all of them share, with its name
	requests []Request
}

func newListing(prefixes keyspace.Prefixes, rules *layout.Set) listing {
	return listing{prefixes: prefixes, rules: rules, queues: map[LockID]*lockRequests{}, beside: newBeside()}
}

// queue returns the queue of a lock.
func (l *listing) queue(id LockID) *lockRequests {
	if l.last != nil && l.last.id == id {
		return l.last
	}
	q := l.queues[id]
	if q == nil {
		id.Name = strings.Clone(id.Name) // of which the key of its first request has more
		q = &lockRequests{id: id}
		l.queues[id] = q
	}
	l.last = q
	return q
}

// maxRoom bounds for how many keys there is room before they have been read: how many there
// are is what the server says.
const maxRoom = 1 << 21

// addKeys adds keys with their names, which are sorted and follow those before. Of the range,
// so many are left with them, so that the list is not copied again and again while it grows.
func (l *listing) addKeys(names []string, kvs []*mvccpb.KeyValue, left int64) {
	if room := min(left, maxRoom-int64(len(l.keys))); room > 0 {
		l.keys = slices.Grow(l.keys, int(room))
	}
	for i, kv := range kvs {
		l.keys = append(l.keys, newStored(kv, names[i], false))
		if l.prefixes.Has(names[i]) {
			l.other++
		}
	}
}

// addValues adds those keys that are requests to their queues, now that their leases
// and values are read. What depends on other keys waits for them.
func (l *listing) addValues(kvs []*mvccpb.KeyValue) {
	requests := make([]Request, 0, len(kvs))
	for _, kv := range kvs {
		k := l.learn(kv)
		if k == nil {
			continue
		}
		found := l.rules.Find(layoutKV(kv, k.key), l.leaseOf)
		l.beside.add(kv, found)
		if l.beside.dependent[k.key] != nil {
			continue
		}
		if r, ok := l.request(k, kv, found); ok {
			requests = append(requests, r)
		}
	}
	l.addRequests(requests)
}

// request returns the request that a key is, and notes it.
func (l *listing) request(k *stored, kv *mvccpb.KeyValue, found layout.Find) (Request, bool) {
	if k.cut = isCut(found, k.key, l.prefixes); k.cut || !found.Found {
		return Request{}, false
	}
	r := newRequest(kv, k.key, found.Match)
	q := l.queue(r.Lock)
	r.Lock, k.lock = q.id, &q.id
	return r, true
}

// isCut reports whether a key is a request for a lock that is not whole.
func isCut(found layout.Find, key string, prefixes keyspace.Prefixes) bool {
	return found.Found && !isWhole(found.Match, key, prefixes)
}

// isWhole reports whether all keys of a lock have one of the prefixes, if one of its keys
// has. Of another lock, only some would be seen, and a waiter could look like the holder:
// they count as other keys.
func isWhole(m layout.Match, key string, prefixes keyspace.Prefixes) bool {
	return prefixes.All() || (prefixes.Has(key) || !m.Rule.OneKey()) && slices.ContainsFunc(prefixes, func(prefix string) bool { return m.Rule.Whole(m.Lock, prefix) })
}

// leaseOf implements layout.Leases.
func (l *listing) leaseOf(key string) (int64, bool) {
	k := findKey(l.keys, key)
	if k == nil {
		return 0, false
	}
	return k.lease, true
}

// addRequests adds requests to their queues. Requests of one lock mostly follow each
// other, and are added together.
func (l *listing) addRequests(requests []Request) {
	for _, r := range requests {
		if l.prefixes.Has(r.Key) {
			l.other--
		}
	}
	for len(requests) > 0 {
		id, n := requests[0].Lock, 1
		for n < len(requests) && requests[n].Lock == id {
			n++
		}
		q := l.queue(id)
		q.requests = append(q.requests, requests[:n]...)
		requests = requests[n:]
	}
}

// learn notes the lease of a key, and returns the key. It looks first where the one after
// the last one is, because keys are mostly learnt in order.
func (l *listing) learn(kv *mvccpb.KeyValue) *stored {
	var k *stored
	if l.next < len(l.keys) && l.keys[l.next].key == string(kv.Key) {
		k = &l.keys[l.next]
		l.next++
	} else if i, ok := indexKey(l.keys, string(kv.Key)); ok {
		k, l.next = &l.keys[i], i+1
	}
	if k != nil {
		*k = newStored(kv, k.key, true)
	}
	return k
}

// makeLocks makes the locks of the queues.
func (l *listing) makeLocks() {
	for key, kv := range l.beside.dependent {
		var unread string
		found := l.rules.Find(layoutKV(kv, key), func(other string) (int64, bool) {
			if unread == "" && !l.isRead(other) {
				unread = other
			}
			return l.leaseOf(other)
		})
		if r, ok := l.request(findKey(l.keys, key), kv, found); ok {
			l.addRequests([]Request{r})
		} else if unread != "" && !found.Found && l.prefixes.Has(key) {
			l.unproven = append(l.unproven, Unproven{Key: key, Unread: unread})
		}
	}
	l.locks = make([]Lock, 0, len(l.queues))
	for _, id := range slices.SortedFunc(maps.Keys(l.queues), LockID.Compare) { // in the order of keys, which are found the sooner
		queue := l.queues[id].requests
		if cap(queue) > len(queue) { // which it has grown by, and is kept as long as the lock
			queue = append(make([]Request, 0, len(queue)), queue...)
		}
		sortByPlace(queue)
		others, more := inTheWay(queue, belowName(id, l.keys))
		var requests []Request
		for _, o := range others {
			requests = append(requests, o.request(l.queueOf(o)))
		}
		lock := NewLock(id, queue, requests...)
		lock.MoreOthers = more
		lock.Candidates = l.beside.of(lock)
		l.locks = append(l.locks, lock)
	}
	for _, q := range l.queues {
		q.requests = nil // keys have a lock's ID from here, and must not keep a queue that has changed since
	}
	l.queues, l.last = nil, nil
	slices.SortFunc(l.unproven, func(a, b Unproven) int { return strings.Compare(a.Key, b.Key) })
}

// isRead reports whether a key is among those that are read.
func (l *listing) isRead(key string) bool {
	return l.ranges == nil || slices.ContainsFunc(l.ranges, func(r keyspace.Range) bool { return r.Has(key) })
}

// queueOf returns the queue that a key is in.
func (l *listing) queueOf(k stored) []Request {
	if k.lock == nil {
		return nil
	}
	return l.queue(*k.lock).requests
}

// NewLocks returns the locks, by name, then layout, that have these queues, with what is
// in the way of their requests: requests of each other, and other keys. It takes
// ownership of the queues.
func NewLocks(queues map[LockID][]Request, others ...Request) []Lock {
	l := listing{queues: map[LockID]*lockRequests{}, beside: newBeside()}
	add := func(r Request, lock *LockID) {
		l.keys = append(l.keys, stored{key: r.Key, created: r.Revision, modified: r.Modified, lease: r.Lease, leaseRead: !r.LeaseUnknown, cut: r.Cut, lock: lock})
	}
	for id, queue := range queues {
		l.queues[id] = &lockRequests{id: id, requests: queue}
		for _, r := range queue {
			add(r, &id)
		}
	}
	for _, o := range others {
		add(o, nil)
	}
	slices.SortFunc(l.keys, func(a, b stored) int { return strings.Compare(a.key, b.key) })
	l.makeLocks()
	return l.locks
}
