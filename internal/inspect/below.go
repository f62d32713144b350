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
	sorted  []stored // all keys, until they are in a tree
	tree    *btree.BTreeG[stored]
	locks   map[LockID][]stored // by place
	names   map[string][]LockID // the locks, by name
	lengths []int               // how many names have that length
}

// newBelowLocks returns the keys, which have to be sorted, with room for so many locks.
func newBelowLocks(keys []stored, locks int) *belowLocks {
	return &belowLocks{sorted: keys, locks: make(map[LockID][]stored, locks), names: make(map[string][]LockID, locks)}
}

// keys returns all keys. They are put into a tree when it is first asked for: a million take
// a second, in which what was read is shown already.
//
// Nodes of the tree are split in halves, and of keys in their order the first half stays as
// it is: so every other key fills them up afterwards.
func (b *belowLocks) keys() *btree.BTreeG[stored] {
	if b.tree != nil {
		return b.tree
	}
	b.tree = btree.NewBTreeGOptions(func(a, b stored) bool { return a.key < b.key }, btree.Options{NoLocks: true})
	for first, add := range []func(stored) (stored, bool){b.tree.Load, b.tree.Set} {
		for i := first; i < len(b.sorted); i += 2 {
			add(b.sorted[i])
		}
	}
	b.sorted = nil
	return b.tree
}

// add adds a lock, given the keys below its name by place.
func (b *belowLocks) add(id LockID, below []stored) {
	b.locks[id] = below
	if len(b.names[id.Name]) == 0 {
		b.lengths = append(b.lengths, make([]int, max(0, len(id.Name)+1-len(b.lengths)))...)
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
	b.lengths[len(id.Name)]--
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
	b.keys().Ascend(stored{key: start}, func(k stored) bool {
		if k.key >= end {
			return false
		}
		keys = append(keys, k)
		return true
	})
	return keys
}

// apply takes in an event of a key, given the lock that the key is a request for then, if
// it is one, and whether it is cut. It returns the key as it was, and the locks below whose
// names it is.
func (b *belowLocks) apply(ev *clientv3.Event, key string, lock *tracked, cut bool) (old stored, above []LockID) {
	if ev.Type == clientv3.EventTypePut {
		k := newStored(ev.Kv, key, true)
		k.cut = cut
		if lock != nil {
			k.lock = &lock.ID
		}
		return b.put(k)
	}
	old, existed := b.keys().Delete(stored{key: key})
	above = b.locksAbove(key)
	if existed {
		for _, id := range above {
			b.forget(id, old)
		}
	}
	return old, above
}

// learn takes in the lease of a key, unless the key has changed since. It returns the
// locks below whose names it is.
func (b *belowLocks) learn(k stored) (above []LockID) {
	now, ok := b.keys().Get(k)
	if !ok || now.modified != k.modified || now.leaseRead {
		return nil
	}
	_, above = b.put(k)
	return above
}

// put takes in a key. It returns what apply returns.
func (b *belowLocks) put(k stored) (old stored, above []LockID) {
	old, existed := b.keys().Set(k)
	above = b.locksAbove(k.key)
	for _, id := range above {
		if existed {
			b.forget(id, old)
		}
		if !k.isRequestOf(id) {
			i, _ := slices.BinarySearchFunc(b.locks[id], k, byPlace)
			b.locks[id] = slices.Insert(b.locks[id], i, k)
		}
	}
	return old, above
}

// forget takes a key out of those below a lock's name.
func (b *belowLocks) forget(id LockID, k stored) {
	if !k.isRequestOf(id) {
		b.locks[id] = without(b.locks[id], k)
	}
}

// locksAbove returns the locks below whose names a key is. Most prefixes of a key have
// no lock's length, which is checked first: a key can have very many slashes.
func (b *belowLocks) locksAbove(key string) []LockID {
	var ids []LockID
	for name := range namesAbove(key) {
		if len(name) >= len(b.lengths) {
			break
		}
		if b.lengths[len(name)] == 0 {
			continue
		}
		named := b.names[name]
		if len(named) == 1 && ids == nil && isBelow(key, named[0]) {
			ids = named[:1:1] // which is all, mostly
			continue
		}
		for _, id := range named {
			if isBelow(key, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// isBelow reports whether a key is below a lock's name.
func isBelow(key string, id LockID) bool { return strings.HasPrefix(key, id.Layout.Dir(id.Name)) }

// without returns keys, sorted by place, less one, if it is among them.
func without(keys []stored, k stored) []stored {
	i, found := slices.BinarySearchFunc(keys, k, byPlace)
	if !found {
		return keys
	}
	return slices.Delete(keys, i, i+1)
}
