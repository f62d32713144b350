package inspect

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// MaxOthers bounds Lock.Others.
const MaxOthers = 64

// stored is a key as far as it can be in the way of requests.
type stored struct {
	key               string
	created, modified int64
	lease             int64
	leaseRead         bool    // lease is known
	cut               bool    // see Request.Cut
	lock              *LockID // that the key is a request for; nil if it is none
}

// newStored returns what is known of a key, given its name.
func newStored(kv *mvccpb.KeyValue, key string, leaseRead bool) stored {
	return stored{
		key: key, created: kv.CreateRevision, modified: kv.ModRevision,
		lease: kv.Lease, leaseRead: leaseRead || kv.Lease != 0,
	}
}

// isRequestOf reports whether the key is a request for a lock.
func (k stored) isRequestOf(id LockID) bool { return k.lock != nil && *k.lock == id }

// request returns the key as one of Lock.Others, given the queue of the lock that it is
// a request for, if it is one.
func (k stored) request(queue []Request) Request {
	if i := slices.IndexFunc(queue, func(r Request) bool { return r.Key == k.key }); i >= 0 {
		return queue[i].aside()
	}
	return Request{Key: k.key, Lease: k.lease, LeaseUnknown: !k.leaseRead, Revision: k.created, Modified: k.modified, Cut: k.cut}
}

// aside returns a request as one of Lock.Others: without what changes with its own
// lock.
func (r Request) aside() Request {
	r.Holding, r.Since, r.Seen, r.Saw = false, r.Owner.Time, time.Time{}, false
	return r
}

// findKey returns the key of that name among keys, which must be sorted by key, or nil.
func findKey(keys []stored, key string) *stored {
	i, ok := indexKey(keys, key)
	if !ok {
		return nil
	}
	return &keys[i]
}

// indexKey returns where a key is, if it is there, in keys that are sorted.
func indexKey(keys []stored, key string) (int, bool) {
	return slices.BinarySearchFunc(keys, key, func(k stored, key string) int { return strings.Compare(k.key, key) })
}

// namesAbove yields the names that a key is below: of locks that may exist or not.
func namesAbove(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range len(key) {
			if key[i] == '/' && !yield(key[:i]) {
				return
			}
		}
	}
}

// byPlace orders keys as ByPlace orders requests.
func byPlace(a, b stored) int {
	return cmp.Or(cmp.Compare(a.created, b.created), strings.Compare(a.key, b.key))
}

// withPrefix returns those of keys, which must be sorted by key, that begin with a prefix.
func withPrefix(keys []stored, prefix string) []stored {
	from := sort.Search(len(keys), func(i int) bool { return keys[i].key >= prefix })
	n := sort.Search(len(keys)-from, func(i int) bool { return !strings.HasPrefix(keys[from+i].key, prefix) })
	return keys[from : from+n]
}

// belowName returns the keys below a lock's name, which must be sorted by key, but not
// its requests, by place.
func belowName(id LockID, keys []stored) []stored {
	var below []stored
	for _, k := range withPrefix(keys, id.Layout.Dir(id.Name)) {
		if !k.isRequestOf(id) {
			below = append(below, k)
		}
	}
	slices.SortFunc(below, byPlace)
	return below
}

// inTheWay returns those of the keys below a lock's name, by place, that any request
// of its queue waits for: the first MaxOthers, and how many more there are.
func inTheWay(queue []Request, below []stored) (first []stored, more int) {
	if len(queue) == 0 || len(below) == 0 {
		return nil, 0
	}
	last := lastOfEachKind(queue)
	end := queue[len(queue)-1].Revision // nobody waits for what was created later
	for _, k := range below {
		if k.created >= end {
			break
		}
		if !slices.ContainsFunc(last, func(w layout.Waiter) bool { return w.WaitsFor(k.key, k.created) }) {
			continue
		}
		if len(first) < MaxOthers {
			first = append(first, k)
		} else {
			more++
		}
	}
	return first, more
}

// lastOfEachKind returns the last request of each kind that waits by rules of its
// own. Whatever an earlier request waits for, the last of its kind does too.
func lastOfEachKind(queue []Request) []layout.Waiter {
	type kind struct {
		owned bool
		mode  keyspace.Mode
	}
	kinds := 4
	if queue[0].Lock.Layout.Kind != layout.RW {
		kinds = 1
	}
	seen := map[kind]bool{}
	var last []layout.Waiter
	for _, r := range slices.Backward(queue) {
		if k := (kind{r.Owned, r.Mode}); !seen[k] {
			seen[k] = true
			last = append(last, r.waiter())
		}
		if len(last) == kinds {
			break
		}
	}
	return last
}

func (r Request) waiter() layout.Waiter {
	return layout.Waiter{Rule: r.Lock.Layout, Lock: r.Lock.Name, Mode: r.Mode, Owned: r.Owned, Revision: r.Revision}
}

// WaitsFor reports whether the client of r waits until the key of another request,
// which is not in r's queue, is deleted.
func (r Request) WaitsFor(other Request) bool {
	return r.waiter().WaitsFor(other.Key, other.Revision)
}

// waitsForAny reports whether the client of r waits for any of some requests.
func (r *Request) waitsForAny(others []Request) bool {
	return len(others) > 0 && slices.ContainsFunc(others, r.WaitsFor)
}

// MayIgnore reports whether r waits for a key by WaitsFor, but may not do so any more,
// because the key was written again: see layout.Waiter.
func (r Request) MayIgnore(other Request) bool {
	return r.Lock.Layout == layout.RWLock && !r.Owned && r.WaitsFor(other) && other.Modified > r.Revision
}

