package state

import (
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// One more sample takes no new memory, and the samples that it follows stay readable.
func TestSamplesTakeTurns(t *testing.T) {
	id := inspect.LockID{Layout: layout.Builtin().Rules()[0], Name: "a"}
	locks := func(waiters int) []inspect.Lock {
		queue := make([]inspect.Request, 1+waiters)
		queue[0].Holding = true
		return []inspect.Lock{{ID: id, Queue: queue}}
	}
	one, two := locks(1), locks(2)
	first := Samples{}.With(one)
	second := first.With(two)
	if got, want := first.Spark(id, 2)+"|"+second.Spark(id, 2), " ▁|▁▂"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s := second.With(one)
	if n := testing.AllocsPerRun(10, func() { s = s.With(two) }); n > 0 {
		t.Errorf("%v allocations for a sample", n)
	}
}
