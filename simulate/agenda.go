package simulate

import (
	"container/heap"
	"time"
)

// due is something that happens at a time.
type due struct {
	at    time.Duration
	order uint64 // among those at the same time
	do    func()
	index int // in the agenda; less than 0 once it is off it

	// Of a clock's:
	what string        // in words; "" for what nobody can see
	run  time.Duration // before the run is so old, it does not happen
}

func (d *due) before(other *due) bool {
	return d.at < other.at || d.at == other.at && d.order < other.order
}

// agenda is a heap of what is due.
type agenda []*due

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].before(a[j]) }

// Swap, Push and Pop are for package heap.
func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].index, a[j].index = i, j
}

// Push is documented with Swap.
func (a *agenda) Push(x any) {
	d := x.(*due)
	d.index = len(*a)
	*a = append(*a, d)
}

// Pop is documented with Swap.
func (a *agenda) Pop() any {
	end := len(*a) - 1
	last := (*a)[end]
	(*a)[end] = nil
	*a, last.index = (*a)[:end], -1
	return last
}

func (a *agenda) add(d *due)   { heap.Push(a, d) }
func (a *agenda) next() *due   { return heap.Pop(a).(*due) }
func (a *agenda) moved(d *due) { heap.Fix(a, d.index) }

// remove takes something off that may have happened.
func (a *agenda) remove(d *due) {
	if d.index >= 0 {
		heap.Remove(a, d.index)
	}
}
