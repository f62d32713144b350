package verify

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
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
	latest := map[rwlock.Mode]int{} // by mode: of those granted so far, the one that requested last
	for _, i := range holds {
		me := j.Holds[i].Stages[0]
		for _, mode := range []rwlock.Mode{rwlock.Write, rwlock.Read} {
			other, ok := latest[mode]
			if ok && excludes(mode, me.Mode) && j.Holds[other].Stages[0].Token > me.Token {
				j.reportUnfair(other, i)
			}
			if mode == me.Mode && (!ok || j.Holds[other].Stages[0].Token < me.Token) {
				latest[mode] = i
			}
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
