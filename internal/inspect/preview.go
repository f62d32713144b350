package inspect

import (
	"maps"
	"slices"
)

// Preview is the effect of deleting requests.
type Preview struct {
	Gone    []*Request // the deleted requests, and other keys in the way of requests, by lock, then place
	Granted []Request  // the waiters that would hold their locks, in the same order
}

// Without is Preview for the requests with these keys, and for other keys in the way of
// requests. Keys that the snapshot does not have change nothing.
func (s Snapshot) Without(keys ...string) Preview {
	wanted := make(map[string]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
	}
	found := s.all(func(r *Request) bool { return wanted[r.Key] })
	for _, l := range s.Locks {
		for i := range l.Others {
			if o := &l.Others[i]; wanted[o.Key] && !o.IsRequest() {
				wanted[o.Key] = false // it may be in the way of several locks
				found = append(found, o)
			}
		}
	}
	return s.Preview(found)
}

func (s Snapshot) all(want func(*Request) bool) []*Request {
	var found []*Request
	for _, l := range s.Locks {
		for r := range pointers(l.Queue) {
			if want(r) {
				found = append(found, r)
			}
		}
	}
	return found
}

// Previewer makes previews of a snapshot.
type Previewer struct {
	Snapshot
	blocking bool // keys are in the way of requests
}

// NewPreviewer returns what makes previews of a snapshot. It looks at all locks, once for all
// of the previews.
func NewPreviewer(s Snapshot) Previewer {
	return Previewer{s, slices.ContainsFunc(s.Locks, func(l Lock) bool { return len(l.Others) > 0 })}
}

// Preview is Previewer.Preview for one preview.
func (s Snapshot) Preview(requests []*Request) Preview { return NewPreviewer(s).Preview(requests) }

// Preview returns what would happen if these requests of the snapshot, or other keys
// in the way of requests, were deleted, all at once. It looks at the locks that they
// are requests for or in the way of only, and there no further than requests can hold.
// It keeps the requests, which must not change: there can be 100,000.
func (s Previewer) Preview(requests []*Request) Preview {
	p := Preview{Gone: inOrder(requests)}
	affected := map[LockID]bool{}
	for i, r := range p.Gone {
		if i == 0 || r.Lock != p.Gone[i-1].Lock {
			affected[r.Lock] = true
		}
		if s.blocking {
			for _, id := range s.blockedBy(r) {
				affected[id] = true
			}
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(affected), LockID.Compare) {
		if l, ok := s.Find(id); ok {
			p.Granted = append(p.Granted, l.granted(p.Gone)...)
		}
	}
	return p
}

// Pointers returns pointers to requests.
func Pointers(requests []Request) []*Request { return slices.Collect(pointers(requests)) }

// Values returns copies of requests.
func Values(requests []*Request) []Request {
	all := make([]Request, 0, len(requests))
	for _, r := range requests {
		all = append(all, *r)
	}
	return all
}

// byLock orders requests by lock, then place.
func byLock(a, b *Request) int {
	if a.Lock != b.Lock {
		return a.Lock.Compare(b.Lock)
	}
	return a.ComparePlace(b)
}

// inOrder returns requests by lock, then place, each once.
func inOrder(requests []*Request) []*Request {
	i := 1
	for i < len(requests) && byLock(requests[i-1], requests[i]) < 0 {
		i++
	}
	if i >= len(requests) {
		return slices.Clip(requests)
	}
	requests = slices.Clone(requests)
	slices.SortFunc(requests, byLock)
	return slices.CompactFunc(requests, func(a, b *Request) bool { return byLock(a, b) == 0 })
}

// blockedBy returns the locks that have a key among their Others.
func (s Snapshot) blockedBy(r *Request) []LockID {
	var ids []LockID
	for name := range namesAbove(r.Key) {
		for _, l := range s.Named(name) {
			if slices.ContainsFunc(l.Others, func(o Request) bool { return o.Key == r.Key }) {
				ids = append(ids, l.ID)
			}
		}
	}
	return ids
}

// granted returns the waiters that would hold if the requests in gone, which are in order,
// were deleted.
func (l Lock) granted(gone []*Request) []Request {
	if l.MoreOthers > 0 {
		return nil
	}
	left := slices.DeleteFunc(slices.Clone(l.Others), func(o Request) bool {
		_, found := slices.BinarySearchFunc(gone, &o, byLock)
		return found
	})
	first, _ := slices.BinarySearchFunc(gone, l.ID, func(r *Request, id LockID) int { return r.Lock.Compare(id) })
	gone = gone[first:]
	var granted []Request
	var h head
	for i := range l.Queue {
		r := &l.Queue[i]
		for len(gone) > 0 && gone[0].Revision < r.Revision {
			gone = gone[1:] // not in the queue
		}
		switch {
		case len(gone) > 0 && gone[0].Key == r.Key:
			gone = gone[1:]
		case h.ends(r):
			return granted
		case h.admits(r) && !r.Holding && !r.waitsForAny(left):
			granted = append(granted, *r)
		}
	}
	return granted
}
