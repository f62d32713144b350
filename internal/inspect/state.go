package inspect

import (
	"maps"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// state is the locks below a prefix, kept current by folding etcd's events
// into it. It has no I/O.
//
// Snapshots share locks with the state. What an event costs depends on none but
// its own lock, whose queue the first event after a snapshot copies and those
// that follow change in place.
type state struct {
	prefix   string
	revision int64
	places   map[string]place // of the requests, by key: of a deleted key, etcd tells no more
	locks    map[LockID]Lock
	other    int

	sorted  []Lock              // as of the last snapshot, which shares it
	touched map[LockID]struct{} // since then: their queues are shared with nobody
}

// place finds a request in its lock's queue.
type place struct {
	lock     LockID
	revision int64
}

// newState is the state that a listing describes; it takes its queues over.
// What the state before it, which may be nil, knew of when requests were made
// is kept.
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
	gone, again, come []Request // again: written, and in its place
}

// apply folds in the events of one revision, all of them: a transaction is one
// change, and what would show between its parts never was. It returns what
// became of the requests.
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

// advance notes that everything up to revision has been folded in.
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
		e.again = append(e.again, next)
		return
	}
	if was {
		e := editOf(edits, old.Lock)
		e.gone = append(e.gone, old)
		delete(s.places, old.Key)
	}
	if is {
		e := editOf(edits, next.Lock)
		e.come = append(e.come, next)
		s.places[next.Key] = place{lock: next.Lock, revision: next.Revision}
	}
}

// written is the request that an event writes, if it does. When nobody else
// knows, it was made now.
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

// countOther is by how much an event changes the number of keys that are no
// lock requests, given whether its key was one and whether it is one now. It
// needs no list of those keys, because etcd tells only of real changes: what
// is deleted was there.
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

// edit changes a lock's queue. It tells first who has gone, then who has come or
// moved, each in the order of the queue.
func (s *state) edit(id LockID, e *edit) []Event {
	slices.SortFunc(e.gone, ByPlace)
	queue := s.own(id, len(e.come))
	replace(queue, e.again)
	queue = remove(queue, e.gone)
	held := holders(queue)
	queue = insert(queue, e.come)
	moved := markHolders(queue, held+len(e.come))
	s.setQueue(id, queue)

	var changes []Event
	for _, r := range e.gone {
		changes = append(changes, departure(r))
	}
	for _, r := range e.come {
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

// own is a lock's queue, to be changed: a copy of it, with room for some more,
// if a snapshot shares it.
func (s *state) own(id LockID, more int) []Request {
	queue := s.locks[id].Queue
	if _, own := s.touched[id]; own {
		return queue
	}
	return append(make([]Request, 0, len(queue)+more), queue...)
}

// setQueue replaces a lock's queue and takes the slice over.
func (s *state) setQueue(id LockID, queue []Request) {
	s.touched[id] = struct{}{}
	if len(queue) == 0 {
		delete(s.locks, id)
		return
	}
	s.locks[id] = Lock{ID: id, Queue: queue}
}

// snapshot is the state as a value. It costs a copy of the list of locks if
// any has changed since the last one, and nothing otherwise.
func (s *state) snapshot() Snapshot {
	if len(s.touched) > 0 {
		s.sorted = s.merge()
		clear(s.touched)
	}
	return Snapshot{Prefix: s.prefix, Revision: s.revision, Locks: s.sorted, Other: s.other}
}

// merge is the list of the last snapshot with the touched locks replaced.
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
