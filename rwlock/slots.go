package rwlock

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// slot is what a request takes of a semaphore.
type slot struct {
	weight  int
	permits int // how many there are, as the request says
}

// slotAt is a request for a semaphore, as it is in etcd.
type slotAt struct {
	keyRev
	slot
}

// readSlot reads a request for the semaphore called name. It reports false for another key.
func readSlot(name string, kv *mvccpb.KeyValue) (slotAt, bool) {
	key, ok := keyspace.ParseSlot(string(kv.Key))
	if !ok || key.Name != name {
		return slotAt{}, false
	}
	owner, _ := keyspace.DecodeOwner(kv.Value)
	s := slotAt{keyRev{key: string(kv.Key), rev: kv.CreateRevision}, slot{weight: owner.Weight, permits: owner.Permits}}
	return s, owner.IsSlots()
}

// demand is what some requests of a semaphore take together. The smallest number of permits
// that any of them says counts for all, so that clients that disagree about it never hold
// more than each of them allows.
type demand struct{ weight, permits int }

// with returns the demand with one request more.
func (d demand) with(s slot) demand {
	return demand{weight: d.weight + s.weight, permits: min(d.permits, s.permits)}
}

// fits reports whether all the requests can be granted at once.
func (d demand) fits() bool { return d.weight <= d.permits }

// demand returns what a request on its own takes.
func (s slot) demand() demand { return demand(s) }

// blockersOf returns the requests for a semaphore of which at least one has to be deleted
// before s is granted: as few of the last ones ahead of it as take too many permits together.
// There are none if s and all of them fit. The requests ahead have to be ordered, the last one
// first.
func blockersOf(s slot, ahead []slotAt) []keyRev {
	var blockers []keyRev
	all := s.demand()
	for _, a := range ahead {
		blockers = append([]keyRev{a.keyRev}, blockers...)
		if all = all.with(a.slot); !all.fits() {
			return blockers
		}
	}
	return nil
}

// queueState reads the replies to e's queueOps, for e created at revision rev.
func (e *entry) queueState(replies []*etcdserverpb.ResponseOp, rev int64) queueState {
	if e.mode != Slot {
		return newQueueState(replies, e.name, rev)
	}
	r := replies[0].GetResponseRange()
	var ahead []slotAt
	for _, kv := range r.Kvs { // the last one first
		if s, ok := readSlot(e.name, kv); ok && s.rev < rev {
			ahead = append(ahead, s)
		}
	}
	blockers := blockersOf(e.slot, ahead)
	return queueState{predecessors: blockers, complete: !r.More, further: len(ahead) - len(blockers), length: r.Count}
}

// maxSlots is how many requests ahead of one for a semaphore are read in one transaction, if
// their number tells whether it is granted.
const maxSlots = 1000

// limit returns how many of the last requests ahead of e are read, when limit are for other
// locks; 0 is all of them. For a semaphore, it is as many as cannot all be granted with e,
// whatever their weights are.
func (e *entry) limit(limit int64) int64 {
	if e.mode != Slot || limit == 0 {
		return limit
	}
	return min(max(limit, int64(e.slot.permits-e.slot.weight+1)), maxSlots)
}

// blocksSlot reports whether a request for a semaphore, which is in the queue since revision
// rev, has to wait. It looks at no more requests than there are permits, beside those that are
// over.
func (l *lineup) blocksSlot(rev int64) bool {
	all := demand{permits: keyspace.MaxPermits}
	for s := range l.slots.upTo(rev) {
		if all = all.with(s.slot); !all.fits() {
			return true
		}
	}
	return false
}

// addKV adds the request that a key is, and reports false when it is none for the queue's lock.
func (l *lineup) addKV(id queueID, kv *mvccpb.KeyValue) bool {
	if !id.slots {
		return l.addKey(id.name, string(kv.Key), kv.CreateRevision)
	}
	s, ok := readSlot(id.name, kv)
	if ok && l.revs[s.key] != s.rev {
		l.revs[s.key] = s.rev
		l.slots.add(s, s.rev)
	}
	return ok
}

