package inspect

import (
	"cmp"
	"maps"
	"slices"
)

// Preview is the effect of deleting requests.
type Preview struct {
	Gone    []Request // the deleted requests, and other keys in the way of requests, by lock, then place
	Granted []Request // the waiters that would hold their locks, in the same order
}

// Without is Preview for the requests with these keys, and for other keys in the way of
// requests. Keys that the snapshot does not have change nothing.
func (s Snapshot) Without(keys ...string) Preview {
	wanted := make(map[string]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
	}
	found := s.all(func(r Request) bool { return wanted[r.Key] })
	for _, l := range s.Locks {
		for _, o := range l.Others {
			if wanted[o.Key] && !o.IsRequest() {
				wanted[o.Key] = false // it may be in the way of several locks
				found = append(found, o)
			}
		}
	}
	return s.Preview(found)
}

// OfLease returns the requests attached to a lease, by lock, then place. The lease
// 0 is no lease, so it has none.
func (s Snapshot) OfLease(id int64) []Request {
	return s.all(func(r Request) bool { return id != 0 && r.Lease == id })
}

func (s Snapshot) all(want func(Request) bool) []Request {
	var found []Request
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			if want(r) {
				found = append(found, r)
			}
		}
	}
	return found
}

// Preview returns what would happen if these requests of the snapshot, or other keys
// in the way of requests, were deleted, all at once. It looks at the locks that they
// are requests for or in the way of only, and there no further than requests can hold.
func (s Snapshot) Preview(requests []Request) Preview {
	p := Preview{Gone: slices.Clone(requests)} // there can be 100,000: they are copied once
	slices.SortFunc(p.Gone, func(a, b Request) int { return cmp.Or(a.Lock.Compare(b.Lock), ByPlace(a, b)) })
	gone := make(map[string]bool, len(requests))
	affected := map[LockID]bool{}
	for _, r := range p.Gone {
		gone[r.Key] = true
		affected[r.Lock] = true
		for _, id := range s.blockedBy(r) {
			affected[id] = true
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(affected), LockID.Compare) {
		if l, ok := s.Find(id); ok {
			p.Granted = append(p.Granted, l.granted(gone)...)
		}
	}
	return p
}

// blockedBy returns the locks that have a key among their Others.
func (s Snapshot) blockedBy(r Request) []LockID {
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

// granted returns the waiters that would hold if the keys in gone were deleted.
func (l Lock) granted(gone map[string]bool) []Request {
	if l.MoreOthers > 0 {
		return nil
	}
	left := slices.DeleteFunc(slices.Clone(l.Others), func(o Request) bool { return gone[o.Key] })
	var granted []Request
	var h head
	for _, r := range l.Queue {
		switch {
		case gone[r.Key]:
		case h.ends(r):
			return granted
		case h.admits(r) && !r.Holding && !slices.ContainsFunc(left, r.WaitsFor):
			granted = append(granted, r)
		}
	}
	return granted
}
