package inspect

import (
	"cmp"
	"slices"
	"time"
)

// maxExitLookups bounds how many leases are looked up in a second to learn why
// requests were deleted.
const maxExitLookups = 4 * MaxLeases

// exitCauses finds out why requests were deleted, of which etcd only reports that
// they were: it goes by what is known of their sessions before and after. It does
// no I/O.
type exitCauses struct {
	deadlines map[int64]leaseDeadline // of the leases that were looked up
	requests  map[int64]int           // the number of requests of each lease
	made      map[int64]time.Time     // when the first of them was made, if that was seen
	unknown   time.Time               // when the earliest lease was made that the last round did not look up, if any

	second  time.Time // the beginning of the second in which lookups counts
	lookups int       // leases looked up in it
}

// leaseDeadline is what the last look-up said about when a lease can expire.
type leaseDeadline struct {
	lookedUp time.Time
	until    time.Time // the lease cannot expire before
	late     bool      // its client had missed renewals
}

func newExitCauses() *exitCauses {
	return &exitCauses{deadlines: map[int64]leaseDeadline{}, requests: map[int64]int{}, made: map[int64]time.Time{}}
}

// recount counts the requests of each lease anew, and drops leases that have none.
func (c *exitCauses) recount(s Snapshot) {
	clear(c.requests)
	for _, l := range s.Locks {
		for i := range l.Queue { // there can be 100,000, each second: they are not copied
			c.requests[l.Queue[i].Lease]++
		}
	}
	for id := range c.deadlines {
		if c.requests[id] == 0 {
			delete(c.deadlines, id)
		}
	}
	for id := range c.made {
		if c.requests[id] == 0 {
			delete(c.made, id)
		}
	}
}

// learn takes in the answers to look-ups that began at that time.
func (c *exitCauses) learn(began time.Time, leases map[int64]Lease) {
	for id, l := range leases {
		if l.State == LeaseAlive || l.State == LeaseOverdue {
			// More slack would leave no lease of 2 s late. One that was renewed after all is looked up again before its end.
			late := l.late(remainingRounded) || l.State == LeaseOverdue
			c.deadlines[id] = leaseDeadline{lookedUp: began, until: began.Add(l.Remaining), late: late}
		}
	}
}

// due returns the leases to look up next, at most MaxLeases: first those of holders that
// others wait for in the snapshot, if it has locks, then those that may expire first. A lease is looked up again when half of its remaining time is over: often only
// towards its end.
func (c *exitCauses) due(s Snapshot, now time.Time) []int64 {
	var ids []int64
	urgent := map[int64]bool{} // of ids
	c.unknown = time.Time{}
	for id := range c.requests {
		if c.tooNew(id, now) {
			c.await(id)
		} else if id != 0 && c.stale(id, now) {
			ids, urgent[id] = append(ids, id), false
		}
	}
	if len(ids) == 0 {
		return nil
	}
	for _, l := range s.Locks {
		if len(l.Queue) < 2 || l.State() != StateContended {
			continue
		}
		for r := range l.holders() {
			if _, ok := urgent[r.Lease]; ok {
				urgent[r.Lease] = true
			}
		}
	}
	slices.SortFunc(ids, func(a, b int64) int {
		switch {
		case urgent[a] && !urgent[b]:
			return -1
		case urgent[b] && !urgent[a]:
			return 1
		default:
			return cmp.Or(c.deadlines[a].until.Compare(c.deadlines[b].until), cmp.Compare(a, b))
		}
	})
	return ids[:min(len(ids), MaxLeases)]
}

// A lease is looked up for the first time before it is old enough to have expired, so that
// the exits of a client that holds a lock for some seconds can be explained, but not at
// once: most locks are held for less, and take no look-up.
const (
	lookUpFrom = shortestTTL / 4
	lookUpBy   = shortestTTL / 2
)

// tooNew reports whether a lease was made so shortly before that it is not looked up yet.
func (c *exitCauses) tooNew(id int64, now time.Time) bool {
	made, seen := c.made[id]
	return seen && c.deadlines[id].until.IsZero() && now.Sub(made) < lookUpFrom
}

// await notes that a new lease is to be looked up.
func (c *exitCauses) await(id int64) {
	made := c.made[id]
	if id != 0 && (c.unknown.IsZero() || made.Before(c.unknown)) {
		c.unknown = made
	}
}

// stale reports whether to look a lease up, for the first time or again.
func (c *exitCauses) stale(id int64, now time.Time) bool {
	d, ok := c.deadlines[id]
	return !ok || !d.until.IsZero() && !now.Before(d.again())
}