// queueID identifies a queue. A read/write lock and a semaphore of the same name have each one
// of their own.
type queueID struct {
	name  string
	slots bool // of a semaphore
}

func (e *entry) queueID() queueID { return queueID{name: e.name, slots: e.mode == Slot} }

// dirs returns what the keys of a queue begin with, in the order of the keys.
func (q queueID) dirs() []string {
	if q.slots {
		return []string{keyspace.Dir(q.name, keyspace.Slot)}
	}
	return []string{keyspace.Dir(q.name, keyspace.Read), keyspace.Dir(q.name, keyspace.Write)}
}

// otherKindOps reads a few of the requests for read/write locks that have the names of the
// request's semaphores.
func (r *request) otherKindOps() []clientv3.Op {
	var ops []clientv3.Op
	for _, e := range r.entries {
		if e.mode != Slot {
			continue
		}
		for _, dir := range (queueID{name: e.name}).dirs() {
			ops = append(ops, clientv3.OpGet(dir, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(maxPredecessors)))
		}
	}
	return ops
}

// otherKind returns ErrOtherKind if one of the replies has what otherKindOps looks for.
func (r *request) otherKind(replies []*etcdserverpb.ResponseOp) error {
	for _, e := range r.entries {
		if e.mode != Slot {
			continue
		}
		for _, reply := range replies {
			for _, kv := range reply.GetResponseRange().GetKvs() {
				if k, ok := keyspace.ParseRWLock(string(kv.Key)); ok && k.Name == e.name {
					return ErrOtherKind
				}
			}
		}
	}
	return nil
}

// weight returns how many permits are requested.
func (l LockRequest) weight() int {
	if l.Mode == Slot && l.Weight == 0 {
		return 1
	}
	return l.Weight
}

// text names the lock requested, for errors.
func (l LockRequest) text() string {
	if l.Mode != Slot {
		return fmt.Sprintf("%s lock %s", l.Mode, quote(l.Name))
	}
	return permitsText(l.weight(), l.Permits, l.Name)
}

func permitsText(weight, permits int, name string) string {
	return fmt.Sprintf("%d of %d permits of semaphore %s", weight, permits, quote(name))
}

// check returns an error for a request that cannot be granted by any etcd.
func (l LockRequest) check() error {
	switch {
	case l.Name == "":
		return ErrInvalidName
	case l.Mode == Slot:
		if !(keyspace.Owner{Weight: l.weight(), Permits: l.Permits}).IsSlots() {
			return named(ErrInvalidPermits, l.text())
		}
		return nil
	case l.Mode != Read && l.Mode != Write:
		return ErrInvalidMode
	default:
		return nil
	}
}

// readSlots reads the queue of the entry's semaphore at a revision of at least rev, and reports
// whether a request waits: who holds permits is ahead of all that wait. It returns ErrLost when
// the entry's key does not exist.
func (o *waiters) readSlots(ctx context.Context, rev int64) (bool, error) {
	pool, at, _, err := readLineup(ctx, o.session.Client(), o.entry.queueID())
	switch {
	case err != nil:
		return false, err
	case at < rev: // of a server with other data
		return false, errWatchEnded
	case pool.revs[o.entry.key] != o.entry.rev:
		return false, ErrLost
	}
	o.pool, o.rev = pool, at
	return pool.blocksSlot(at), nil
}

// queuesSlot applies an event to the queue of a semaphore, and reports whether it is that of a
// request that waits. One that does not wait when it comes will not later.
func (o *waiters) queuesSlot(ev *clientv3.Event) bool {
	if ev.Type == clientv3.EventTypeDelete {
		o.pool.remove(string(ev.Kv.Key))
		return false
	}
	return ev.IsCreate() && o.pool.addKV(o.entry.queueID(), ev.Kv) && o.pool.blocksSlot(ev.Kv.CreateRevision)
}
