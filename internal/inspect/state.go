package inspect

import (
	"maps"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// state is the locks below a prefix, kept current by applying etcd's events. It does
// no I/O.
//
// Snapshots share locks with the state. The cost of an event depends only on its
// own lock, whose queue the first event after a snapshot copies and later events
// change in place.
type state struct {
	prefix   string
	revision int64
	places   map[string]place // of the requests, by key: etcd reports only the key of a deletion
	locks    map[LockID]Lock
	other    int

	sorted  []Lock              // as of the last snapshot, which shares it
	touched map[LockID]struct{} // changed since then: their queues are not shared
}

// place locates a request in its lock's queue.
type place struct {
	lock     LockID
	revision int64
}

// newState returns the state that a listing describes; it takes ownership of the
// listing's queues. It keeps when requests were first seen from the state before
// it, which may be nil.
func newState(prefix string, l listing, before *state) *state {
	locks := l.locks()
	s := &state{
		prefix:   prefix,
		revision: l.revision,
		places:   map[string]place{},
		locks:    make(map[LockID]Lock, len(locks)),
		other:    l.other,
		sorted:   locks,
		touched:  map[LockID]struct{}{},
	}
	for _, lock := range locks {
		s.locks[lock.ID] = lock
		for i := range lock.Queue {
			r := &lock.Queue[i]
			if old, ok := before.find(r.Key); ok && r.Since.IsZero() && old.Revision == r.Revision {
				r.Since = old.Since
			}
			s.places[r.Key] = place{lock: lock.ID, revision: r.Revision}
		}
	}
	return s
}

// find returns the request with that key.
func (s *state) find(key string) (Request, bool) {
	if s == nil {
		return Request{}, false
	}
	p, ok := s.places[key]
	if !ok {
		return Request{}, false
	}
	queue := s.locks[p.lock].Queue
	i, ok := position(queue, Request{Key: key, Revision: p.revision})
	if !ok {
		return Request{}, false
	}
	return queue[i], true
}

// edit is what one revision does to one lock.
type edit struct {
	deleted   []Request
	rewritten []Request // they keep their places
	added     []Request
}

// apply applies all events of one revision: a transaction is one change, and no
// state between its parts ever existed. It returns the changes of requests.
func (s *state) apply(events []*clientv3.Event, now time.Time) []Event {
	edits := map[LockID]*edit{}
	for _, ev := range events {
		s.advance(ev.Kv.ModRevision)
		s.collect(edits, ev, now)
	}
	var changes []Event
	for _, id := range slices.SortedFunc(maps.Keys(edits), LockID.Compare) {
		changes = append(changes, s.edit(id, edits[id])...)
	}
	for i := range changes {
		changes[i].Revision, changes[i].Time = s.revision, now
	}
	return changes
}

// advance notes that everything up to revision has been applied.
func (s *state) advance(revision int64) { s.revision = max(s.revision, revision) }

// collect turns an event into edits. A key that is written again keeps its
// place, but with another lease it may have become the request of another
// lock, or none.
func (s *state) collect(edits map[LockID]*edit, ev *clientv3.Event, now time.Time) {
	old, was := s.find(string(ev.Kv.Key))
	next, is := written(ev, now)
	s.other += countOther(ev, was, is)
	if was && is && next.Owner.Time.IsZero() {
		next.Since = old.Since
	}
	if was && is && next.Lock == old.Lock && next.Revision == old.Revision {
		e := editOf(edits, next.Lock)
		e.rewritten = append(e.rewritten, next)
		return
	}
	if was {
		e := editOf(edits, old.Lock)
		e.deleted = append(e.deleted, old)
		delete(s.places, old.Key)
	}
	if is {
		e := editOf(edits, next.Lock)
		e.added = append(e.added, next)
		s.places[next.Key] = place{lock: next.Lock, revision: next.Revision}
	}
}

// written returns the request that an event writes, if it does. Without an owner's
// time, it counts as made now.
func written(ev *clientv3.Event, now time.Time) (Request, bool) {
	if ev.Type != clientv3.EventTypePut {
		return Request{}, false
	}
	r, ok := newRequest(ev.Kv)
	if r.Since.IsZero() {
		r.Since = now
	}
	return r, ok
}

// countOther returns by how much an event changes the number of keys that are not
// lock requests, given whether its key was one and whether it is one now. It needs
// no list of those keys, because etcd reports only real changes: a deleted key
// existed.
func countOther(ev *clientv3.Event, was, is bool) int {
	n := 0
	if !was && !ev.IsCreate() {
		n--
	}
	if !is && ev.Type == clientv3.EventTypePut {
		n++
	}
	return n
}

func editOf(edits map[LockID]*edit, id LockID) *edit {
	e, ok := edits[id]
	if !ok {
		e = &edit{}
		edits[id] = e
	}
	return e
}

// edit changes a lock's queue. It returns first the deleted requests, then those
// that are new or whose standing changed, each in the order of the queue.
func (s *state) edit(id LockID, e *edit) []Event {
	slices.SortFunc(e.deleted, ByPlace)
	queue := s.own(id, len(e.added))
	replace(queue, e.rewritten)
	queue = remove(queue, e.deleted)
	held := holders(queue)
	queue = insert(queue, e.added)
	moved := markHolders(queue, held+len(e.added))
	s.setQueue(id, queue)

	var changes []Event
	for _, r := range e.deleted {
		changes = append(changes, departure(r))
	}
	for _, r := range e.added {
		if i, _ := position(queue, r); !queue[i].Holding { // the others have moved
			moved = append(moved, i)
		}
	}
	slices.Sort(moved)
	for _, i := range moved {
		changes = append(changes, standing(queue[i]))
	}
	return changes
}

// own returns a lock's queue to be changed in place: a copy of it, with room for
// more, if a snapshot shares it.
func (s *state) own(id LockID, more int) []Request {
	queue := s.locks[id].Queue
	if _, own := s.touched[id]; own {
		return queue
	}
	return append(make([]Request, 0, len(queue)+more), queue...)
}

// setQueue replaces a lock's queue and takes ownership of the slice.
func (s *state) setQueue(id LockID, queue []Request) {
	s.touched[id] = struct{}{}
	if len(queue) == 0 {
		delete(s.locks, id)
		return
	}
	s.locks[id] = Lock{ID: id, Queue: queue}
}

// snapshot returns the state as a value. It copies the list of locks if any lock
// has changed since the last snapshot.
func (s *state) snapshot() Snapshot {
	if len(s.touched) > 0 {
		s.sorted = s.merge()
		clear(s.touched)
	}
	return Snapshot{Prefix: s.prefix, Revision: s.revision, Locks: s.sorted, Other: s.other}
}

// merge returns the list of the last snapshot with the touched locks replaced.
func (s *state) merge() []Lock {
	merged := make([]Lock, 0, len(s.locks))
	rest := s.sorted
	for _, id := range slices.SortedFunc(maps.Keys(s.touched), LockID.Compare) {
		i, found := slices.BinarySearchFunc(rest, id, func(l Lock, id LockID) int { return l.ID.Compare(id) })
		merged = append(merged, rest[:i]...)
		if found {
			i++
		}
		rest = rest[i:]
		if l, ok := s.locks[id]; ok {
			merged = append(merged, l)
		}
	}
	return append(merged, rest...)
}
