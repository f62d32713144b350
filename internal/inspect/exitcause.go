package inspect

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// maxEnds is how many leases are looked up in a second to learn why requests
// went.
const maxEnds = 4 * MaxLeases

// ends finds out why requests went, of which etcd only tells that they did: it
// goes by what is known of their sessions before and after. It has no I/O.
type ends struct {
	terms map[int64]term // of the leases looked up
	keys  map[int64]int  // how many requests each lease has

	second time.Time // that began then
	asked  int       // leases looked up in it
}

// term is what the last look-up said of a lease's life.
type term struct {
	asked time.Time
	until time.Time // it cannot run out before; zero when etcd would not say
	late  bool      // its client had missed renewals
}

func newEnds() *ends { return &ends{terms: map[int64]term{}, keys: map[int64]int{}} }

// reckon counts the leases' requests anew, and forgets the leases that have
// none.
func (e *ends) reckon(s Snapshot) {
	clear(e.keys)
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			e.keys[r.Lease]++
		}
	}
	for id := range e.terms {
		if e.keys[id] == 0 {
			delete(e.terms, id)
		}
	}
}

// learn takes in what etcd said of leases when it was asked at that time.
func (e *ends) learn(asked time.Time, leases map[int64]Lease) {
	for id, l := range leases {
		if l.State == LeaseAlive {
			e.terms[id] = term{asked: asked, until: asked.Add(l.Remaining), late: l.MissedRenewals()}
		}
	}
}

// due are the leases to look up next, MaxLeases at most: first those of holders
// that others wait for, then those that may run out first. A lease is looked up
// again when half of what it had left is over: often only towards its end.
func (e *ends) due(s Snapshot, now time.Time) []int64 {
	urgent := map[int64]bool{}
	for _, l := range s.Locks {
		contended := l.State() == StateContended
		for _, r := range l.Queue {
			if r.Lease != 0 && e.again(r.Lease, now) {
				urgent[r.Lease] = urgent[r.Lease] || contended && r.Holding
			}
		}
	}
	ids := slices.Collect(maps.Keys(urgent))
	slices.SortFunc(ids, func(a, b int64) int {
		switch {
		case urgent[a] && !urgent[b]:
			return -1
		case urgent[b] && !urgent[a]:
			return 1
		default:
			return cmp.Or(e.terms[a].until.Compare(e.terms[b].until), cmp.Compare(a, b))
		}
	})
	return ids[:min(len(ids), MaxLeases)]
}

// again reports whether it is time to look a lease up, for the first time or
// anew.
func (e *ends) again(id int64, now time.Time) bool {
	t, ok := e.terms[id]
	return !ok || !t.until.IsZero() && !now.Before(t.asked.Add(t.until.Sub(t.asked)/2))
}

// end is a request's end about which its lease is to be asked.
type end struct {
	event *Event
	alone bool // no other request of its session went in the same revision
}

// follow takes in events, all that there were, and returns those ends that it
// takes a look-up to explain. It takes none where the session has other requests
// left, or makes a new one later: etcd gives a dead lease no keys.
func (e *ends) follow(events []Event) []end {
	var all []end
	for revision := range chunks(events, func(e Event) int64 { return e.Revision }) {
		gone := e.count(revision)
		for i := range revision {
			ev := &revision[i]
			lease := ev.Request.Lease
			if !ev.Kind.Gone() || lease == 0 {
				continue
			}
			if e.keys[lease] > 0 {
				ev.Session = LeaseAlive
			}
			all = append(all, end{event: ev, alone: gone[lease] == 1})
		}
	}
	markEarlier(events)
	return slices.DeleteFunc(all, func(o end) bool { return o.event.Session == LeaseAlive })
}

// count takes in the events of a revision, and returns how many requests each
// lease lost in it.
func (e *ends) count(revision []Event) map[int64]int {
	gone := map[int64]int{}
	for _, ev := range revision {
		switch {
		case ev.Kind.Gone():
			e.keys[ev.Request.Lease]--
			gone[ev.Request.Lease]++
		case ev.isNew():
			e.keys[ev.Request.Lease]++
		}
	}
	return gone
}

// isNew reports whether the request was not there before.
func (ev Event) isNew() bool { return !ev.Kind.Gone() && ev.Request.Revision == ev.Revision }

// markEarlier marks the sessions of ends as alive that make a request later.
func markEarlier(events []Event) {
	later := map[int64]bool{}
	for i := len(events) - 1; i >= 0; i-- {
		switch ev := &events[i]; {
		case ev.isNew():
			later[ev.Request.Lease] = true
		case ev.Kind.Gone() && ev.Request.Lease != 0 && later[ev.Request.Lease]:
			ev.Session = LeaseAlive
		}
	}
}

// lookups are the leases that these ends ask for, as far as there are look-ups
// left at that time.
func (e *ends) lookups(open []end, now time.Time) []int64 {
	ids := make([]int64, 0, len(open))
	for _, o := range open {
		ids = append(ids, o.event.Request.Lease)
	}
	ids = lookups(ids)
	if now.Sub(e.second) >= time.Second {
		e.second, e.asked = now, 0
	}
	ids = ids[:min(len(ids), maxEnds-e.asked)]
	e.asked += len(ids)
	return ids
}

// explain says what an end was, given what etcd says of its lease after it.
func (e *ends) explain(o end, lease Lease) {
	o.event.Session = lease.State
	if kind, ok := e.ifGone(o); ok && lease.State == LeaseGone {
		o.event.Kind = kind
	}
}

// ifGone is what an end is called if its session is gone, where that is not the
// same as if it lives.
//
// A session that is gone has run out if the last look-up left it no more time
// and its client had missed a renewal by then: without the second, the look-up
// is too old to tell. If it had time left, it was closed or revoked, and took
// its requests with it: certainly so when they were several, which a client
// hardly deletes at once. A single request its client may have given back just
// before it closed the session, as programs do; that is what it is called.
func (e *ends) ifGone(o end) (kind EventKind, ok bool) {
	t, known := e.terms[o.event.Request.Lease]
	switch inTime := o.event.Time.Before(t.until); {
	case !known:
		return "", false
	case !inTime && t.late:
		return EventExpired, true
	case inTime && !o.alone:
		return EventRevoked, true
	default:
		return "", false
	}
}
