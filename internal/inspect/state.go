package inspect

import (
	"maps"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// state is the locks below some prefixes, kept current by applying etcd's events. It does
// no I/O.
//
// Snapshots share locks with the state. The cost of an event depends only on the
// locks that its key is a request for or in the way of, whose queues the first event
// after a snapshot copies and later events change in place.
type state struct {
	prefixes keyspace.Prefixes
	rules    *layout.Set
	partial  []Partial
	revision int64
	places   map[string]place // of the requests, by key: etcd reports only the key of a deletion
	locks    map[LockID]Lock
	other    int
	below    *belowLocks
	beside   beside
	at       time.Time // when what is applied was seen; zero in history
	late     bool      // what is applied began earlier than it is seen

	sorted  []Lock              // as of the last snapshot, which shares it
	touched map[LockID]struct{} // changed since then: their queues are not shared

	noting bool   // what each revision does is noted
	steps  []Step // noted
	noted  int    // other, as in the last step
}

// place locates a request in its lock's queue.
type place struct {
	lock     LockID
	revision int64
}

// newState returns the state that a listing describes; it takes ownership of the
// listing's queues. It keeps when requests were first seen from the state before
// it, which may be nil.
func newState(prefixes keyspace.Prefixes, l listing, before *state) *state {
	s := &state{
		prefixes: prefixes,
		rules:    l.rules,
		partial:  l.partial,
		revision: l.revision,
		places:   map[string]place{},
		locks:    make(map[LockID]Lock, len(l.locks)),
		other:    l.other,
		below:    newBelowLocks(l.keys),
		beside:   l.beside,
		sorted:   l.locks,
		touched:  map[LockID]struct{}{},
	}
	for _, lock := range l.locks {
		s.locks[lock.ID] = lock
		s.below.add(lock.ID, belowName(lock.ID, l.keys))
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

// apply applies all events of one revision: a transaction is one change, and no
// state between its parts ever existed. It returns the changes of requests.
func (s *state) apply(events []*clientv3.Event, now time.Time) []Event {
	edits := map[LockID]*edit{}
	var dependents []string
	for _, ev := range events {
		s.advance(ev.Kv.ModRevision)
		found := s.findOut(ev)
		s.collect(edits, ev, found, now)
		for _, id := range s.putBeside(ev, found) {
			editOf(edits, id)
		}
		dependents = append(dependents, found.Dependents...)
	}
	for _, key := range dependents {
		s.reconsider(edits, key, now)
	}
	s.at = now
	changes := s.applyEdits(edits, now)
	for i := range changes { // events of one prefix can come late: see merger.flush
		changes[i].Revision, changes[i].Time = events[0].Kv.ModRevision, now
	}
	return changes
}

// learn notes the leases of keys that were read.
func (s *state) learn(kvs []*mvccpb.KeyValue) {
	edits := map[LockID]*edit{}
	for _, kv := range kvs {
		for _, id := range s.below.learn(newStored(string(kv.Key), kv, true)) {
			editOf(edits, id)
		}
	}
	s.applyEdits(edits, s.at)
}

// applyEdits changes first all queues and then who holds, because a request can be in
// the way of other locks.
func (s *state) applyEdits(edits map[LockID]*edit, now time.Time) []Event {
	ids := slices.SortedFunc(maps.Keys(edits), LockID.Compare)
	for _, id := range ids {
		edits[id].before = s.locks[id]
		s.editQueue(id, edits[id])
	}
	var changes []Event
	for _, id := range ids {
		changes = append(changes, s.settle(id, edits[id])...)
	}
	s.noteStep(edits, ids, len(changes), now)
	return changes
}

// advance notes that everything up to revision has been applied.
func (s *state) advance(revision int64) { s.revision = max(s.revision, revision) }

// collect turns an event into edits. A key that is written again keeps its
// place, but with another lease it may have become the request of another
// lock, or none.
func (s *state) collect(edits map[LockID]*edit, ev *clientv3.Event, found layout.Find, now time.Time) {
	old, was := s.find(string(ev.Kv.Key))
	next, is := s.written(ev.Kv, found, now)
	if s.prefixes.Has(string(ev.Kv.Key)) {
		s.other += countOther(ev, was, is)
	}
	var lock *LockID
	if is {
		lock = &next.Lock
	}
	for _, id := range s.below.apply(ev, lock) {
		editOf(edits, id)
	}
	if was && is && next.continues(old) {
		if next.Owner.Time.IsZero() {
			next.Since = old.Since
		}
		e := editOf(edits, next.Lock)
		e.rewritten = append(e.rewritten, next)
		gave, got := compareSlots(old, next)
		e.gave, e.got = append(e.gave, gave...), append(e.got, got...)
		return
	}
	if was {
		passed := is && next.Lock == old.Lock
		s.leave(edits, old, ev.Type == clientv3.EventTypePut && !ev.IsCreate() && !passed)
	}
	if is {
		s.join(edits, next)
	}
}

func (s *state) leave(edits map[LockID]*edit, r Request, detached bool) {
	e := editOf(edits, r.Lock)
	e.deleted = append(e.deleted, r)
	e.detached[r.Key] = detached
	delete(s.places, r.Key)
}

func (s *state) join(edits map[LockID]*edit, r Request) {
	e := editOf(edits, r.Lock)
	e.added = append(e.added, r)
	s.places[r.Key] = place{lock: r.Lock, revision: r.Revision}
}

func editOf(edits map[LockID]*edit, id LockID) *edit {
	e, ok := edits[id]
	if !ok {
		e = &edit{detached: map[string]bool{}}
		edits[id] = e
	}
	return e
}

// editQueue changes a lock's queue.
func (s *state) editQueue(id LockID, e *edit) {
	if !e.changesQueue() {
		return
	}
	slices.SortFunc(e.deleted, ByPlace)
	queue := s.own(id, len(e.added))
	if s.noting {
		e.gone = places(queue, e.deleted)
	}
	replace(queue, e.rewritten)
	queue = remove(queue, e.deleted)
	e.reach = reach(queue) + len(e.added)
	lock := s.locks[id]
	lock.ID, lock.Queue = id, insert(queue, e.added)
	s.setLock(lock)
}

// settle finds what is in the way of a lock's requests, and marks the holders. It
// returns first the events of deleted requests, then those of keys in the way, then those
// of requests that are new or changed between holding and waiting, each in the order of
// the queue.
func (s *state) settle(id LockID, e *edit) []Event {
	var changes []Event
	for _, r := range e.deleted {
		changes = append(changes, departure(r, e.detached[r.Key]))
	}
	changes = append(changes, e.gave...)
	lock, ok := s.locks[id]
	if !ok {
		return slices.DeleteFunc(append(changes, compareOthers(e.before, lock)...), Event.quiet)
	}
	lock.Others, lock.MoreOthers = s.others(lock)
	lock.Candidates = s.beside.of(lock)
	changes = append(changes, compareOthers(e.before, lock)...)
	if !e.changesQueue() {
		if lock.MoreOthers == e.before.MoreOthers && slices.Equal(lock.Others, e.before.Others) && slices.Equal(lock.Candidates, e.before.Candidates) {
			return nil
		}
		lock.Queue, e.reach = s.own(id, 0), reach(lock.Queue)
	}
	moved := markHolders(lock.Queue, lock.Others, e.reach)
	s.sawMoved(lock.Queue, moved)
	s.setLock(lock)
	e.moved = slices.Clone(moved)
	for _, r := range e.added {
		if i, _ := position(lock.Queue, r); !lock.Queue[i].Holding { // the others have moved
			moved = append(moved, i)
		}
	}
	slices.Sort(moved)
	for _, i := range moved {
		changes = append(changes, standing(lock.Queue[i]))
	}
	return slices.DeleteFunc(append(changes, e.got...), Event.quiet)
}

// others returns Lock.Others and Lock.MoreOthers.
func (s *state) others(lock Lock) (others []Request, more int) {
	first, more := inTheWay(lock.Queue, s.below.of(lock.ID))
	for _, k := range first {
		r, ok := s.find(k.key)
		if !ok {
			r = k.request(nil)
		}
		others = append(others, r.aside())
	}
	return others, more
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

// setLock replaces a lock and takes ownership of its queue.
func (s *state) setLock(lock Lock) {
	s.touched[lock.ID] = struct{}{}
	if len(lock.Queue) == 0 {
		delete(s.locks, lock.ID)
		s.below.remove(lock.ID)
		return
	}
	s.locks[lock.ID] = lock
}

// snapshot returns the state as a value. It copies the list of locks if any lock
// has changed since the last snapshot.
func (s *state) snapshot() Snapshot {
	if len(s.touched) > 0 {
		s.sorted = s.merge()
		clear(s.touched)
	}
	return Snapshot{Prefixes: s.prefixes, Revision: s.revision, Locks: s.sorted, Other: s.other, Partial: s.partial}
}

// unread returns keys in the way of touched locks whose leases are not known.
func (s *state) unread() []Request {
	var touched []Lock
	for id := range s.touched {
		touched = append(touched, s.locks[id])
	}
	return unreadLeases(touched)
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