// pause returns how long to wait until the next round of look-ups, which is usually due
// after a given time: less if a lease may run out before that, so that it can be seen that
// its client does not renew it.
func (c *exitCauses) pause(now time.Time, usual time.Duration) time.Duration {
	pause := c.pauseForNew(now, usual)
	for _, d := range c.deadlines {
		if !d.late {
			pause = min(pause, d.again().Sub(now))
		}
	}
	return max(pause, usual/4)
}

// pauseForNew is pause, as far as leases matter that were not looked up yet.
func (c *exitCauses) pauseForNew(now time.Time, usual time.Duration) time.Duration {
	if c.unknown.IsZero() {
		return usual
	}
	return min(usual, max(c.unknown.Add(lookUpBy).Sub(now), usual/4))
}

// again returns when to look the lease up again.
func (d leaseDeadline) again() time.Time { return d.lookedUp.Add(d.until.Sub(d.lookedUp) / 2) }

// exit is the deletion of a request whose lease is to be looked up.
type exit struct {
	event *Event
	alone bool // no other request of its session was deleted in the same revision
}

// follow takes in all events since the last call, and returns those deletions that
// take a look-up to explain. It takes none where the session has other requests
// left, or makes a new one later: etcd attaches no keys to a dead lease.
func (c *exitCauses) follow(events []Event) []exit {
	var all []exit
	for revision := range chunks(events, func(e Event) int64 { return e.Revision }) {
		deleted := c.count(revision)
		for i := range revision {
			ev := &revision[i]
			lease := ev.Request.Lease
			if !ev.Kind.Gone() || lease == 0 {
				continue
			}
			if c.requests[lease] > 0 {
				ev.Session = LeaseAlive
			}
			all = append(all, exit{event: ev, alone: deleted[lease] == 1})
		}
	}
	markEarlier(events)
	return slices.DeleteFunc(all, func(x exit) bool { return x.event.Session == LeaseAlive })
}

// count takes in the events of a revision, and returns how many requests each
// lease lost in it.
func (c *exitCauses) count(revision []Event) map[int64]int {
	deleted := map[int64]int{}
	for _, ev := range revision {
		switch {
		case ev.Kind.Gone():
			if c.requests[ev.Request.Lease]--; c.requests[ev.Request.Lease] <= 0 {
				delete(c.requests, ev.Request.Lease)
			}
			deleted[ev.Request.Lease]++
		case ev.isNew():
			if c.requests[ev.Request.Lease] == 0 {
				c.made[ev.Request.Lease] = ev.Time
				c.await(ev.Request.Lease)
			}
			c.requests[ev.Request.Lease]++
		}
	}
	return deleted
}

// isNew reports whether the event's request was made in the event's revision.
func (ev Event) isNew() bool {
	return !ev.Kind.Gone() && !ev.Kind.OfOther() && ev.Request.Revision == ev.Revision
}

// markEarlier marks as alive the sessions of deleted requests that make a request
// later.
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

// lookup returns the leases to look up for these deletions, as far as the bound of
// that second allows.
func (c *exitCauses) lookup(open []exit, now time.Time) []int64 {
	ids := make([]int64, 0, len(open))
	for _, x := range open {
		ids = append(ids, x.event.Request.Lease)
	}
	ids = lookups(ids)
	if now.Sub(c.second) >= time.Second {
		c.second, c.lookups = now, 0
	}
	ids = ids[:min(len(ids), maxExitLookups-c.lookups)]
	c.lookups += len(ids)
	return ids
}

// explain sets the kind and session state of a deletion, given its lease as looked
// up after it.
func (c *exitCauses) explain(x exit, lease Lease) {
	x.event.Session = lease.State
	if kind, ok := c.ifGone(x); ok && lease.State == LeaseGone {
		x.event.Kind = kind
	}
}

// shortestTTL is the least TTL that etcd grants.
const shortestTTL = time.Second

// ifGone returns the kind of a deletion if its session is gone, where that differs
// from the kind if the session lives.
//
// A session that is gone has expired if the last look-up left it no more time and
// its client had missed a renewal by then: without the second, the look-up is too
// old to tell. If it had time left, it was closed or revoked, and took its requests
// with it: certainly so when they were several, which a client hardly deletes at
// once. A single request may have been released by its client just before it
// closed the session, as programs do, so it counts as that. So does one of a session
// that began too shortly before to have expired.
func (c *exitCauses) ifGone(x exit) (kind EventKind, ok bool) {
	d, known := c.deadlines[x.event.Request.Lease]
	inTime := known && x.event.Time.Before(d.until)
	made, seen := c.made[x.event.Request.Lease]
	switch {
	case known && !inTime && d.late:
		return EventExpired, true
	case inTime && !x.alone:
		return EventRevoked, true
	case !inTime && (!seen || x.event.Time.Sub(made) >= shortestTTL):
		return EventEnded, true
	default:
		return "", false
	}
}
