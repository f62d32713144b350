package inspect

import (
	"cmp"
	"slices"
	"strings"

	"etcd-lock/internal/keyspace"
)

// Same reports whether two lists of locks, or two queues, are one: snapshots share them, and
// they never change.
func Same[T Lock | Request](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// The functions below change a sorted queue in place. Whatever its length, they
// move next to nothing when a request leaves its head or joins its end, which are
// the usual cases.

// position returns the index of a request in a queue.
func position(queue []Request, r Request) (i int, found bool) {
	return slices.BinarySearchFunc(queue, r, ByPlace)
}

// remove removes requests from a queue. They have to be sorted, and in it.
func remove(queue, removed []Request) []Request {
	for len(removed) > 0 && queue[0].Key == removed[0].Key {
		queue[0] = Request{} // the queue's array keeps the memory
		queue, removed = queue[1:], removed[1:]
	}
	if len(removed) == 0 {
		return queue
	}
	first, _ := position(queue, removed[0])
	rest := slices.DeleteFunc(queue[first:], func(r Request) bool {
		found := len(removed) > 0 && r.Key == removed[0].Key
		if found {
			removed = removed[1:]
		}
		return found
	})
	return queue[:first+len(rest)]
}

// replace replaces requests whose keys were written again. They keep their
// standing, and since when the watch has seen it.
func replace(queue, rewritten []Request) {
	for _, r := range rewritten {
		i, _ := position(queue, r)
		r.keepSeen(queue[i])
		queue[i] = r
	}
}

// insert inserts requests at their places.
func insert(queue, added []Request) []Request {
	for _, r := range added {
		i, _ := position(queue, r)
		queue = slices.Insert(queue, i, r)
	}
	return queue
}

// reach returns the number of requests at the head of a queue that can hold, and can
// be marked as holding. Those after them cannot.
func reach(queue []Request) int {
	var h head
	for i := range queue {
		r := &queue[i]
		h.admits(r)
		if h.ends(r) {
			return i
		}
	}
	return len(queue)
}

// markHolders marks the holders, given other keys in the way, and returns the indexes
// of requests that this changes. Only the first n requests may be marked before.
func markHolders(queue, others []Request, n int) (changed []int) {
	var h head
	for i := range queue {
		r := &queue[i]
		holding := h.admits(r) && !r.waitsForAny(others)
		if h.ends(r) && i >= n {
			break
		}
		if r.Holding != holding {
			r.Holding = holding
			changed = append(changed, i)
		}
	}
	return changed
}

// own returns the lock's queue to be changed in place: a copy of it, with room for
// more, if a snapshot shares it.
func (t *tracked) own(more int) []Request {
	if t.touched {
		return t.Queue
	}
	return append(make([]Request, 0, len(t.Queue)+more), t.Queue...)
}

// head finds the holders of a queue, given its requests in order: those that no
// other request of the queue blocks.
type head struct {
	first, writer int64 // create revisions of the first request and of the first writer; 0 before them
	reader        int64 // the lease of all readers before the writer; 0 before them, and if they have several or none
	taken         Permits
}

// admits reports whether the next request of the queue holds. Where clients that wait
// leave no key, every request does.
func (h *head) admits(r *Request) bool {
	if !r.Lock.Layout.Waiters {
		return !r.Vacant()
	}
	if r.Mode == keyspace.Slot {
		h.taken.add(r)
		return h.taken.fit()
	}
	switch {
	case h.first == 0:
		h.first, h.reader = r.Revision, r.Lease
	case h.writer == 0 && r.Mode == keyspace.Read && r.Lease != h.reader:
		h.reader = 0
	}
	if r.Mode == keyspace.Read {
		return h.writer == 0 || r.Revision <= h.writer
	}
	if h.writer == 0 {
		h.writer = r.Revision
	}
	return r.Revision == h.first || r.Revision == h.writer && r.upgrades(h.reader)
}

// ends reports whether neither r nor any later request can hold.
func (h *head) ends(r *Request) bool {
	return h.writer != 0 && r.Revision > h.writer || r.Mode == keyspace.Slot && !h.taken.fit()
}

// Permits is what requests of a semaphore take together.
type Permits struct {
	Taken int
	Total int // as few as any of the requests says that there are
	Most  int // as many as any of them says
}

func (p *Permits) add(r *Request) {
	o := r.Owner.Value()
	if p.Total == 0 || o.Permits < p.Total {
		p.Total = o.Permits
	}
	p.Most = max(p.Most, o.Permits)
	p.Taken += o.Weight
}

// fit reports whether all the requests can hold at once.
func (p *Permits) fit() bool { return p.Taken <= p.Total }

// Permits returns what the holders of a semaphore take. It is the zero value for another lock,
// and where nobody holds it.
func (l Lock) Permits() Permits {
	var p Permits
	for i := range l.Queue {
		if r := &l.Queue[i]; r.Mode == keyspace.Slot && r.Holding {
			p.add(r)
		}
	}
	return p
}

// hasRoomFor reports whether the i-th request is for permits of a semaphore that are free.
func (l Lock) hasRoomFor(i int) bool {
	me := &l.Queue[i]
	if me.Mode != keyspace.Slot {
		return false
	}
	var all Permits
	all.add(me)
	for j := range l.Queue {
		if r := &l.Queue[j]; r.Revision < me.Revision {
			all.add(r)
		}
	}
	return all.fit()
}

// sortByPlace sorts a queue by place. Most are, and requests are large to be compared as copies.
func sortByPlace(queue []Request) {
	for i := 1; i < len(queue); i++ {
		if queue[i-1].ComparePlace(&queue[i]) > 0 {
			slices.SortFunc(queue, ByPlace)
			return
		}
	}
}

// ByPlace orders requests by their place in a queue.
func ByPlace(a, b Request) int { return a.ComparePlace(&b) }

// ComparePlace compares the places of requests in a queue. Requests of one transaction
// share a revision and so a place; the key only makes the order total.
func (r *Request) ComparePlace(to *Request) int {
	if c := cmp.Compare(r.Revision, to.Revision); c != 0 {
		return c
	}
	return strings.Compare(r.Key, to.Key)
}
