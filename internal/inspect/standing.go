package inspect

// compareStandings tells what became of the requests of one lock between two
// queues: first who has gone, then who has come or moved, each in the order of
// the queue.
func compareStandings(before, after []Request) []Event {
	var gone, come []Event
	for len(before) > 0 || len(after) > 0 {
		switch c := comparePlaces(before, after); {
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

// comparePlaces says which of two queues goes on with the earlier request. An
// empty queue goes on with nothing, which is later than anything.
func comparePlaces(a, b []Request) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	default:
		return byPlace(a[0], b[0])
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
