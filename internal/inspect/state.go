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
// A Lock is never changed once made: snapshots share them with the state, and
// an event replaces only the locks that it touches.
type state struct {
	prefix   string
	revision int64
	places   map[string]place // of the requests, by key: of a deleted key, etcd tells no more
	locks    map[LockID]Lock
	other    int

	sorted  []Lock              // as of the last snapshot, which shares it
	touched map[LockID]struct{} // since then
}

// place finds a request in its lock's queue.
type place struct {
	lock     LockID
	revision int64
}

// newState is the state that a listing describes. What the state before it,
// which may be nil, knew of when requests were made is kept.
func newState(prefix string, l listing, before *state) *state {
	s := &state{
		prefix:   prefix,
		revision: l.revision,
		places:   make(map[string]place, len(l.requests)),
		locks:    map[LockID]Lock{},
		other:    l.other,
		sorted:   []Lock{},
		touched:  map[LockID]struct{}{},
	}
	queues := map[LockID][]Request{}
	for _, r := range l.requests {
		if old, ok := before.find(r.Key); ok && r.Since.IsZero() && old.Revision == r.Revision {
			r.Since = old.Since
		}
		queues[r.Lock] = append(queues[r.Lock], r)
	}
	for id, queue := range queues {
		s.setQueue(id, queue)
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
	i, ok := slices.BinarySearchFunc(queue, Request{Key: key, Revision: p.revision}, byPlace)
	if !ok {
		return Request{}, false
	}
	return queue[i], true
}

// edit is what one revision does to one lock.
type edit struct {
	gone map[string]struct{} // keys
	come []Request
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
	for _, id := range slices.SortedFunc(maps.Keys(edits), LockID.compare) {
		before := s.locks[id].Queue
		s.edit(id, edits[id])
		changes = append(changes, compareStandings(before, s.locks[id].Queue)...)
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
	var next Request
	var is bool
	if ev.Type == clientv3.EventTypePut {
		next, is = newRequest(ev.Kv)
	}
	s.other += countOther(ev, was, is)
	if was {
		editOf(edits, old.Lock).gone[old.Key] = struct{}{}
		delete(s.places, old.Key)
	}
	if !is {
		return
	}
	if next.Since.IsZero() {
		next.Since = now
		if was {
			next.Since = old.Since
		}
	}
	e := editOf(edits, next.Lock)
	e.come = append(e.come, next)
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
		e = &edit{gone: map[string]struct{}{}}
		edits[id] = e
	}
	return e
}

func (s *state) edit(id LockID, e *edit) {
	before := s.locks[id].Queue
	queue := make([]Request, 0, len(before)+len(e.come))
	for _, r := range before {
		if _, gone := e.gone[r.Key]; !gone {
			queue = append(queue, r)
		}
	}
	s.setQueue(id, append(queue, e.come...))
}

// setQueue replaces a lock's queue and takes the slice over.
func (s *state) setQueue(id LockID, queue []Request) {
	s.touched[id] = struct{}{}
	if len(queue) == 0 {
		delete(s.locks, id)
		return
	}
	s.locks[id] = newLock(id, queue)
	for _, r := range queue {
		s.places[r.Key] = place{lock: id, revision: r.Revision}
	}
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
	for _, id := range slices.SortedFunc(maps.Keys(s.touched), LockID.compare) {
		i, found := slices.BinarySearchFunc(rest, id, func(l Lock, id LockID) int { return l.ID.compare(id) })
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
