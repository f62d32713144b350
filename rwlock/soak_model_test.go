package rwlock_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"etcd-lock/rwlock"
)

// step is what one operation does to one lock.
type step struct {
	what   string // "acquire", "upgrade", "downgrade" or "release"
	hold   int
	name   string
	mode   rwlock.Mode // of an acquire
	token  int64
	unsure bool
}

// lockState is who holds a lock: one writer or any number of readers.
type lockState struct {
	writer  int // its hold, or 0
	readers []int
}

func (s lockState) reads(hold int) bool { return slices.Contains(s.readers, hold) }

// lockModel is a read/write lock. Partitions are the locks, and of each the
// stretches between moments at which nobody held it or asked for it: such a
// moment begins the history anew.
var lockModel = porcupine.Model{
	Partition: partition,
	Init:      func() any { return lockState{} },
	Step: func(state, input, _ any) (bool, any) {
		return state.(lockState).apply(input.(step))
	},
	Equal: func(a, b any) bool {
		x, y := a.(lockState), b.(lockState)
		return x.writer == y.writer && slices.Equal(x.readers, y.readers)
	},
	DescribeOperation: func(input, _ any) string {
		s := input.(step)
		if s.what == "acquire" {
			return fmt.Sprintf("%s %s #%d token %d", s.mode, s.name, s.hold, s.token)
		}
		return fmt.Sprintf("%s %s #%d", s.what, s.name, s.hold)
	},
	DescribeState: func(state any) string {
		s := state.(lockState)
		return fmt.Sprintf("writer %d, readers %v", s.writer, s.readers)
	},
}

// apply returns the state after op, and whether op can be.
func (s lockState) apply(op step) (bool, lockState) {
	alone := len(s.readers) == 0
	switch op.what {
	case "acquire":
		if op.mode == rwlock.Write {
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
		return s.reads(op.hold), lockState{writer: s.writer, readers: less(s.readers, op.hold)}
	}
}

func with(holds []int, hold int) []int {
	more := append(slices.Clone(holds), hold)
	slices.Sort(more)
	return more
}

func less(holds []int, hold int) []int {
	return slices.DeleteFunc(slices.Clone(holds), func(h int) bool { return h == hold })
}

// operations are what g means to its lock.
//
// The end of a hold that was never confirmed, as of one that was lost, may come
// at any time after it was called. The earliest is as good as any: an end only
// ever lets more in. So it returns at once, which says the same as never
// returning, and spares the checker a choice that doubles its work each time.
func operations(g *grant) []porcupine.Operation {
	var ops []porcupine.Operation
	add := func(s step, call, ret int64) {
		s.hold, s.name = g.hold, g.name
		ops = append(ops, porcupine.Operation{ClientId: g.client, Input: s, Call: call, Return: ret})
	}
	for i, s := range g.stages {
		what := "acquire"
		switch {
		case i > 0 && s.mode == rwlock.Write:
			what = "upgrade"
		case i > 0:
			what = "downgrade"
		}
		add(step{what: what, mode: s.mode, token: s.token, unsure: s.unsure}, s.call, s.ret)
	}
	add(step{what: "release"}, g.end, max(g.over, g.end, g.lastReturn()))
	return ops
}

func history(grants []*grant) []porcupine.Operation {
	var ops []porcupine.Operation
	for _, g := range grants {
		ops = append(ops, operations(g)...)
	}
	return ops
}

// partition cuts a history by locks, and where a lock is at rest.
func partition(ops []porcupine.Operation) [][]porcupine.Operation {
	byName := map[string][]porcupine.Operation{}
	for _, op := range ops {
		name := op.Input.(step).name
		byName[name] = append(byName[name], op)
	}
	var parts [][]porcupine.Operation
	for _, ops := range byName {
		parts = append(parts, atRest(ops)...)
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

// checkModel reports what of the clients' history no read/write lock could
// have done, with a picture of it below dir.
func checkModel(t *tally, grants []*grant, limit time.Duration, dir func() string) {
	ops := history(grants)
	result, info := porcupine.CheckOperationsVerbose(lockModel, ops, limit)
	switch result {
	case porcupine.Ok:
	case porcupine.Illegal:
		path := filepath.Join(dir(), "history.html")
		if err := porcupine.VisualizePath(lockModel, info, path); err != nil {
			path = err.Error()
		}
		t.violation("the clients' history is not one of a read/write lock: %s", path)
	default:
		t.violation("the clients' history of %d operations could not be checked in %s", len(ops), limit)
	}
}
