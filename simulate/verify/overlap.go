package verify

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// checkModel reports holds that a read/write lock or a semaphore cannot have granted.
func (j *judge) checkModel() {
	var ops []porcupine.Operation
	for i := range j.Holds {
		ops = append(ops, j.Holds[i].operations(i+1, true)...)
	}
	deadline := time.Now().Add(j.opts.Limit)
	for _, part := range partition(ops) {
		result := porcupine.Unknown
		if left := time.Until(deadline); left > 0 { // 0 would be no limit
			result = porcupine.CheckOperationsTimeout(oneStretch(), part, left)
		}
		if result != porcupine.Ok {
			j.refused(result, holdsOf(part))
		}
	}
}

// refused reports why a stretch was not found to be possible.
func (j *judge) refused(result porcupine.CheckResult, holds []int) {
	if j.checkPairs(holds) || j.checkPermits(holds) {
		return
	}
	if result == porcupine.Illegal {
		j.violation(Overlap, holds, "%d holds of %s from %s on are impossible, although any two of them are possible",
			len(holds), j.Holds[holds[0]].Lock, format.Clock(j.Holds[holds[0]].start()))
		return
	}
	j.report(Undecided, j.Holds[holds[0]].Lock, "", "%d holds of %s could not be judged within %s", len(holds), j.Holds[holds[0]].Lock, j.opts.Limit)
}

// holdsOf returns the holds of operations, in the order in which they begin.
func holdsOf(part []porcupine.Operation) []int {
	var holds []int
	for _, op := range part {
		if s := op.Input.(step); s.what == "acquire" {
			holds = append(holds, s.hold-1)
		}
	}
	return holds
}

// start returns from when on a hold may exclude others.
func (h *Hold) start() time.Duration {
	if h.whole() {
		return h.Stages[0].Granted
	}
	return h.Stages[0].Asked
}

// checkPairs reports each pair of holds that exclude each other, and whether there are
// any.
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
			if j.conflict(a, next) {
				found = true
				j.reportOverlap(a, next)
			}
		}
		active = append(active, next)
	}
	return found
}

// conflict reports whether a lock cannot have granted these two holds, even if there
// were no others.
func (j *judge) conflict(a, b int) bool {
	if !j.Holds[a].canExclude(&j.Holds[b]) {
		return false
	}
	ops := append(j.Holds[a].operations(1, true), j.Holds[b].operations(2, true)...)
	return !porcupine.CheckOperations(oneStretch(), ops)
}

func (j *judge) reportOverlap(a, b int) {
	if !j.once(a, b) {
		return
	}
	first, second := &j.Holds[a], &j.Holds[b]
	i, k := conflicting(first, second)
	j.violation(Overlap, []int{a, b}, "%s was held at the same time by two clients that exclude each other: %s, %s",
		first.Lock, first.stage(i), second.stage(k))
}

// conflicting returns the first stages of two holds that exclude each other. If none
// certainly do, one of the holds had ended when its client was notified of it.
func conflicting(a, b *Hold) (int, int) {
	for i, s := range a.Stages {
		for k, t := range b.Stages {
			fromA, toA := a.belief(i)
			fromB, toB := b.belief(k)
			if excludes(s.use(), t.use()) && max(fromA, fromB) < min(toA, toB, a.End, b.End) {
				return i, k
			}
		}
	}
	return 0, 0
}

// canExclude reports whether any stages of two holds exclude each other.
func (h *Hold) canExclude(o *Hold) bool {
	return slices.ContainsFunc(h.Stages, func(s Stage) bool {
		return slices.ContainsFunc(o.Stages, func(t Stage) bool { return excludes(s.use(), t.use()) })
	})
}

// checkPermits reports holders of a semaphore that took more permits than there are, each
// time that one was granted permits that others held, and whether there were any. The holders
// have to be in the order in which they begin.
func (j *judge) checkPermits(holds []int) bool {
	found := false
	for n, next := range holds {
		h := &j.Holds[next]
		if h.Stages[0].Mode != rwlock.Slot || !h.whole() {
			continue
		}
		all, among := taken{}.with(h.Stages[0].use()), []int{next}
		for _, a := range slices.Backward(holds[:n]) {
			if before := &j.Holds[a]; before.whole() && before.End > h.start() {
				all, among = all.with(before.Stages[0].use()), append(among, a)
			}
			if !all.fit() {
				found = true
				j.reportPermits(all, among)
				break
			}
		}
	}
	return found
}

// reportPermits reports holders of a semaphore, the last one first.
func (j *judge) reportPermits(all taken, holds []int) {
	slices.Reverse(holds)
	var words []string
	for _, i := range holds {
		words = append(words, j.Holds[i].stage(0))
	}
	lock := j.Holds[holds[0]].Lock
	j.violation(Overlap, holds, "%d permits of %s were held at the same time, which has %d: %s", all.weight, lock, all.permits, strings.Join(words, ", "))
}
