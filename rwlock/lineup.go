package rwlock

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// lineup is the queue of a lock: its requests, at one revision of etcd. What a change of
// it costs does not depend on how long it is.
type lineup struct {
	revs    map[string]int64 // create revisions by key
	readers ordered[keyRev]
	writers ordered[keyRev]
	slots   ordered[slotAt] // of a semaphore, which has no others
}

func newLineup() *lineup {
	l := &lineup{revs: map[string]int64{}}
	isOver := func(k keyRev) bool { return l.revs[k.key] != k.rev }
	l.readers.isOver, l.writers.isOver = isOver, isOver
	l.slots.isOver = func(s slotAt) bool { return isOver(s.keyRev) }
	return l
}

// add adds a request that was created at a revision, unless it is there already. An
// earlier one with the same key is over.
func (l *lineup) add(key string, mode keyspace.Mode, rev int64) {
	if l.revs[key] == rev {
		return
	}
	l.revs[key] = rev
	if mode == keyspace.Write {
		l.writers.add(keyRev{key: key, rev: rev}, rev)
	} else {
		l.readers.add(keyRev{key: key, rev: rev}, rev)
	}
}

// remove removes a request.
func (l *lineup) remove(key string) { delete(l.revs, key) }

// blocks reports whether a request in a mode that was created at a revision has to wait for
// another one.
func (l *lineup) blocks(mode Mode, rev int64) bool {
	if mode == Slot {
		return l.blocksSlot(rev)
	}
	if _, first, ok := l.writers.first(); ok && first < rev {
		return true
	}
	_, first, ok := l.readers.first()
	return mode == Write && ok && first < rev
}

// addKey adds the request that a key is, and reports false when it is none for the lock name.
func (l *lineup) addKey(name, key string, rev int64) bool {
	parsed, ok := keyspace.ParseRWLock(key)
	if !ok || parsed.Name != name {
		return false
	}
	l.add(key, parsed.Mode, rev)
	return true
}

// queuePage is how many keys of each mode are read at a time.
const queuePage = 2000

// readLineup reads the whole queue of a lock from the leader, at one revision, and how many
// keys there are that are no requests for it.
func readLineup(ctx context.Context, client *clientv3.Client, id queueID) (q *lineup, rev int64, noise int, err error) {
	q = newLineup()
	add := func(kvs []*mvccpb.KeyValue) (next string) {
		for _, kv := range kvs {
			if next = string(kv.Key) + "\x00"; !q.addKV(id, kv) {
				noise++
			}
		}
		return next
	}
	page := func(from, dir string, opts ...clientv3.OpOption) clientv3.Op {
		if !id.slots {
			opts = append(opts, clientv3.WithKeysOnly())
		}
		return clientv3.OpGet(from, append(opts, clientv3.WithRange(clientv3.GetPrefixRangeEnd(dir)), clientv3.WithLimit(queuePage))...)
	}
	dirs := id.dirs()
	var first []clientv3.Op
	for _, dir := range dirs {
		first = append(first, page(dir, dir))
	}
	resp, err := client.Txn(ctx).Then(first...).Commit()
	if err != nil {
		return nil, 0, 0, err
	}
	for i, reply := range resp.Responses {
		kvs, more := reply.GetResponseRange().Kvs, reply.GetResponseRange().More
		for from := add(kvs); more; from = add(kvs) {
			next, err := client.Do(ctx, page(from, dirs[i], clientv3.WithRev(resp.Header.Revision)))
			if err != nil {
				return nil, 0, 0, err
			}
			kvs, more = next.Get().Kvs, next.Get().More
		}
	}
	return q, resp.Header.Revision, noise, nil
}

// ordered holds elements by revision. One that is over is removed when it is the first, or
// when there may be many.
type ordered[T any] struct {
	isOver   func(T) bool
	elements []revised[T]
	enough   int // when there are so many, those that are over are removed
}

type revised[T any] struct {
	element T
	rev     int64
}

// add adds an element. It costs little if most elements with later revisions are added
// later.
func (o *ordered[T]) add(element T, rev int64) {
	if len(o.elements) >= o.enough {
		o.elements = slices.DeleteFunc(o.elements, func(r revised[T]) bool { return o.isOver(r.element) })
		o.enough = 2*len(o.elements) + 64
	}
	i := len(o.elements)
	if i > 0 && o.elements[i-1].rev > rev {
		i, _ = slices.BinarySearchFunc(o.elements, rev, func(r revised[T], rev int64) int { return cmp.Compare(r.rev, rev) })
	}
	o.elements = slices.Insert(o.elements, i, revised[T]{element, rev})
}

// first returns the first element, and its revision.
func (o *ordered[T]) first() (element T, rev int64, ok bool) {
	for len(o.elements) > 0 {
		if first := o.elements[0]; !o.isOver(first.element) {
			return first.element, first.rev, true
		}
		o.elements = o.elements[1:]
	}
	return element, 0, false
}

// upTo returns the elements up to a revision, in their order. Those before them that are over
// are removed.
func (o *ordered[T]) upTo(rev int64) iter.Seq[T] {
	return func(yield func(T) bool) {
		over, i := 0, 0
		defer func() {
			if over == 0 {
				return
			}
			live := slices.DeleteFunc(slices.Clone(o.elements[:i]), func(r revised[T]) bool { return o.isOver(r.element) })
			o.elements = o.elements[over:]
			copy(o.elements, live)
		}()
		for ; i < len(o.elements) && o.elements[i].rev <= rev; i++ {
			if o.isOver(o.elements[i].element) {
				over++
			} else if !yield(o.elements[i].element) {
				return
			}
		}
	}
}
