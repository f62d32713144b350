package verify

import (
	"cmp"
	"fmt"
	"slices"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// upgradesOf returns which writers are an upgrade of which reader.
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

// checkGrants reports grants that do not follow from etcd's history.
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
				j.violation(Phantom, []int{i}, "%s was granted %s %s with token %d at %s, but no request has that token",
					h.Client, h.Lock, s.use(), s.Token, format.Clock(s.Granted))
				continue
			}
			r.noted = true
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

// checkGrant reports stage k of a hold if its request did not hold the lock.
func (j *judge) checkGrant(hold, k int, r *request) {
	h, s := &j.Holds[hold], j.Holds[hold].Stages[k]
	granted := fmt.Sprintf("%s was granted %s %s with token %d at %s", h.Client, h.Lock, s.use(), s.Token, format.Clock(s.Granted))
	switch {
	case r.held == 0 && s.Unsure:
	case r.held == 0 && r.gone != 0 && r.goneAt <= s.Granted:
		j.violation(Stale, []int{hold}, "%s, but its request was gone at %s, revision %d, and never held the lock%s",
			granted, format.Clock(r.goneAt), r.gone, j.before(r))
	case r.held == 0:
		j.violation(Unfair, []int{hold}, "%s, but its request never held the lock%s", granted, j.before(r))
	case k == 0 && j.opts.Slack > 0 && r.heldAt-s.Granted > j.opts.Slack:
		j.violation(Unfair, []int{hold}, "%s, but its request held the lock only from %s on, revision %d", granted, format.Clock(r.heldAt), r.held)
	}
}

// before names the client that blocked r until r was gone.
func (j *judge) before(r *request) string {
	q := j.fold.ahead(r)
	if q == nil {
		return ""
	}
	return fmt.Sprintf(": %s was ahead of it %s, token %d", j.owner(q.lease), q.use(), q.created)
}

// tenure is a client's hold of one lock in revisions.
type tenure struct {
	hold int
	*request
}

// checkTenures reports conflicting holds that overlap in etcd's own order. fold.grant
// allows none: this checks fold itself.
func (j *judge) checkTenures(tenures []tenure) {
	slices.SortStableFunc(tenures, func(a, b tenure) int { return cmp.Compare(a.held, b.held) })
	var active []tenure
	for _, next := range tenures {
		active = slices.DeleteFunc(active, func(a tenure) bool { return a.gone != 0 && a.gone <= next.held })
		all := taken{}.with(next.use())
		for _, a := range active {
			if a.hold != next.hold && excludes(a.use(), next.use()) {
				j.violation(Contradiction, []int{a.hold, next.hold}, "two hold %s at revision %d: %s since %d, %s since %d",
					a.Name, next.held, a.Mode, a.held, next.Mode, next.held)
			}
			all = all.with(a.use())
		}
		if next.Mode == rwlock.Slot && !all.fit() {
			j.violation(Contradiction, []int{next.hold}, "%d of %d permits of %s are taken at revision %d", all.weight, all.permits, next.Name, next.held)
		}
		active = append(active, next)
	}
}
