package record

import (
	"cmp"
	"slices"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// order returns the order of the grants of each lock. Readers that share a lock come
// between the same writers, in any order, and so do those who were granted permits at once.
func (r *recorder) order(all []*visit) [][]scenario.Occurrence {
	granted := slices.DeleteFunc(slices.Clone(all), func(v *visit) bool { return v.granted == none })
	var locks []string
	byLock := map[string][]*visit{}
	for _, v := range granted { // in the order of the requests
		for _, l := range v.locks {
			if byLock[l.Name] == nil {
				locks = append(locks, l.Name)
			}
			byLock[l.Name] = append(byLock[l.Name], v)
		}
	}
	var chains [][]scenario.Occurrence
	for _, lock := range locks {
		chains = append(chains, chainsOf(r.batches(lock, byLock[lock]))...)
	}
	return chains
}

// batches returns the grants of a lock in their order: one writer, all readers that were
// granted between two writers, or those of a semaphore that came at once.
func (r *recorder) batches(lock string, granted []*visit) [][]scenario.Occurrence {
	slices.SortStableFunc(granted, func(a, b *visit) int { return cmp.Compare(a.granted, b.granted) })
	nth := map[string]int{}
	var batches [][]scenario.Occurrence
	var before *visit // of a batch that is not complete
	for _, v := range granted {
		client := r.clients[v]
		nth[client]++
		o := scenario.Occurrence{Moment: scenario.Granted, Client: client, Lock: lock, Nth: nth[client]}
		for _, c := range v.changes {
			if c.do == scenario.Upgrade {
				nth[client]++ // an upgrade is one more grant
			}
		}
		mode := v.mode(lock)
		if before != nil && before.mode(lock) == mode && (mode == rwlock.Read || millis(before.granted) == millis(v.granted)) {
			batches[len(batches)-1] = append(batches[len(batches)-1], o)
		} else {
			batches = append(batches, []scenario.Occurrence{o})
		}
		if before = v; mode == rwlock.Write {
			before = nil
		}
	}
	return batches
}

// mode returns the mode in which a lock was requested.
func (v *visit) mode(lock string) rwlock.Mode {
	return v.locks[slices.IndexFunc(v.locks, func(l rwlock.LockRequest) bool { return l.Name == lock })].Mode
}

// chainsOf returns one chain through the first grants of all batches, and for each other
// grant one with those of the batches before and after it.
func chainsOf(batches [][]scenario.Occurrence) [][]scenario.Occurrence {
	var main []scenario.Occurrence
	var chains [][]scenario.Occurrence
	for i, b := range batches {
		main = append(main, b[0])
		for _, o := range b[1:] {
			var chain []scenario.Occurrence
			if i > 0 {
				chain = append(chain, batches[i-1][0])
			}
			chain = append(chain, o)
			if i < len(batches)-1 {
				chain = append(chain, batches[i+1][0])
			}
			chains = append(chains, chain)
		}
	}
	return slices.DeleteFunc(append([][]scenario.Occurrence{main}, chains...), func(c []scenario.Occurrence) bool { return len(c) < 2 })
}
