package flight

import (
	"fmt"
	"slices"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// diff returns what leads from one snapshot to another. Locks that they share cost next
// to nothing.
func diff(before, after []inspect.Lock) []LockChange {
	var changes []LockChange
	for len(before) > 0 || len(after) > 0 {
		var from, to inspect.Lock
		c := inspect.CompareHeads(before, after, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
		if c <= 0 {
			from, before = before[0], before[1:]
		}
		if c >= 0 {
			to, after = after[0], after[1:]
		}
		if c == 0 && inspect.Same(from.Queue, to.Queue) && sameBeside(from, to) {
			continue
		}
		if change := diffLock(from, to); !change.empty() {
			changes = append(changes, change)
		}
	}
	return changes
}

func sameBeside(a, b inspect.Lock) bool {
	return a.MoreOthers == b.MoreOthers && slices.Equal(a.Candidates, b.Candidates) &&
		(inspect.Same(a.Others, b.Others) || slices.Equal(a.Others, b.Others))
}

// diffLock is diff for one lock, which may be missing before or after.
func diffLock(before, after inspect.Lock) LockChange {
	id := after.ID
	if len(after.Queue) == 0 {
		id = before.ID
	}
	change := LockChange{Name: Text(id.Name), Layout: id.Layout.String()}
	if len(before.Queue) == 0 {
		change.Put = make([]Request, 0, len(after.Queue))
	}
	old := make(map[string]inspect.Request, len(before.Queue))
	for _, r := range before.Queue {
		old[r.Key] = r
	}
	for _, r := range after.Queue {
		if was, ok := old[r.Key]; !ok || was != r {
			change.Put = append(change.Put, newRequest(r, true))
		}
		delete(old, r.Key)
	}
	for _, r := range before.Queue {
		if _, left := old[r.Key]; left {
			change.Gone = append(change.Gone, Text(r.Key))
		}
	}
	if len(after.Queue) > 0 && !sameBeside(before, after) {
		change.Beside = newBeside(after)
	}
	return change
}

// changesOf returns what a step has changed.
func changesOf(step inspect.Step) []LockChange {
	var changes []LockChange
	for _, l := range step.Locks {
		id := l.After.ID
		change := LockChange{Name: Text(id.Name), Layout: id.Layout.String()}
		put := map[string]bool{}
		for _, p := range l.Put {
			put[p.Request.Key] = true
			change.Put = append(change.Put, newRequest(p.Request, true))
		}
		for _, g := range l.Gone {
			if !put[g.Request.Key] {
				change.Gone = append(change.Gone, Text(g.Request.Key))
			}
		}
		if l.Aside {
			change.Beside = newBeside(l.After)
		}
		if !change.empty() {
			changes = append(changes, change)
		}
	}
	return changes
}

func newBeside(l inspect.Lock) *Beside {
	return &Beside{Others: newRequests(l.Others, false), MoreOthers: l.MoreOthers, Candidates: texts(l.Candidates)}
}

func (c LockChange) empty() bool { return len(c.Gone) == 0 && len(c.Put) == 0 && c.Beside == nil }

// picture is the locks of a recording at a place in it.
type picture struct {
	rules    *layout.Set
	prefixes keyspace.Prefixes
	revision int64
	other    int
	locks    map[inspect.LockID]*inspect.Lock // some have no requests any more
	numbers  numbers
}

func newPicture(rules *layout.Set) *picture {
	return &picture{rules: rules, locks: map[inspect.LockID]*inspect.Lock{}}
}

// change applies what has changed of a lock.
func (p *picture) change(c LockChange) error {
	id, err := lockID(p.rules, c.Name, c.Layout)
	if err != nil {
		return err
	}
	lock := p.lock(id)
	if lock.Queue, err = p.queue(lock.Queue, c, id); err != nil {
		return err
	}
	if len(lock.Queue) == 0 {
		*lock = inspect.Lock{ID: id}
		return nil
	}
	if c.Beside != nil {
		lock.MoreOthers, lock.Candidates, lock.Others = c.Beside.MoreOthers, stringsOf(c.Beside.Candidates), nil
		for _, o := range c.Beside.Others {
			other, err := o.request(p.rules, inspect.LockID{})
			if err != nil {
				return err
			}
			lock.Others = append(lock.Others, other)
		}
	}
	return nil
}

// queue returns a queue after a change. It changes the queue in place.
func (p *picture) queue(queue []inspect.Request, c LockChange, id inspect.LockID) ([]inspect.Request, error) {
	replaced := make(map[string]bool, len(c.Gone)+len(c.Put))
	for _, key := range c.Gone {
		replaced[string(key)] = true
	}
	for _, r := range c.Put {
		replaced[string(r.Key)] = true
	}
	queue = slices.DeleteFunc(queue, func(r inspect.Request) bool { return replaced[r.Key] })
	for _, record := range c.Put {
		r, err := record.request(p.rules, id)
		if err != nil {
			return nil, err
		}
		if r.Mode == 0 {
			return nil, fmt.Errorf("the request %q has the mode %q", record.Key, record.Mode)
		}
		i, _ := slices.BinarySearchFunc(queue, r, inspect.ByPlace)
		queue = slices.Insert(queue, i, r)
	}
	return queue, nil
}

// clone returns a copy, which does not change with the picture.
func (p *picture) clone() *picture {
	c := *p
	c.numbers, c.locks = numbers{}, make(map[inspect.LockID]*inspect.Lock, len(p.locks))
	for id, l := range p.locks {
		copied := *l
		copied.Queue = slices.Clone(l.Queue)
		c.locks[id] = &copied
	}
	return &c
}

// snapshot returns the picture as a value. The picture must not change after that.
func (p *picture) snapshot() inspect.Snapshot {
	s := inspect.Snapshot{Prefixes: p.prefixes, Revision: p.revision, Other: p.other, Locks: make([]inspect.Lock, 0, len(p.locks))}
	for _, l := range p.locks {
		if len(l.Queue) > 0 {
			s.Locks = append(s.Locks, *l)
		}
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	return s
}
