package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/format"
)

// believed is one stage of a hold while its client believed in it.
type believed struct {
	*Hold
	Stage
	hold, stage int
	from, to    time.Duration
}

// checkTokens finds holds that exclude each other and that two clients believed in at
// the same time: a store that checks tokens must be able to tell them apart.
func (j *judge) checkTokens() {
	byLock := map[string][]believed{}
	for i := range j.Holds {
		h := &j.Holds[i]
		for k, s := range h.Stages {
			from, to := h.belief(k)
			if from < h.End { // otherwise it had ended when the client was notified
				byLock[h.Lock] = append(byLock[h.Lock], believed{h, s, i, k, from, to})
			}
		}
	}
	for _, beliefs := range inOrder(byLock) {
		j.checkBeliefs(beliefs)
	}
}

func (j *judge) checkBeliefs(beliefs []believed) {
	slices.SortStableFunc(beliefs, func(a, b believed) int { return cmp.Compare(a.from, b.from) })
	fenced := map[int]bool{}
	var active []believed
	for _, next := range beliefs {
		active = slices.DeleteFunc(active, func(a believed) bool { return a.to < next.from })
		for _, a := range active {
			if a.hold == next.hold || !excludes(a.use(), next.use()) {
				continue
			}
			if a.Token == 0 || next.Token <= a.Token {
				j.reportUnfenced(a, next)
			} else if a.End <= next.from && !fenced[a.hold] {
				fenced[a.hold] = true
				j.addFenced(a, next)
			}
		}
		active = append(active, next)
	}
}

// describe says that a went on when next had begun.
func describe(a, next believed) string {
	return fmt.Sprintf("%s believed until %s to hold %s %s with token %d, while %s held it %s with token %d since %s",
		a.Client, format.Clock(a.to), a.Lock, a.use(), a.Token, next.Client, next.use(), next.Token, format.Clock(next.from))
}

func (j *judge) reportUnfenced(a, next believed) {
	if j.once(a.hold, next.hold) {
		j.violation(Unfenced, []int{a.hold, next.hold}, "%s: the token is not larger and fences nothing", describe(a, next))
	}
}

func (j *judge) addFenced(a, next believed) {
	j.verdict.Fenced = append(j.verdict.Fenced, Fence{
		Lock: a.Lock, Late: *a.Hold, Other: *next.Hold, Text: describe(a, next) + ", which fences it",
	})
}
