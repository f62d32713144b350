package rwlock

import (
	"cmp"
	"slices"

	"etcd-lock/internal/keyspace"
)

// lineup is the queue of a lock: its requests, at one revision of etcd. What a change of
// it costs does not depend on how long it is.
type lineup struct {
	revs    map[string]int64 // create revisions by key
	readers ordered[keyRev]
	writers ordered[keyRev]
}

func newLineup() *lineup {
	l := &lineup{revs: map[string]int64{}}
	isOver := func(k keyRev) bool { return l.revs[k.key] != k.rev }
	l.readers.isOver, l.writers.isOver = isOver, isOver
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
	if _, first, ok := l.writers.first(); ok && first < rev {
		return true
	}
	_, first, ok := l.readers.first()
	return mode == Write && ok && first < rev
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
