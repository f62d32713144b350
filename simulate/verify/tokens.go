package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/format"
)

// believed is one stage of a hold, for as long as its client believed in it.
type believed struct {
	*Hold
	Stage
	hold, stage int
	from, to    time.Duration
}

// checkTokens looks for holds that two clients believed in at once and that
// exclude each other: a store which asks for tokens must tell them apart.
func (j *judge) checkTokens() {
	byLock := map[string][]believed{}
	for i := range j.Holds {
		h := &j.Holds[i]
		for k, s := range h.Stages {
			from, to := h.belief(k)
			if from < h.End { // else it was dead when it arrived
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
			if a.hold == next.hold || !excludes(a.Mode, next.Mode) {
				continue
			}
			if a.Token == 0 || next.Token <= a.Token {
				j.tellUnfenced(a, next)
			} else if a.End <= next.from && !fenced[a.hold] {
				fenced[a.hold] = true
				j.tellFenced(a, next)
			}
		}
		active = append(active, next)
	}
}

// apart tells that a went on when next had begun.
func apart(a, next believed) string {
	return fmt.Sprintf("%s believed until %s that it had %s to %s with token %d, when %s had had it to %s with token %d since %s",
		a.Client, format.Clock(a.to), a.Lock, a.Mode, a.Token, next.Client, next.Mode, next.Token, format.Clock(next.from))
}

func (j *judge) tellUnfenced(a, next believed) {
	if j.once(a.hold, next.hold) {
		j.violation(Unfenced, []int{a.hold, next.hold}, "%s: the token is not larger and fences nobody", apart(a, next))
	}
}

func (j *judge) tellFenced(a, next believed) {
	j.verdict.Fenced = append(j.verdict.Fenced, Fence{
		Lock: a.Lock, Late: *a.Hold, Other: *next.Hold, Text: apart(a, next) + ", which fences it",
	})
}
