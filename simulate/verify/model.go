package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"etcd-lock/rwlock"
)

// step is what one operation does to one lock.
type step struct {
	what   string // "acquire", "upgrade", "downgrade" or "release"
	hold   int    // the index of the hold, from 1
	client string
	lock   string
	use    use // of an acquire
	token  int64
	unsure bool
}

func (s step) String() string {
	if s.what == "acquire" {
		return fmt.Sprintf("%s: %s, token %d", s.client, strings.TrimPrefix(s.use.of(s.lock), "to "), s.token)
	}
	return fmt.Sprintf("%s: %s %s", s.client, s.what, s.lock)
}

// lockState is the holds of a lock: one writer, any number of readers, or of a semaphore some
// that take permits.
type lockState struct {
	writer  int // its hold, or 0
	readers []int
	slots   []slot // in the order of their holds
}

// slot is a hold of permits.
type slot struct {
	hold int
	use  use
}

func (s lockState) reads(hold int) bool { return slices.Contains(s.readers, hold) }

func (s lockState) equal(o lockState) bool {
	return s.writer == o.writer && slices.Equal(s.readers, o.readers) && slices.Equal(s.slots, o.slots)
}

// model returns a read/write lock or a semaphore, for histories of operations. It is partitioned by
// lock, and each lock into the stretches between times at which no client held or
// requested it: after such a time, the history begins anew.
func model() porcupine.Model {
	m := oneStretch()
	m.Partition = partition
	return m
}

// oneStretch is model for a history that is not partitioned.
func oneStretch() porcupine.Model {
	return porcupine.Model{
		Init:              func() any { return lockState{} },
		Step:              func(state, input, _ any) (bool, any) { return state.(lockState).apply(input.(step)) },
		Equal:             func(a, b any) bool { return a.(lockState).equal(b.(lockState)) },
		DescribeOperation: func(input, _ any) string { return input.(step).String() },
		DescribeState: func(state any) string {
			s := state.(lockState)
			if len(s.slots) > 0 {
				return fmt.Sprintf("permits %v", s.slots)
			}
			return fmt.Sprintf("writer %d, readers %v", s.writer, s.readers)
		},
	}
}

// apply returns the state after op, and whether op is possible.
func (s lockState) apply(op step) (bool, lockState) {
	alone := len(s.readers) == 0
	switch op.what {
	case "acquire":
		switch op.use.mode {
		case rwlock.Slot:
			return s.take(slot{op.hold, op.use})
		case rwlock.Write:
			return s.writer == 0 && alone, lockState{writer: op.hold}
		}
		return s.writer == 0, lockState{readers: with(s.readers, op.hold)}
	case "upgrade":
		return s.writer == 0 && s.reads(op.hold) && len(s.readers) == 1, lockState{writer: op.hold}
	case "downgrade":
		if s.writer != op.hold {
			return op.unsure && !s.reads(op.hold), s
		}
		return true, lockState{readers: []int{op.hold}}
	default:
		if s.writer == op.hold {
			return true, lockState{}
		}
		if i := slices.IndexFunc(s.slots, func(o slot) bool { return o.hold == op.hold }); i >= 0 {
			return true, lockState{slots: slices.Delete(slices.Clone(s.slots), i, i+1)}
		}
		return s.reads(op.hold), lockState{writer: s.writer, readers: less(s.readers, op.hold)}
	}
}

// take returns the state with a slot more, and whether the permits suffice for it.
func (s lockState) take(more slot) (bool, lockState) {
	slots := append(slices.Clone(s.slots), more)
	slices.SortFunc(slots, func(a, b slot) int { return cmp.Compare(a.hold, b.hold) })
	var all taken
	for _, o := range slots {
		all = all.with(o.use)
	}
	return all.fit(), lockState{slots: slots}
}

func with(holds []int, hold int) []int {
	more := append(slices.Clone(holds), hold)
	slices.Sort(more)
	return more
}

func less(holds []int, hold int) []int {
	return slices.DeleteFunc(slices.Clone(holds), func(h int) bool { return h == hold })
}

// operations returns the operations of holds, for model.
func operations(holds []Hold) []porcupine.Operation {
	var ops []porcupine.Operation
	clients := map[string]int{}
	for i := range holds {
		h := &holds[i]
		if _, ok := clients[h.Client]; !ok {
			clients[h.Client] = len(clients)
		}
		for _, op := range h.operations(i+1, false) {
			op.ClientId = clients[h.Client]
			ops = append(ops, op)
		}
	}
	return ops
}

// operations returns the operations of a hold. If they are sharp, each happens at one
// point in its time instead of anywhere in it: what excludes more, as late as possible,
// and what excludes less, as early as possible. The result is the same, because a hold
// that excludes less blocks no other, and it spares the checker choices that double its
// work each time. It is not the same for a hold that ended before its client was
// notified of it.
//
// The end of a hold that was never confirmed, such as one that was lost, may come at any
// time after it was called. For the same reason, the earliest will do.
func (h *Hold) operations(id int, sharp bool) []porcupine.Operation {
	sharp = sharp && h.whole()
	var ops []porcupine.Operation
	add := func(s step, call, ret time.Duration) {
		s.hold, s.lock, s.client = id, h.Lock, h.Client
		ops = append(ops, porcupine.Operation{Input: s, Call: int64(call), Return: int64(ret)})
	}
	for i, s := range h.Stages {
		what, call, ret := "acquire", s.Asked, s.Granted
		switch {
		case i > 0 && s.Mode == rwlock.Write:
			what = "upgrade"
		case i > 0:
			what = "downgrade"
		}
		if sharp {
			call = h.begin(i)
			ret = call
		}
		add(step{what: what, use: s.use(), token: s.Token, unsure: s.Unsure}, call, ret)
	}
	end := max(h.End, h.Stages[0].Asked)
	over := max(h.Released, end, h.lastGranted())
	if sharp {
		over = end
	}
	add(step{what: "release"}, end, over)
	return ops
}

// partition partitions a history by lock, and where a lock is at rest.
func partition(ops []porcupine.Operation) [][]porcupine.Operation {
	byLock := map[string][]porcupine.Operation{}
	for _, op := range ops {
		lock := op.Input.(step).lock
		byLock[lock] = append(byLock[lock], op)
	}
	var parts [][]porcupine.Operation
	for _, lock := range slices.Sorted(maps.Keys(byLock)) {
		parts = append(parts, atRest(byLock[lock])...)
	}
	return parts
}

func atRest(ops []porcupine.Operation) [][]porcupine.Operation {
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var parts [][]porcupine.Operation
	began, held, busy := 0, 0, int64(0)
	for i, op := range ops {
		if held == 0 && i > began && op.Call > busy {
			parts, began = append(parts, ops[began:i]), i
		}
		switch op.Input.(step).what {
		case "acquire":
			held++
		case "release":
			held--
		}
		busy = max(busy, op.Return)
	}
	return append(parts, ops[began:])
}
