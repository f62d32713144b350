package inspect

import (
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// state is the locks below some prefixes, kept current by applying etcd's events. It does
// no I/O.
//
// Snapshots share locks with the state. The cost of an event depends only on the locks that
// its key is a request for or in the way of, whose queues the first event after a snapshot
// copies and later ones change in place.
type state struct {
	prefixes keyspace.Prefixes
	rules    *layout.Set
	partial  []Partial
	cluster  uint64
	revision int64
	locks    map[LockID]*tracked
	other    int
	below    *belowLocks
	beside   beside
	at       time.Time // when what is applied was seen; zero in history
	late     bool      // what is applied began earlier than it is seen

	sorted  []*tracked // by ID, as of the last snapshot
	list    []Lock     // the same as values, which that snapshot has; nil if some have changed since
	touched []*tracked // changed since then: their queues are not shared

	edits []*edit // of the revision that is being applied
	spare []*edit // to be used again

	noting bool   // what each revision does is noted
	steps  []Step // noted
	usual  int    // how many were taken last: for so many, there is room
	noted  int    // other, as in the last step
}

// tracked is a lock that a state follows. Without requests, it is no lock until the next
// snapshot, and not followed after that.
type tracked struct {
	Lock
	touched bool  // since the last snapshot
	edit    *edit // of the revision that is being applied; nil: none
}

// exists reports whether the lock has requests.
func (t *tracked) exists() bool { return t != nil && len(t.Queue) > 0 }

// newState returns the state that a listing describes; it takes ownership of the
// listing's queues. It keeps when requests were first seen from the state before
// it, which may be nil.
func newState(prefixes keyspace.Prefixes, l listing, before *state) *state {
	s := &state{
		prefixes: prefixes,
		rules:    l.rules,
		partial:  l.partial,
		cluster:  l.cluster,
		revision: l.revision,
		locks:    make(map[LockID]*tracked, len(l.locks)),
		other:    l.other,
		below:    newBelowLocks(l.keys, len(l.locks)),
		beside:   l.beside,
		sorted:   make([]*tracked, len(l.locks)),
		list:     l.locks,
	}
	all := make([]tracked, len(l.locks)) // side by side, which makes snapshots fast
	for i, lock := range l.locks {
		all[i].Lock = lock
		s.locks[lock.ID], s.sorted[i] = &all[i], &all[i]
		s.below.add(lock.ID, belowName(lock.ID, l.keys)) // again: leases of keys may have been read since
		for i := range lock.Queue {
			r := &lock.Queue[i]
			if !r.Since.IsZero() {
				continue
			}
			if old, ok := before.find(r.Key); ok && old.Revision == r.Revision {
				r.Since = old.Since
			}
		}
	}
	return s
}

// find returns the request with that key.
func (s *state) find(key string) (Request, bool) {
	if s == nil || len(s.locks) == 0 {
		return Request{}, false
	}
	k, ok := s.below.keys().Get(stored{key: key})
	if !ok {
		return Request{}, false
	}
	return s.requestOf(k)
}

// requestOf returns the request that a key is.
func (s *state) requestOf(k stored) (Request, bool) {
	if k.lock == nil {
		return Request{}, false
	}
	t := s.locks[*k.lock]
	if t == nil {
		return Request{}, false
	}
	i, ok := position(t.Queue, Request{Key: k.key, Revision: k.created})
	if !ok {
		return Request{}, false
	}
	return t.Queue[i], true
}

// track returns a lock, which may have no requests.
func (s *state) track(id LockID) *tracked {
	t := s.locks[id]
	if t == nil {
		id.Name = strings.Clone(id.Name) // of which the key of its request has more
		t = &tracked{Lock: Lock{ID: id}}
		s.locks[id] = t
		s.touch(t)
	}
	return t
}

func (s *state) touch(t *tracked) {
	if !t.touched {
		t.touched = true
		s.touched = append(s.touched, t)
		s.list = nil
	}
}

// apply applies all events of one revision: a transaction is one change, and no
// state between its parts ever existed. It returns the changes of requests.
func (s *state) apply(events []*clientv3.Event, now time.Time) []Event {
	return s.applyTo(nil, events, now)
}

// applyTo is apply, and appends the changes to others.
func (s *state) applyTo(changes []Event, events []*clientv3.Event, now time.Time) []Event {
	var dependents []string
	for _, ev := range events {
		s.advance(ev.Kv.ModRevision)
		key := string(ev.Kv.Key)
		found := s.findOut(ev, key)
		s.collect(ev, key, found, now)
		s.putBeside(ev, key, found)
		dependents = append(dependents, found.Dependents...)
	}
	for _, key := range dependents {
		s.reconsider(key, now)
	}
	s.at = now
	n := len(changes)
	changes = s.applyEdits(changes, now)
	for i := range changes[n:] { // events of one prefix can come late: see merger.flush
		changes[n+i].Revision, changes[n+i].Time = events[0].Kv.ModRevision, now
	}
	return changes
}

// learn notes the leases of keys that were read.
func (s *state) learn(kvs []*mvccpb.KeyValue) {
	for _, kv := range kvs {
		s.editAll(s.below.learn(newStored(kv, string(kv.Key), true)))
	}
	s.applyEdits(nil, s.at)
}

// applyEdits changes first all queues and then who holds, because a request can be in
// the way of other locks. It appends what has changed to others.
func (s *state) applyEdits(changes []Event, now time.Time) []Event {
	if len(s.edits) > 1 {
		slices.SortFunc(s.edits, func(a, b *edit) int { return a.lock.ID.Compare(b.lock.ID) })
	}
	for _, e := range s.edits {
		e.before = e.lock.Lock
		s.editQueue(e)
	}
	n := len(changes)
	for _, e := range s.edits {
		changes = s.settle(changes, e)
	}
	s.noteStep(len(changes)-n, now)
	for _, e := range s.edits {
		e.lock.edit = nil
		s.spare = append(s.spare, e.emptied())
	}
	s.edits = s.edits[:0]
	return changes
}

// advance notes that everything up to revision has been applied.
func (s *state) advance(revision int64) { s.revision = max(s.revision, revision) }

// collect turns an event into edits. A key that is written again keeps its
// place, but with another lease it may have become the request of another
// lock, or none.
func (s *state) collect(ev *clientv3.Event, key string, found layout.Find, now time.Time) {
	next, is, cut := s.written(ev.Kv, key, found, now)
	var lock *tracked
	if is {
		lock = s.track(next.Lock)
		next.Lock = lock.ID // with the name that the lock's requests share
	}
	replaced, above := s.below.apply(ev, key, lock, cut)
	s.editAll(above)
	old, was := s.requestOf(replaced)
	if s.prefixes.Has(key) {
		s.other += countOther(ev, was, is)
	}
	if was && is && next.continues(old) {
		if next.Owner.Time.IsZero() {
			next.Since = old.Since
		}
		e := s.editOf(lock)
		e.rewritten = append(e.rewritten, next)
		gave, got := compareSlots(old, next)
		e.gave, e.got = append(e.gave, gave...), append(e.got, got...)
		return
	}
	if was {
		passed := is && next.Lock == old.Lock
		s.leave(old, ev.Type == clientv3.EventTypePut && !ev.IsCreate() && !passed)
	}
	if is {
		e := s.editOf(lock)
		e.added = append(e.added, next)
	}
}

// editQueue changes a lock's queue.
func (s *state) editQueue(e *edit) {
	if !e.changesQueue() {
		return
	}
	slices.SortFunc(e.deleted, ByPlace)
	queue := e.lock.own(len(e.added))
	if s.noting && len(e.deleted) > 0 {
		e.gone = places(queue, e.deleted)
	}
	replace(queue, e.rewritten)
	queue = remove(queue, e.deleted)
	e.reach = reach(queue) + len(e.added)
	e.lock.Queue = insert(queue, e.added)
	s.touch(e.lock)
	if len(e.lock.Queue) == 0 {
		e.lock.Lock = Lock{ID: e.lock.ID}
		s.below.remove(e.lock.ID)
	}
}

// settle finds what is in the way of a lock's requests, and marks the holders. It
// appends first the events of deleted requests, then those of keys in the way, then those
// of requests that are new or changed between holding and waiting, each in the order of
// the queue.
func (s *state) settle(changes []Event, e *edit) []Event {
	n := len(changes)
	for _, r := range e.deleted {
		changes = append(changes, departure(r, slices.Contains(e.detached, r.Key)))
	}
	changes = append(changes, e.gave...)
	if !e.lock.exists() {
		return notQuiet(append(changes, compareOthers(e.before, Lock{})...), n)
	}
	lock := e.lock.Lock
	lock.Others, lock.MoreOthers = s.others(lock)
	lock.Candidates = s.beside.of(lock)
	changes = append(changes, compareOthers(e.before, lock)...)
	if !e.changesQueue() {
		if lock.MoreOthers == e.before.MoreOthers && slices.Equal(lock.Others, e.before.Others) && slices.Equal(lock.Candidates, e.before.Candidates) {
			return changes[:n]
		}
		lock.Queue, e.reach = e.lock.own(0), reach(lock.Queue)
	}
	e.moved = markHolders(lock.Queue, lock.Others, e.reach)
	s.sawMoved(lock.Queue, e.moved)
	e.lock.Lock = lock
	s.touch(e.lock)
	for _, i := range e.toTell() {
		changes = append(changes, standing(lock.Queue[i]))
	}
	return notQuiet(append(changes, e.got...), n)
}

// snapshot returns the state as a value. It copies the list of locks if any lock
// has changed since the last snapshot.
func (s *state) snapshot() Snapshot {
	if len(s.touched) > 0 {
		s.sorted, s.list = s.merge()
		for _, t := range s.touched {
			t.touched = false
			if !t.exists() {
				delete(s.locks, t.ID)
			}
		}
		clear(s.touched)
		s.touched = s.touched[:0]
	}
	snapshot := s.bare()
	snapshot.Locks = s.list
	return snapshot
}

// bare returns the snapshot without its locks.
func (s *state) bare() Snapshot {
	return Snapshot{Prefixes: s.prefixes, Revision: s.revision, Other: s.other, Partial: s.partial, cluster: s.cluster}
}

// merge returns the locks of the last snapshot with the touched ones, and their values.
func (s *state) merge() ([]*tracked, []Lock) {
	slices.SortFunc(s.touched, func(a, b *tracked) int { return a.ID.Compare(b.ID) })
	merged := make([]*tracked, 0, len(s.sorted)+len(s.touched))
	rest := s.sorted
	for _, t := range s.touched {
		i, found := slices.BinarySearchFunc(rest, t.ID, func(l *tracked, id LockID) int { return l.ID.Compare(id) })
		merged = append(merged, rest[:i]...)
		if found {
			i++
		}
		rest = rest[i:]
		if t.exists() {
			merged = append(merged, t)
		}
	}
	merged = append(merged, rest...)
	list := make([]Lock, len(merged))
	for i := range list {
		list[i] = merged[i].Lock
	}
	return merged, list
}
