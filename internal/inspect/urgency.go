package inspect

// LeasesByUrgency returns the different leases of a snapshot in the order in which
// to look them up when not all can be: those of holders that others wait for, then
// those of other holders, then those of waiters.
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
		if n := holders(l.Queue); n < len(l.Queue) {
			add(l.Queue[:n])
		}
	}
	for _, l := range s.Locks {
		add(l.Queue[:holders(l.Queue)])
	}
	for _, l := range s.Locks {
		add(l.Queue)
	}
	return leases
}
