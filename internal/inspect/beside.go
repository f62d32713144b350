package inspect

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/layout"
)

// maxDependent bounds the values that are kept, in bytes: longer ones name no key that is
// on the same lease.
const maxDependent = 4 << 10

// beside is keys beside locks that say something about them: candidates, and keys that
// are requests only if another key is on the same lease.
type beside struct {
	dependent  map[string]*mvccpb.KeyValue
	candidates map[LockID]map[string]candidate // by key
	ofKey      map[string][]LockID             // the locks that a key is a candidate for
}

func newBeside() beside {
	return beside{
		dependent:  map[string]*mvccpb.KeyValue{},
		candidates: map[LockID]map[string]candidate{},
		ofKey:      map[string][]LockID{},
	}
}

// clone returns a copy that changes apart from b.
func (b *beside) clone() beside {
	c := newBeside()
	maps.Copy(c.dependent, b.dependent)
	for id, names := range b.candidates {
		c.candidates[id] = maps.Clone(names)
	}
	for key, ids := range b.ofKey {
		c.ofKey[key] = slices.Clone(ids)
	}
	return c
}

// add takes in a key that is new, by what the rules say of it.
func (b *beside) add(kv *mvccpb.KeyValue, found layout.Find) {
	key := string(kv.Key)
	if len(kv.Value) <= maxDependent && found.Depends {
		b.dependent[key] = kv
	}
	for _, c := range found.Candidates {
		id := LockID{Layout: c.Rule, Name: c.Lock}
		if b.candidates[id] == nil {
			b.candidates[id] = map[string]candidate{}
		}
		b.candidates[id][key] = candidate{name: c.Name, lease: kv.Lease}
		b.ofKey[key] = append(b.ofKey[key], id)
	}
}

// remove takes out a key. It returns the locks that may have changed.
func (b *beside) remove(key string) []LockID {
	if len(b.dependent)+len(b.ofKey) == 0 {
		return nil
	}
	delete(b.dependent, key)
	changed := b.ofKey[key]
	delete(b.ofKey, key)
	for _, id := range changed {
		delete(b.candidates[id], key)
		if len(b.candidates[id]) == 0 {
			delete(b.candidates, id)
		}
	}
	return changed
}

// of returns the names of a lock's candidates, without its holder.
func (b *beside) of(l Lock) []string {
	if len(b.candidates[l.ID]) == 0 {
		return nil
	}
	var names []string
	for _, c := range b.candidates[l.ID] {
		if !slices.ContainsFunc(l.Queue, c.holds) {
			names = append(names, c.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// candidate is a client that would like to have a lock.
type candidate struct {
	name  string
	lease int64
}

// holds reports whether a request is the candidate's.
func (c candidate) holds(r Request) bool {
	return c.lease != 0 && r.Lease == c.lease || r.Owner.Value().Label == c.name
}

// leaseOf implements layout.Leases.
func (s *state) leaseOf(key string) (int64, bool) {
	k, ok := s.below.keys().Get(stored{key: key})
	return k.lease, ok
}

// putBeside takes in an event of a key that may be beside locks. It has the locks that may
// have changed be looked at again.
func (s *state) putBeside(ev *clientv3.Event, key string, found layout.Find) {
	s.editAll(s.beside.remove(key))
	if ev.Type == clientv3.EventTypePut && (found.Depends || len(found.Candidates) > 0) {
		s.beside.add(ev.Kv, found)
		s.editAll(s.beside.ofKey[key])
	}
}

// reconsider looks again whether a key that depends on others is a request.
func (s *state) reconsider(key string, now time.Time) {
	kv := s.beside.dependent[key]
	k, ok := s.below.keys().Get(stored{key: key})
	if kv == nil || !ok {
		return
	}
	was := k.lock != nil
	next, is, cut := s.written(kv, key, s.rules.Find(layoutKV(kv, key), s.leaseOf), now)
	if k.cut != cut {
		k.cut = cut
		_, above := s.below.put(k)
		s.editAll(above)
	}
	switch {
	case is == was:
	case is:
		s.other--
		t := s.track(next.Lock)
		next.Lock = t.ID
		e := s.editOf(t)
		e.added = append(e.added, next)
		s.setLockOf(k, &t.ID)
	default:
		s.other++
		s.unjoin(k)
		s.setLockOf(k, nil)
	}
}

// unjoin makes a key no request any more, whether it was one before this revision or has
// just become one.
func (s *state) unjoin(k stored) {
	if old, ok := s.requestOf(k); ok {
		s.leave(old, true)
		return
	}
	e := s.editOf(s.track(*k.lock))
	e.added = slices.DeleteFunc(e.added, func(r Request) bool { return r.Key == k.key })
}

// setLockOf notes which lock a key is a request for.
func (s *state) setLockOf(k stored, lock *LockID) {
	k.lock = lock
	s.below.put(k)
}

// WithInfo returns locks with the owners of their holders that are in keys beside them, as
// the software of some layouts writes them. It reads these keys as of a revision, or now if
// that is 0.
func (s *Source) WithInfo(ctx context.Context, revision int64, locks []Lock) ([]Lock, error) {
	informed := slices.Clone(locks)
	for i, l := range informed {
		if len(l.Queue) == 0 || !l.Queue[0].Holding || l.Queue[0].Owned {
			continue
		}
		for _, key := range l.ID.Layout.InfoKeys(l.ID.Name) {
			found, err := s.client.Get(ctx, key, clientv3.WithRev(revision))
			if err != nil {
				return locks, fmt.Errorf("inspect: read %q: %w", key, err)
			}
			if len(found.Kvs) == 0 {
				continue
			}
			kv := layout.KV{Key: key, Value: found.Kvs[0].Value, Lease: found.Kvs[0].Lease}
			if o, ok := l.ID.Layout.InfoOwner(l.ID.Name, l.Queue[0].Key, kv); ok {
				informed[i].Queue = slices.Clone(l.Queue)
				informed[i].Queue[0].Owner, informed[i].Queue[0].Owned = o.Ref(), true
				break
			}
		}
	}
	return informed, nil
}
