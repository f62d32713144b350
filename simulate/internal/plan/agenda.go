// Package plan draws what is random in a scenario, and keeps what is due in the
// order of its time.
package plan

import (
	"container/heap"
	"time"
)

// Due is something that happens at a time.
type Due struct {
	At    time.Duration
	Order uint64 // among those at the same time
	Do    func()
	index int // in the agenda; less than 0 once it is off it

	// Of a clock's:
	What string        // in words; "" for what nobody can see
	Run  time.Duration // before the run is so old, it does not happen
}

// Before reports whether d happens before other.
func (d *Due) Before(other *Due) bool {
	return d.At < other.At || d.At == other.At && d.Order < other.Order
}

// Agenda is a heap of what is due.
type Agenda []*Due

func (a Agenda) Len() int           { return len(a) }
func (a Agenda) Less(i, j int) bool { return a[i].Before(a[j]) }

// Swap, Push and Pop are for package heap.
func (a Agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].index, a[j].index = i, j
}

// Push implements heap.Interface.
func (a *Agenda) Push(x any) {
	d := x.(*Due)
	d.index = len(*a)
	*a = append(*a, d)
}

// Pop implements heap.Interface.
func (a *Agenda) Pop() any {
	end := len(*a) - 1
	last := (*a)[end]
	(*a)[end] = nil
	*a, last.index = (*a)[:end], -1
	return last
}

// Add puts something on the agenda.
func (a *Agenda) Add(d *Due) { heap.Push(a, d) }

// Next takes off what is due first, of an agenda that is not empty.
func (a *Agenda) Next() *Due { return heap.Pop(a).(*Due) }

// Moved puts something in its new place whose time was changed.
func (a *Agenda) Moved(d *Due) { heap.Fix(a, d.index) }

// Remove takes something off that may have happened.
func (a *Agenda) Remove(d *Due) {
	if d.index >= 0 {
		heap.Remove(a, d.index)
	}
}
