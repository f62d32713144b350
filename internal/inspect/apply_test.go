package inspect

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// turns makes the events of a busy lock: its first request goes, and a new one
// comes at the end of the queue.
type turns struct {
	store *store
	name  string
	first int64 // to go next
	last  int64
}

// crowd is a state of that many locks, each with a queue as long, and turns of
// the one in the middle.
func crowd(locks, queue int) (*state, *turns) {
	db := newStore()
	for i := range locks {
		for j := range queue {
			db.put(keyspace.Encode(fmt.Sprintf("/jobs/%05d", i), keyspace.Write, fmt.Sprint(j)), "", 0)
		}
	}
	db.commit()
	s := newState(nil, db.listing(), nil)
	s.snapshot()
	return s, &turns{store: db, name: fmt.Sprintf("/jobs/%05d", locks/2), last: int64(queue)}
}

func (t *turns) key(id int64) string { return keyspace.Encode(t.name, keyspace.Write, fmt.Sprint(id)) }

// turn is what happens when a request goes, and then one comes.
func (t *turns) turn() (gone, come []*clientv3.Event) {
	t.store.del(t.key(t.first))
	t.first++
	gone = t.store.commit()
	t.store.put(t.key(t.last), "", 0)
	t.last++
	return gone, t.store.commit()
}

// apply folds the next turn in.
func (t *turns) apply(s *state) {
	gone, come := t.turn()
	s.apply(gone, epoch)
	s.apply(come, epoch)
}

// TestApplyCost: what an event costs depends neither on the number of locks nor
// on the length of its queue.
func TestApplyCost(t *testing.T) {
	cost := func(locks, queue int) (allocs, size float64) {
		s, turns := crowd(locks, queue)
		turns.apply(s) // copies the queue that the snapshot shares
		const runs = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		allocs = testing.AllocsPerRun(runs, func() { turns.apply(s) })
		runtime.ReadMemStats(&after)
		return allocs, float64(after.TotalAlloc-before.TotalAlloc) / (runs + 1)
	}
	allocs, size := cost(10, 10)
	for _, big := range []struct{ locks, queue int }{{10_000, 10}, {10, 10_000}} {
		if a, b := cost(big.locks, big.queue); a > 2*allocs || b > 10*size {
			t.Errorf("%d locks, %d requests each: %.0f allocations and %.0f bytes a turn; 10 and 10: %.0f and %.0f",
				big.locks, big.queue, a, b, allocs, size)
		}
	}
}

// TestApplyCostOfRules: what an event costs does not depend on the number of rules that it
// does not match.
func TestApplyCostOfRules(t *testing.T) {
	cost := func(rules int) float64 {
		file := "layouts:\n"
		for i := range rules {
			file += fmt.Sprintf("  - {name: app%d, kind: single, key: '%s', value: {is: text, pattern: '^x'}}\n", i,
				fmt.Sprintf([]string{"/app%d/locks/{name:**}", "{path:**}/app%d/{id}", "{path:**}/locks-of-app%d", "app%d:{name}"}[i%4], i))
		}
		more, err := layout.Parse("more.yaml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		set, err := layout.With(more...)
		if err != nil {
			t.Fatal(err)
		}
		s, turns := crowd(10, 10)
		s.rules = set
		turns.apply(s)
		return testing.AllocsPerRun(200, func() { turns.apply(s) })
	}
	one := cost(1)
	const noise = 2 // the race detector and growing maps allocate now and then
	for _, rules := range []int{10, 1000} {
		if got := cost(rules); math.Abs(got-one) > noise {
			t.Errorf("with %d rules more, %.0f allocations a turn; with one, %.0f", rules, got, one)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []struct{ locks, queue int }{{100, 10}, {1000, 10}, {10_000, 10}, {1, 1000}, {1, 10_000}} {
		b.Run(fmt.Sprintf("locks=%d/queue=%d", size.locks, size.queue), func(b *testing.B) {
			s, turns := crowd(size.locks, size.queue)
			b.ReportAllocs()
			for b.Loop() {
				turns.apply(s)
			}
		})
	}
}

// BenchmarkSnapshot is what an update costs after an event.
func BenchmarkSnapshot(b *testing.B) {
	for _, locks := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprintf("locks=%d", locks), func(b *testing.B) {
			s, turns := crowd(locks, 10)
			for b.Loop() {
				turns.apply(s)
				s.snapshot()
			}
		})
	}
}
