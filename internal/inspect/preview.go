package inspect

import (
	"cmp"
	"slices"
)

// Preview is the effect of deleting requests.
type Preview struct {
	Gone    []Request // the deleted requests, in the order of the snapshot: by lock, then place
	Granted []Request // the waiters that would hold their locks, in the same order
}

// Without is Preview for the requests with these keys. Keys that the snapshot
// does not have change nothing.
func (s Snapshot) Without(keys ...string) Preview {
	wanted := make(map[string]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
	}
	return s.Preview(s.all(func(r Request) bool { return wanted[r.Key] }))
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

// Preview returns what would happen if these requests of the snapshot were
// deleted, all at once. It looks at their locks only, and there no further than
// requests can hold.
func (s Snapshot) Preview(requests []Request) Preview {
	p := Preview{Gone: slices.SortedFunc(slices.Values(requests), func(a, b Request) int {
		return cmp.Or(a.Lock.Compare(b.Lock), ByPlace(a, b))
	})}
	gone := make(map[string]bool, len(requests))
	for _, r := range p.Gone {
		gone[r.Key] = true
	}
	for i, r := range p.Gone {
		if i == 0 || p.Gone[i-1].Lock != r.Lock {
			l, _ := s.Find(r.Lock)
			p.Granted = append(p.Granted, l.granted(gone)...)
		}
	}
	return p
}

// granted returns the waiters that would hold if the keys in gone were deleted.
func (l Lock) granted(gone map[string]bool) []Request {
	var granted []Request
	var h head
	for _, r := range l.Queue {
		switch {
		case gone[r.Key]:
		case h.ends(r):
			return granted
		case h.admits(r) && !r.Holding:
			granted = append(granted, r)
		}
	}
	return granted
}
