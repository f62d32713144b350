package inspect

import (
	"slices"
	"sort"
)

// These change a queue that is in its order, in place. Whatever its length,
// they move next to nothing when a request goes from its head or comes to its
// end, which is what mostly happens.

// position finds the place of a request in a queue.
func position(queue []Request, r Request) (i int, there bool) {
	return slices.BinarySearchFunc(queue, r, ByPlace)
}

// remove takes requests out of a queue. They are in their order, and in it.
func remove(queue, gone []Request) []Request {
	for len(gone) > 0 && queue[0].Key == gone[0].Key {
		queue[0] = Request{} // as the queue keeps the memory
		queue, gone = queue[1:], gone[1:]
	}
	if len(gone) == 0 {
		return queue
	}
	first, _ := position(queue, gone[0])
	rest := slices.DeleteFunc(queue[first:], func(r Request) bool {
		goes := len(gone) > 0 && r.Key == gone[0].Key
		if goes {
			gone = gone[1:]
		}
		return goes
	})
	return queue[:first+len(rest)]
}

// replace puts requests in the place of what they were before. They stand as
// they stood.
func replace(queue, again []Request) {
	for _, r := range again {
		i, _ := position(queue, r)
		r.Holding = queue[i].Holding
		queue[i] = r
	}
}

// insert puts requests where they belong.
func insert(queue, come []Request) []Request {
	for _, r := range come {
		i, _ := position(queue, r)
		queue = slices.Insert(queue, i, r)
	}
	return queue
}

// holders is how many requests hold, which are the first ones.
func holders(queue []Request) int {
	return sort.Search(len(queue), func(i int) bool { return !queue[i].Holding })
}

// markHolders marks the requests that hold. It returns those that this changes,
// given that only the first n may be marked.
func markHolders(queue []Request, n int) (changed []int) {
	var h head
	for i := range queue {
		holding := h.admits(queue[i])
		if !holding && i >= n {
			break
		}
		if queue[i].Holding != holding {
			queue[i].Holding = holding
			changed = append(changed, i)
		}
	}
	return changed
}
