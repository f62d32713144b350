package verify

import (
	"cmp"
	"fmt"
	"slices"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// upgradesOf collects which writers were upgraded from which reader.
func upgradesOf(holds []Hold) map[place]int64 {
	upgrades := map[place]int64{}
	for i := range holds {
		h := &holds[i]
		for k, s := range h.Stages {
			if k > 0 && s.Mode == rwlock.Write {
				upgrades[place{h.Lock, s.Mode, s.Token}] = h.created(k - 1)
			}
		}
	}
	return upgrades
}

// checkGrants reports where etcd's history does not make what clients were given.
func (j *judge) checkGrants() {
	tenures := map[string][]tenure{}
	for i := range j.Holds {
		h := &j.Holds[i]
		for k, s := range h.Stages {
			if s.Token == 0 {
				continue
			}
			r := j.fold.requests[place{h.Lock, s.Mode, h.created(k)}]
			if r == nil {
				j.violation(Phantom, []int{i}, "%s was given %s to %s with token %d at %s, which nobody ever asked for",
					h.Client, h.Lock, s.Mode, s.Token, format.Clock(s.Granted))
				continue
			}
			r.told = true
			j.checkGrant(i, k, r)
			if r.held != 0 {
				tenures[h.Lock] = append(tenures[h.Lock], tenure{hold: i, request: r})
			}
		}
	}
	for _, held := range inOrder(tenures) {
		j.checkTenures(held)
	}
}

// checkGrant reports whether what was granted in stage k of a hold was not the
// request's to have.
func (j *judge) checkGrant(hold, k int, r *request) {
	h, s := &j.Holds[hold], j.Holds[hold].Stages[k]
	given := fmt.Sprintf("%s was given %s to %s with token %d at %s", h.Client, h.Lock, s.Mode, s.Token, format.Clock(s.Granted))
	switch {
	case r.held == 0 && s.Unsure:
	case r.held == 0 && r.gone != 0 && r.goneAt <= s.Granted:
		j.violation(Dead, []int{hold}, "%s, but its request was gone at %s, revision %d, and never came to hold it%s",
			given, format.Clock(r.goneAt), r.gone, j.before(r))
	case r.held == 0:
		j.violation(Unfair, []int{hold}, "%s, but its request never came to hold it%s", given, j.before(r))
	case k == 0 && j.opts.Slack > 0 && r.heldAt-s.Granted > j.opts.Slack:
		j.violation(Unfair, []int{hold}, "%s, but its request came to hold it only at %s, revision %d", given, format.Clock(r.heldAt), r.held)
	}
}

// before names who was before r to the end.
func (j *judge) before(r *request) string {
	q := j.fold.ahead(r)
	if q == nil {
		return ""
	}
	return fmt.Sprintf(": %s was before it to %s, token %d", j.owner(q.lease), q.Mode, q.created)
}

// tenure is a hold of a client's on one lock, from revision to revision.
type tenure struct {
	hold int
	*request
}

// checkTenures reports conflicting holds that overlap in etcd's own order. With
// the fold as it is there can be none: this is what the fold itself is held to.
func (j *judge) checkTenures(tenures []tenure) {
	slices.SortStableFunc(tenures, func(a, b tenure) int { return cmp.Compare(a.held, b.held) })
	var active []tenure
	for _, next := range tenures {
		active = slices.DeleteFunc(active, func(a tenure) bool { return a.gone != 0 && a.gone <= next.held })
		for _, a := range active {
			if a.hold != next.hold && excludes(a.Mode, next.Mode) {
				j.violation(Contradiction, []int{a.hold, next.hold}, "two hold %s at revision %d: %s since %d, %s since %d",
					a.Name, next.held, a.Mode, a.held, next.Mode, next.held)
			}
		}
		active = append(active, next)
	}
}