// IsRequest reports whether r is a lock request. Among Lock.Others are other keys too.
func (r Request) IsRequest() bool { return r.Lock != LockID{} }

// IsDetached reports whether a key that is in the way of a mutex looks like one of its
// requests that was written again without its lease: its client holds the mutex or
// waits for it, and does not release the key by ending.
func (l Lock) IsDetached(other Request) bool {
	id, ok := strings.CutPrefix(other.Key, l.ID.Layout.Dir(l.ID.Name))
	return ok && l.ID.Layout.Kind == layout.Queue && !other.LeaseUnknown && !other.Cut && keyspace.IsLeaseID(id)
}

// AsOther says in words what a key is that is in the way of requests, and does not count as a
// request.
func (r Request) AsOther() string {
	if !r.Cut {
		return "not a lock request"
	}
	k, ok := keyspace.ParseRWLock(r.Key)
	if !ok {
		k, ok = keyspace.ParseSlot(r.Key)
	}
	if !ok {
		return "a request for a lock of which only a part was read"
	}
	return "a request for " + format.Name(k.Name) + ", of which only a part was read"
}

// others returns Lock.Others and Lock.MoreOthers.
func (s *state) others(lock Lock) (others []Request, more int) {
	first, more := inTheWay(lock.Queue, s.below.of(lock.ID))
	for _, k := range first {
		r, ok := s.requestOf(k)
		if !ok {
			r = k.request(nil)
		}
		others = append(others, r.aside())
	}
	return others, more
}

// Above returns the lock with the shortest name above a name that keys in the way of its
// locks can be requests for, if they were not read as such: not all keys of that lock were.
func (s Snapshot) Above(name string) (above string, ok bool) {
	for _, l := range s.Named(name) {
		for _, o := range l.Others {
			if o.IsRequest() {
				continue
			}
			for _, lock := range s.rules.Locks(o.Key) {
				if strings.HasPrefix(name, lock+"/") && (!ok || len(lock) < len(above)) {
					above, ok = lock, true
				}
			}
		}
	}
	return above, ok
}

// maxAbsent bounds Absence.Keys and Absence.Names.
const maxAbsent = 3

// Absence is what begins with a name that no lock has.
type Absence struct {
	Count  int       // keys that begin with the name
	Others int       // how many of them do not count as lock requests
	Cut    int       // how many of those are requests for locks of which only a part was read
	Keys   []Request // the first few of those
	Names  []string  // of the first few locks whose keys begin with it

	Candidates []string // the clients that would like to have the lock, by keys beside it

	KeyOnly bool // the user may read the key of that name only, of those that begin with it
}

// Absence looks for what begins with a name that no lock has, at a revision, or now
// when that is 0. Without any such key, a lock of that name is free.
func (s *Source) Absence(ctx context.Context, name string, revision int64) (Absence, error) {
	snapshot, err := s.SnapshotAt(ctx, revision, name)
	if err != nil {
		return Absence{}, err
	}
	return s.AbsenceIn(ctx, snapshot, name, revision > 0)
}

// AbsenceIn is Absence in a snapshot that was read before, of now or of the past. It
// reads leases of keys only. The snapshot has to have all keys that begin with the name.
func (s *Source) AbsenceIn(ctx context.Context, snapshot Snapshot, name string, past bool) (Absence, error) {
	a := snapshot.absence(name)
	kvs, err := leaseReader{kv: s.client, revision: snapshot.Revision, past: past}.read(ctx, a.Keys)
	if err != nil {
		return Absence{}, fmt.Errorf("inspect: leases of keys: %w", err)
	}
	leasesOf(kvs).setOn(a.Keys)
	return a, nil
}

// absence is AbsenceIn with unknown leases.
func (s Snapshot) absence(name string) Absence {
	var a Absence
	for _, p := range s.Partial {
		a.KeyOnly = a.KeyOnly || strings.HasPrefix(name, p.Prefix) && !p.Below && !p.None
	}
	for id := range s.beside.candidates {
		if id.Name == name {
			a.Candidates = append(a.Candidates, s.beside.of(Lock{ID: id})...)
		}
	}
	slices.Sort(a.Candidates)
	a.Candidates = slices.Compact(a.Candidates)
	for _, k := range withPrefix(s.keys, name) {
		a.Count++
		if k.lock == nil {
			a.Others++
		}
		if k.cut {
			a.Cut++
		}
		switch {
		case k.lock == nil && len(a.Keys) < maxAbsent:
			a.Keys = append(a.Keys, k.request(nil))
		case k.lock != nil && len(a.Names) < maxAbsent && !slices.Contains(a.Names, k.lock.Name):
			a.Names = append(a.Names, k.lock.Name)
		}
	}
	return a
}

// WouldBlock returns what a request would wait for, by place, that is not in the
// snapshot. It has to be a snapshot that was read, not watched, with all keys below the
// request's name.
func (s Snapshot) WouldBlock(r Request) []Request {
	l, _ := s.Find(r.Lock)
	l.Queue = append(slices.Clone(l.Queue), r)
	l.Others = nil
	below, _ := inTheWay(l.Queue, belowName(r.Lock, s.keys))
	for _, k := range below {
		l.Others = append(l.Others, s.request(k))
	}
	return l.Blockers(len(l.Queue) - 1)
}

// request returns a key as one of Lock.Others.
func (s Snapshot) request(k stored) Request {
	var l Lock
	if k.lock != nil {
		l, _ = s.Find(*k.lock)
	}
	return k.request(l.Queue)
}
