package verify

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// inOrder goes through a map by its keys, so that one history has one verdict.
func inOrder[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// checkOrder reports who was given a lock after one that had asked for it later.
// Tokens tell who asked first. Holds that overlap are told of elsewhere.
func (j *judge) checkOrder() {
	byLock := map[string][]int{}
	for i := range j.Holds {
		if h := &j.Holds[i]; h.whole() && h.Stages[0].Token != 0 {
			byLock[h.Lock] = append(byLock[h.Lock], i)
		}
	}
	for _, holds := range inOrder(byLock) {
		j.checkTurns(holds)
	}
}

func (j *judge) checkTurns(holds []int) {
	slices.SortStableFunc(holds, func(a, b int) int {
		return cmp.Compare(j.Holds[a].Stages[0].Granted, j.Holds[b].Stages[0].Granted)
	})
	latest := map[rwlock.Mode]int{} // of those served so far, by mode: who asked last
	for _, i := range holds {
		me := j.Holds[i].Stages[0]
		for _, mode := range []rwlock.Mode{rwlock.Write, rwlock.Read} {
			other, ok := latest[mode]
			if ok && excludes(mode, me.Mode) && j.Holds[other].Stages[0].Token > me.Token {
				j.tellUnfair(other, i)
			}
			if mode == me.Mode && (!ok || j.Holds[other].Stages[0].Token < me.Token) {
				latest[mode] = i
			}
		}
	}
}

func (j *judge) tellUnfair(first, second int) {
	a, b := &j.Holds[first], &j.Holds[second]
	if a.End > b.Stages[0].Granted || !j.once(first, second) {
		return
	}
	j.violation(Unfair, []int{first, second}, "%s was not served in order: %s asked first, with token %d, and was given it at %s; %s asked after it, with token %d, and was given it at %s",
		a.Lock, b.Client, b.Stages[0].Token, format.Clock(b.Stages[0].Granted), a.Client, a.Stages[0].Token, format.Clock(a.Stages[0].Granted))
}
