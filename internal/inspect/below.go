package inspect

import (
	"slices"
	"strings"

	"github.com/tidwall/btree"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// belowLocks is all keys below a prefix, and of each lock the keys below its name that
// are not its requests. It keeps about 100 bytes and the key for each key, because any
// name can become a lock's, in whose way keys are that exist already.
type belowLocks struct {
	keys    *btree.BTreeG[stored]
	locks   map[LockID][]stored // by place
	names   map[string][]LockID // the locks, by name
	lengths map[int]int         // how many names have that length
}

// newBelowLocks returns the keys, which have to be sorted, without locks.
func newBelowLocks(keys []stored) *belowLocks {
	b := &belowLocks{
		keys:    btree.NewBTreeGOptions(func(a, b stored) bool { return a.key < b.key }, btree.Options{NoLocks: true}),
		locks:   map[LockID][]stored{},
		names:   map[string][]LockID{},
		lengths: map[int]int{},
	}
	for _, k := range keys {
		b.keys.Load(k)
	}
	return b
}

// add adds a lock, given the keys below its name by place.
func (b *belowLocks) add(id LockID, below []stored) {
	b.locks[id] = below
	if len(b.names[id.Name]) == 0 {
		b.lengths[len(id.Name)]++
	}
	b.names[id.Name] = append(b.names[id.Name], id)
}

// remove removes a lock, if it was added.
func (b *belowLocks) remove(id LockID) {
	if _, ok := b.locks[id]; !ok {
		return
	}
	delete(b.locks, id)
	b.names[id.Name] = slices.DeleteFunc(b.names[id.Name], func(other LockID) bool { return other == id })
	if len(b.names[id.Name]) > 0 {
		return
	}
	delete(b.names, id.Name)
	if b.lengths[len(id.Name)]--; b.lengths[len(id.Name)] == 0 {
		delete(b.lengths, len(id.Name))
	}
}

// of returns the keys below a lock's name, by place. It adds the lock if it is new.
func (b *belowLocks) of(id LockID) []stored {
	below, ok := b.locks[id]
	if !ok {
		below = belowName(id, b.under(id.Layout.Dir(id.Name)))
		b.add(id, below)
	}
	return below
}

// under returns the keys that begin with a text, by key.
func (b *belowLocks) under(dir string) []stored {
	start, end := keyspace.PrefixRange(dir)
	var keys []stored
	b.keys.Ascend(stored{key: start}, func(k stored) bool {
		if k.key >= end {
			return false
		}
		keys = append(keys, k)
		return true
	})
	return keys
}

// apply takes in an event, given the lock that the key is a request for then, if it is
// one. It returns the locks below whose names the key is.
func (b *belowLocks) apply(ev *clientv3.Event, lock *LockID) []LockID {
	if ev.Type == clientv3.EventTypePut {
		k := newStored(string(ev.Kv.Key), ev.Kv, true)
		k.lock = lock
		return b.put(k)
	}
	old, existed := b.keys.Delete(stored{key: string(ev.Kv.Key)})
	ids := b.locksAbove(old.key)
	if existed {
		for _, id := range ids {
			b.locks[id] = without(b.locks[id], old)
		}
	}
	return ids
}

// learn takes in the lease of a key, unless the key has changed since. It returns what
// apply returns.
func (b *belowLocks) learn(k stored) []LockID {
	if now, ok := b.keys.Get(k); !ok || now.modified != k.modified || now.leaseRead {
		return nil
	}
	return b.put(k)
}

func (b *belowLocks) put(k stored) []LockID {
	old, existed := b.keys.Set(k)
	ids := b.locksAbove(k.key)
	for _, id := range ids {
		if existed {
			b.locks[id] = without(b.locks[id], old)
		}
		if !k.isRequestOf(id) {
			i, _ := slices.BinarySearchFunc(b.locks[id], k, byPlace)
			b.locks[id] = slices.Insert(b.locks[id], i, k)
		}
	}
	return ids
}

// locksAbove returns the locks below whose names a key is. Most prefixes of a key have
// no lock's length, which is checked first: a key can have very many slashes.
func (b *belowLocks) locksAbove(key string) []LockID {
	var ids []LockID
	for name := range namesAbove(key) {
		if b.lengths[len(name)] == 0 {
			continue
		}
		for _, id := range b.names[name] {
			if strings.HasPrefix(key, id.Layout.Dir(name)) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// without returns keys, sorted by place, less one, if it is among them.
func without(keys []stored, k stored) []stored {
	i, found := slices.BinarySearchFunc(keys, k, byPlace)
	if !found {
		return keys
	}
	return slices.Delete(keys, i, i+1)
}
