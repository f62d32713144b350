package inspect

// LeasesByUrgency returns the different leases of a snapshot in the order in which
// to look them up when not all can be: those of holders and other keys that requests
// wait for, then those of other holders, then those of waiters.
func (s Snapshot) LeasesByUrgency() []int64 {
	var leases []int64
	seen := map[int64]bool{0: true}
	add := func(requests []Request) {
		for _, r := range requests {
			if !seen[r.Lease] {
				seen[r.Lease] = true
				leases = append(leases, r.Lease)
			}
		}
	}
	for _, l := range s.Locks {
		if head := l.holders(); len(head) < len(l.Queue) {
			add(head)
			add(l.Others)
		}
	}
	for _, l := range s.Locks {
		add(l.holders())
	}
	for _, l := range s.Locks {
		add(l.Queue)
	}
	return leases
}

// holders returns the requests that hold the lock.
func (l Lock) holders() []Request {
	var holders []Request
	for _, r := range l.Queue[:reach(l.Queue)] {
		if r.Holding {
			holders = append(holders, r)
		}
	}
	return holders
}
