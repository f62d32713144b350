package inspect

import "slices"

// SameQueue reports whether two queues are one: snapshots share them, and they never change.
func SameQueue(a, b []Request) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// The functions below change a sorted queue in place. Whatever its length, they
// move next to nothing when a request leaves its head or joins its end, which are
// the usual cases.

// position returns the index of a request in a queue.
func position(queue []Request, r Request) (i int, found bool) {
	return slices.BinarySearchFunc(queue, r, ByPlace)
}

// remove removes requests from a queue. They have to be sorted, and in it.
func remove(queue, removed []Request) []Request {
	for len(removed) > 0 && queue[0].Key == removed[0].Key {
		queue[0] = Request{} // the queue's array keeps the memory
		queue, removed = queue[1:], removed[1:]
	}
	if len(removed) == 0 {
		return queue
	}
	first, _ := position(queue, removed[0])
	rest := slices.DeleteFunc(queue[first:], func(r Request) bool {
		found := len(removed) > 0 && r.Key == removed[0].Key
		if found {
			removed = removed[1:]
		}
		return found
	})
	return queue[:first+len(rest)]
}

// replace replaces requests whose keys were written again. They keep their
// standing, and since when the watch has seen it.
func replace(queue, rewritten []Request) {
	for _, r := range rewritten {
		i, _ := position(queue, r)
		r.keepSeen(queue[i])
		queue[i] = r
	}
}

// insert inserts requests at their places.
func insert(queue, added []Request) []Request {
	for _, r := range added {
		i, _ := position(queue, r)
		queue = slices.Insert(queue, i, r)
	}
	return queue
}

// reach returns the number of requests at the head of a queue that can hold, and can
// be marked as holding. Those after them cannot.
func reach(queue []Request) int {
	var h head
	for i := range queue {
		r := &queue[i]
		h.admits(r)
		if h.ends(r) {
			return i
		}
	}
	return len(queue)
}

// markHolders marks the holders, given other keys in the way, and returns the indexes
// of requests that this changes. Only the first n requests may be marked before.
func markHolders(queue, others []Request, n int) (changed []int) {
	var h head
	for i := range queue {
		r := &queue[i]
		holding := h.admits(r) && !r.waitsForAny(others)
		if h.ends(r) && i >= n {
			break
		}
		if r.Holding != holding {
			r.Holding = holding
			changed = append(changed, i)
		}
	}
	return changed
}
