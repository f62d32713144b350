package verify

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"etcd-lock/internal/format"
)

// inOrder iterates over a map in the order of its keys, so that a history always has the
// same verdict.
func inOrder[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// checkOrder reports clients that were granted a lock after one that had requested it
// later. Tokens are in the order of the requests. Holds that overlap are reported
// elsewhere.
func (j *judge) checkOrder() {
	byLock := map[string][]int{}
	for i := range j.Holds {
		if h := &j.Holds[i]; h.whole() && h.Stages[0].Token != 0 {
			byLock[h.Lock] = append(byLock[h.Lock], i)
		}
	}
	for _, holds := range inOrder(byLock) {
		j.checkGrantOrder(holds)
	}
}

func (j *judge) checkGrantOrder(holds []int) {
	slices.SortStableFunc(holds, func(a, b int) int {
		return cmp.Compare(j.Holds[a].Stages[0].Granted, j.Holds[b].Stages[0].Granted)
	})
	latest := map[use]int{} // of those granted so far, the one that requested last
	var uses []use          // in the order in which they come
	for _, i := range holds {
		me := j.Holds[i].Stages[0]
		if _, ok := latest[me.use()]; !ok {
			uses, latest[me.use()] = append(uses, me.use()), i
		}
		for _, u := range uses {
			if other := j.Holds[latest[u]].Stages[0]; excludes(u, me.use()) && other.Token > me.Token {
				j.reportUnfair(latest[u], i)
			}
		}
		if j.Holds[latest[me.use()]].Stages[0].Token < me.Token {
			latest[me.use()] = i
		}
	}
}

func (j *judge) reportUnfair(first, second int) {
	a, b := &j.Holds[first], &j.Holds[second]
	if a.End > b.Stages[0].Granted || !j.once(first, second) {
		return
	}
	j.violation(Unfair, []int{first, second}, "%s was not granted in order: %s requested it first, with token %d, and was granted it at %s; %s requested it later, with token %d, and was granted it at %s",
		a.Lock, b.Client, b.Stages[0].Token, format.Clock(b.Stages[0].Granted), a.Client, a.Stages[0].Token, format.Clock(a.Stages[0].Granted))
}
