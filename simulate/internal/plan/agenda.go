package plan

import (
	"container/heap"
	"slices"
	"time"
)

// Due is something that happens at a time.
type Due struct {
	At     time.Duration
	Order  uint64 // among those at the same time
	Do     func()
	What   string        // what happens, for people; "" for what they cannot see
	MinRun time.Duration // it does not happen before the run has run for this long

	index int // in the agenda; less than 0 once it was removed
}

// Before reports whether d happens before other.
func (d *Due) Before(other *Due) bool {
	return d.At < other.At || d.At == other.At && d.Order < other.Order
}

// Agenda is what is due, in the order in which it happens. The zero Agenda is empty.
type Agenda struct{ due dueHeap }

// Len returns how much is due.
func (a *Agenda) Len() int { return len(a.due) }

// First returns what happens first. The agenda must not be empty.
func (a *Agenda) First() *Due { return a.due[0] }

// FirstSeen returns what happens first of what people can see, or nil.
func (a *Agenda) FirstSeen() *Due {
	var first *Due
	for _, d := range a.due {
		if d.What != "" && (first == nil || d.Before(first)) {
			first = d
		}
	}
	return first
}

// Add adds d.
func (a *Agenda) Add(d *Due) { heap.Push(&a.due, d) }

// Next removes and returns what happens first. The agenda must not be empty.
func (a *Agenda) Next() *Due { return heap.Pop(&a.due).(*Due) }

// Moved puts d, whose time was changed, in its new place.
func (a *Agenda) Moved(d *Due) { heap.Fix(&a.due, d.index) }

// Remove removes d, unless it was removed before.
func (a *Agenda) Remove(d *Due) {
	if d.index >= 0 {
		heap.Remove(&a.due, d.index)
	}
}

// dueHeap implements heap.Interface.
type dueHeap []*Due

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].Before(h[j]) }

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *dueHeap) Push(x any) {
	d := x.(*Due)
	d.index = len(*h)
	*h = append(*h, d)
}

func (h *dueHeap) Pop() any {
	end := len(*h) - 1
	last := (*h)[end]
	*h, last.index = slices.Delete(*h, end, end+1), -1 // which clears the pointer
	return last
}
