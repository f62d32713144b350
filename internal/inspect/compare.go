package inspect

// Compare tells what became of the requests between two snapshots of the same
// prefix: who has gone, and who has come or moved, lock by lock. Its events have
// no revision, and a request that came and went in between has none.
func Compare(before, after Snapshot) []Event {
	var changes []Event
	old, now := before.Locks, after.Locks
	for len(old) > 0 || len(now) > 0 {
		var from, to []Request
		c := compareHeads(old, now, func(a, b Lock) int { return a.ID.Compare(b.ID) })
		if c <= 0 {
			from, old = old[0].Queue, old[1:]
		}
		if c >= 0 {
			to, now = now[0].Queue, now[1:]
		}
		changes = append(changes, compareStandings(from, to)...)
	}
	return changes
}

// compareStandings tells what became of the requests of one lock between two
// queues: first who has gone, then who has come or moved, each in the order of
// the queue.
func compareStandings(before, after []Request) []Event {
	var gone, come []Event
	for len(before) > 0 || len(after) > 0 {
		switch c := compareHeads(before, after, ByPlace); {
		case c < 0:
			gone = append(gone, departure(before[0]))
			before = before[1:]
		case c > 0:
			come = append(come, standing(after[0]))
			after = after[1:]
		default:
			if before[0].Holding != after[0].Holding {
				come = append(come, standing(after[0]))
			}
			before, after = before[1:], after[1:]
		}
	}
	return append(gone, come...)
}

// compareHeads says which of two sorted lists goes on with the earlier item. An
// empty one goes on with nothing, which is later than anything.
func compareHeads[T any](a, b []T, compare func(T, T) int) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	default:
		return compare(a[0], b[0])
	}
}

// standing is where a request that is in the queue stands. A holder can fall
// back to waiting when a key that was there before it becomes a request.
func standing(r Request) Event {
	if r.Holding {
		return Event{Kind: EventAcquired, Request: r}
	}
	return Event{Kind: EventWaiting, Request: r}
}

func departure(r Request) Event {
	if r.Holding {
		return Event{Kind: EventReleased, Request: r}
	}
	return Event{Kind: EventLeft, Request: r}
}
