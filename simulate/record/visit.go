package record

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// visit is one acquisition by a client and everything until it is released: the requests
// of one step, with later upgrades and downgrades.
type visit struct {
	session, who string
	revision     int64
	parts        []*stay
	locks        []rwlock.LockRequest
	asked        time.Duration
	granted      time.Duration // none if it was not
	gone         time.Duration // none if it still exists
	how          scenario.Moment
	changes      []change // of what is held
}

// change is an upgrade or a downgrade.
type change struct {
	at time.Duration
	do scenario.Action
}

// visits groups the requests of one step: those that a session made in one transaction,
// and those by which it changes what it holds. A downgradable writer makes a reader's
// request together with its own, and an upgraded reader keeps its own.
func visits(all []*stay, name func(Observed) string) []*visit {
	var result []*visit
	last := map[string]*visit{} // by session
	byLock := map[[2]string]*visit{}
	for _, s := range all {
		lock := name(s.Observed)
		v := byLock[[2]string{s.Session, lock}]
		if v != nil && v.add(s) {
			continue
		}
		if v = last[s.Session]; v == nil || v.revision != s.Revision {
			v = &visit{session: s.Session, who: s.Who, revision: s.Revision, asked: s.asked}
			last[s.Session] = v
			result = append(result, v)
		}
		v.parts = append(v.parts, s)
		v.locks = append(v.locks, rwlock.LockRequest{Name: lock, Mode: s.Mode, Weight: s.Weight, Permits: s.Permits})
		byLock[[2]string{s.Session, lock}] = v
	}
	for _, v := range result {
		v.settle()
	}
	return result
}

// add adds a second request for the same lock, and reports whether it belongs to the
// visit.
func (v *visit) add(s *stay) bool {
	first := v.parts[0]
	switch {
	case len(v.locks) > 1 || s.Mode == rwlock.Slot:
		return false
	case s.Revision == v.revision: // both modes in one transaction
		v.locks[0].Mode = rwlock.Write
	case s.Mode == rwlock.Write && first.granted != none && (first.gone == none || first.gone > s.asked):
		v.changes = append(v.changes, change{at: s.asked, do: scenario.Upgrade})
	default:
		return false
	}
	v.parts = append(v.parts, s)
	return true
}

// settle sets when the visit was granted, changed and ended.
func (v *visit) settle() {
	v.settleEnd()
	v.settleGrant()
	if len(v.locks) == 1 {
		v.settleDowngrades()
	}
	slices.SortStableFunc(v.changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	slices.SortStableFunc(v.locks, func(a, b rwlock.LockRequest) int { return cmp.Compare(a.Mode, b.Mode) })
}

// settleEnd sets the end: that of the last request, unless one still exists.
func (v *visit) settleEnd() {
	v.gone = 0
	for _, s := range v.parts {
		switch {
		case s.gone == none || v.gone == none:
			v.gone, v.how = none, ""
		case s.gone >= v.gone:
			v.gone, v.how = s.gone, s.how
		}
	}
}

// settleGrant sets the grant: that of the last request of the acquisition, unless one
// was not granted. Later requests of a single lock are upgrades, and the reader's request
// of a downgradable writer does not count.
func (v *visit) settleGrant() {
	v.granted = 0
	for _, s := range v.parts {
		switch {
		case len(v.locks) == 1 && (s.Revision != v.revision || s.Mode != v.locks[0].Mode):
		case s.granted == none:
			v.granted = none
		case v.granted != none:
			v.granted = max(v.granted, s.granted)
		}
	}
}

// settleDowngrades adds downgrades: a writer's request that is gone before the visit
// ends.
func (v *visit) settleDowngrades() {
	for _, s := range v.parts {
		if s.Mode == rwlock.Write && s.gone != none && s.gone != v.gone {
			v.changes = append(v.changes, change{at: s.gone, do: scenario.Downgrade})
		}
	}
}

// waited returns when the client could do something else again.
func (v *visit) waited(until time.Duration) time.Duration {
	switch {
	case v.granted != none:
		return v.granted
	case v.gone != none:
		return v.gone
	default:
		return until
	}
}
