package inspect

import "slices"

// Compare returns what became of requests between two snapshots of the same prefix,
// lock by lock: first the deleted requests, then the keys in the way of requests that
// came or went, then the requests that are new or whose standing changed. The events
// have no revision, and a request that was made and
// deleted in between has none.
func Compare(before, after Snapshot) []Event {
	var changes []Event
	old, now := before.Locks, after.Locks
	for len(old) > 0 || len(now) > 0 {
		var from, to Lock
		c := CompareHeads(old, now, func(a, b Lock) int { return a.ID.Compare(b.ID) })
		if c <= 0 {
			from, old = old[0], old[1:]
		}
		if c >= 0 {
			to, now = now[0], now[1:]
		}
		changes = append(changes, compareLocks(from, to, after)...)
	}
	return changes
}

// compareLocks is Compare for one lock, which may be missing in either snapshot.
func compareLocks(before, after Lock, now Snapshot) []Event {
	deleted, changed := compareQueues(before.Queue, after.Queue, now)
	return slices.Concat(deleted, compareOthers(before, after), changed)
}

// compareOthers returns the changes of what is in the way of a lock, first what is not
// any more. One of the two locks may have no ID. Where not all keys are listed, it leaves
// out those that may have been in the way before, or may be still.
func compareOthers(before, after Lock) []Event {
	if len(before.Others)+len(after.Others) == 0 {
		return nil
	}
	id := after.ID
	if len(after.Queue) == 0 {
		id = before.ID
	}
	was, is := keysOf(before.Others), keysOf(after.Others)
	var events []Event
	for _, o := range before.Others {
		if !is[placeOf(o)] && after.MoreOthers == 0 {
			events = append(events, Event{Kind: EventCleared, Request: o, Blocked: id})
		}
	}
	for _, o := range after.Others {
		if !was[placeOf(o)] && before.MoreOthers == 0 {
			events = append(events, Event{Kind: EventBlocks, Request: o, Blocked: id})
		}
	}
	return events
}

// keyPlace is a key since it was created.
type keyPlace struct {
	key      string
	revision int64
}

func placeOf(r Request) keyPlace { return keyPlace{r.Key, r.Revision} }

func keysOf(requests []Request) map[keyPlace]bool {
	keys := make(map[keyPlace]bool, len(requests))
	for _, r := range requests {
		keys[placeOf(r)] = true
	}
	return keys
}

// compareQueues is Compare for the queues of one lock: the requests that are gone, and
// those that are new or changed between holding and waiting, each in the order of the
// queue.
func compareQueues(before, after []Request, now Snapshot) (deleted, changed []Event) {
	for len(before) > 0 || len(after) > 0 {
		switch c := CompareHeads(before, after, ByPlace); {
		case c < 0:
			deleted = append(deleted, departure(before[0], now.has(before[0])))
			before = before[1:]
		case c > 0:
			changed = append(changed, standing(after[0]))
			after = after[1:]
		default:
			gave, got := compareSlots(before[0], after[0])
			deleted, changed = append(deleted, gave...), append(changed, got...)
			passed := !after[0].continues(before[0])
			if passed {
				deleted = append(deleted, departure(before[0], false))
			}
			if passed || before[0].Holding != after[0].Holding {
				changed = append(changed, standing(after[0]))
			}
			before, after = before[1:], after[1:]
		}
	}
	return slices.DeleteFunc(deleted, Event.quiet), slices.DeleteFunc(changed, Event.quiet)
}

// CompareHeads compares the first items of two sorted lists. An empty list counts
// as later than anything.
func CompareHeads[T any](a, b []T, compare func(T, T) int) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	default:
		return compare(a[0], b[0])
	}
}

// standing returns the event of a request that is in the queue. A holder can fall
// back to waiting when an older key becomes a request.
func standing(r Request) Event {
	if r.Holding {
		return Event{Kind: EventGranted, Request: r}
	}
	return Event{Kind: EventWaiting, Request: r}
}

// departure returns the event of a request that has left the queue. A detached one
// still has its key.
func departure(r Request, detached bool) Event {
	switch {
	case detached:
		return Event{Kind: EventDetached, Request: r}
	case r.Holding:
		return Event{Kind: EventReleased, Request: r}
	default:
		return Event{Kind: EventLeft, Request: r}
	}
}

// has reports whether the key of a request exists, as far as the snapshot knows keys
// that are no requests.
func (s Snapshot) has(r Request) bool {
	k := findKey(s.keys, r.Key)
	return k != nil && k.created == r.Revision
}
