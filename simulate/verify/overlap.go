package verify

import (
	"cmp"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// checkModel reports what of the clients' history no read/write lock could have
// done.
func (j *judge) checkModel() {
	var ops []porcupine.Operation
	for i := range j.Holds {
		ops = append(ops, j.Holds[i].operations(i+1, true)...)
	}
	deadline := time.Now().Add(j.opts.Limit)
	for _, part := range partition(ops) {
		result := porcupine.Unknown
		if left := time.Until(deadline); left > 0 { // 0 would be without a limit
			result = porcupine.CheckOperationsTimeout(oneStretch(), part, left)
		}
		if result != porcupine.Ok {
			j.refused(result, holdsOf(part))
		}
	}
}

// refused tells why a stretch was not found to be one of a lock.
func (j *judge) refused(result porcupine.CheckResult, holds []int) {
	if j.checkPairs(holds) {
		return
	}
	if result == porcupine.Illegal {
		j.violation(Overlap, holds, "%d holds on %s from %s on cannot be those of a read/write lock, though each two of them can",
			len(holds), j.Holds[holds[0]].Lock, format.Clock(j.Holds[holds[0]].start()))
		return
	}
	j.lacking(Undecided, j.Holds[holds[0]].Lock, "", "%d holds on %s could not be judged in %s", len(holds), j.Holds[holds[0]].Lock, j.opts.Limit)
}

// holdsOf returns whose operations these are, in the order in which they begin.
func holdsOf(part []porcupine.Operation) []int {
	var holds []int
	for _, op := range part {
		if s := op.Input.(step); s.what == "acquire" {
			holds = append(holds, s.hold-1)
		}
	}
	return holds
}

// start is from when on a hold may stand in others' way.
func (h *Hold) start() time.Duration {
	if h.whole() {
		return h.Stages[0].Granted
	}
	return h.Stages[0].Asked
}

// checkPairs reports each two of the holds that cannot both be, and whether
// there are any.
func (j *judge) checkPairs(holds []int) bool {
	slices.SortStableFunc(holds, func(a, b int) int { return cmp.Compare(j.Holds[a].start(), j.Holds[b].start()) })
	found := false
	var active []int
	for _, next := range holds {
		start := j.Holds[next].start()
		active = slices.DeleteFunc(active, func(a int) bool {
			return max(j.Holds[a].End, j.Holds[a].lastGranted()) < start
		})
		for _, a := range active {
			if j.clash(a, next) {
				found = true
				j.tellOverlap(a, next)
			}
		}
		active = append(active, next)
	}
	return found
}

// clash reports whether a lock cannot have had these two holds, even if there
// were no others.
func (j *judge) clash(a, b int) bool {
	if !j.Holds[a].writes() && !j.Holds[b].writes() {
		return false
	}
	ops := append(j.Holds[a].operations(1, true), j.Holds[b].operations(2, true)...)
	return !porcupine.CheckOperations(oneStretch(), ops)
}

func (j *judge) tellOverlap(a, b int) {
	if !j.once(a, b) {
		return
	}
	first, second := &j.Holds[a], &j.Holds[b]
	i, k := clashing(first, second)
	j.violation(Overlap, []int{a, b}, "two held %s at once that exclude each other: %s, %s",
		first.Lock, first.stage(i), second.stage(k))
}

// clashing returns which stages of two holds stand against each other. When none
// do for sure, one of the holds was dead when its client heard of it.
func clashing(a, b *Hold) (int, int) {
	for i, s := range a.Stages {
		for k, t := range b.Stages {
			fromA, toA := a.belief(i)
			fromB, toB := b.belief(k)
			if excludes(s.Mode, t.Mode) && max(fromA, fromB) < min(toA, toB, a.End, b.End) {
				return i, k
			}
		}
	}
	return 0, 0
}

func (h *Hold) writes() bool {
	return slices.ContainsFunc(h.Stages, func(s Stage) bool { return s.Mode == rwlock.Write })
}
