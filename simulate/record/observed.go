package record

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/scenario"
)

// Observed is what somebody who watches an etcd saw become of a request.
type Observed struct {
	At       time.Duration   // since the recording began, 0 for what was there by then
	Moment   scenario.Moment // Waiting, Granted; Released, Cancelled (it waited and is gone), Closed (its session was), Lost (its session ran out)
	Key      string          // which tells requests apart
	Revision int64           // at which it was made
	Session  string          // which tells clients apart
	Who      string          // what it says of its client; "" for nothing
	Lock     string
	Mode     rwlock.Mode
	Mutex    bool // it is etcd's own mutex, which is another lock than the one of that name
}

// stay is the time of a request in its queue.
type stay struct {
	Observed                 // as it came
	asked    time.Duration   // when it came
	granted  time.Duration   // none if it was not
	gone     time.Duration   // none if it is still there
	how      scenario.Moment // why it is gone
}

// none is a time that does not come.
const none = time.Duration(-1)

// stays are the requests, in etcd's order.
func stays(seen []Observed) []*stay {
	byKey := map[string]*stay{}
	var all []*stay
	for _, o := range seen {
		s := byKey[o.Key]
		if s == nil {
			if o.Moment != scenario.Waiting && o.Moment != scenario.Granted {
				continue // nothing is known of when it came
			}
			s = &stay{Observed: o, asked: o.At, granted: none, gone: none}
			byKey[o.Key] = s
			all = append(all, s)
		}
		switch o.Moment {
		case scenario.Waiting:
		case scenario.Granted:
			s.granted = o.At
		default:
			s.gone, s.how = o.At, o.Moment
			delete(byKey, o.Key)
		}
	}
	slices.SortStableFunc(all, func(a, b *stay) int { return cmp.Compare(a.Revision, b.Revision) })
	return all
}

// visit is what a client did by one step that takes locks, and by those about
// what it took.
type visit struct {
	session, who string
	revision     int64
	parts        []*stay
	locks        []rwlock.LockRequest
	asked        time.Duration
	granted      time.Duration   // none if it was not
	gone         time.Duration   // none if it is still there
	how          scenario.Moment // why it is gone
	changes      []change        // of what is held
}

// change is an upgrade or a downgrade.
type change struct {
	at time.Duration
	do scenario.Action
}

// visits puts requests together that are of one step: those of a session that
// etcd got at once, and those by which it changes what it holds. A writer that can
// become a reader has made a reader's request with its own, and a reader that has
// become a writer keeps its own.
func visits(all []*stay, name func(Observed) string) []*visit {
	var result []*visit
	last := map[string]*visit{} // by session
	byLock := map[[2]string]*visit{}
	for _, s := range all {
		lock := name(s.Observed)
		v := byLock[[2]string{s.Session, lock}]
		if v != nil && v.takes(s) {
			continue
		}
		if v = last[s.Session]; v == nil || v.revision != s.Revision {
			v = &visit{session: s.Session, who: s.Who, revision: s.Revision, asked: s.asked}
			last[s.Session] = v
			result = append(result, v)
		}
		v.parts = append(v.parts, s)
		v.locks = append(v.locks, rwlock.LockRequest{Name: lock, Mode: s.Mode})
		byLock[[2]string{s.Session, lock}] = v
	}
	for _, v := range result {
		v.settle()
	}
	return result
}

// takes adds a second request for the same lock, if it belongs to the visit.
func (v *visit) takes(s *stay) bool {
	first := v.parts[0]
	switch {
	case len(v.locks) > 1:
		return false
	case s.Revision == v.revision: // both modes at once
		v.locks[0].Mode = rwlock.Write
	case s.Mode == rwlock.Write && first.granted != none && (first.gone == none || first.gone > s.asked):
		v.changes = append(v.changes, change{at: s.asked, do: scenario.Upgrade})
	default:
		return false
	}
	v.parts = append(v.parts, s)
	return true
}

// settle works out when the visit was granted, changed and ended.
func (v *visit) settle() {
	v.gone, v.granted = 0, 0
	for _, s := range v.parts {
		if s.gone == none || v.gone == none {
			v.gone, v.how = none, ""
		} else if s.gone >= v.gone {
			v.gone, v.how = s.gone, s.how
		}
	}
	for _, s := range v.parts {
		one := len(v.locks) == 1
		if one && s.Mode == rwlock.Write && s.gone != none && s.gone != v.gone {
			v.changes = append(v.changes, change{at: s.gone, do: scenario.Downgrade})
		}
		switch {
		case one && (s.Revision != v.revision || s.Mode != v.locks[0].Mode):
		case s.granted == none:
			v.granted = none
		case v.granted != none:
			v.granted = max(v.granted, s.granted)
		}
	}
	slices.SortStableFunc(v.changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	slices.SortStableFunc(v.locks, func(a, b rwlock.LockRequest) int { return cmp.Compare(a.Mode, b.Mode) })
}

// waited is when the client could do something else again.
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
