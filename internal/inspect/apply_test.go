package inspect

import (
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
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
	s := newState("", db.listing(), nil)
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

func BenchmarkApply(b *testing.B) {
	for _, size := range []struct{ locks, queue int }{{100, 10}, {1000, 10}, {10_000, 10}, {1, 100}, {1, 1000}, {1, 10_000}} {
		for _, snapshots := range []bool{false, true} {
			b.Run(fmt.Sprintf("locks=%d/queue=%d/snapshots=%v", size.locks, size.queue, snapshots), func(b *testing.B) {
				s, t := crowd(size.locks, size.queue)
				b.ReportAllocs()
				for b.Loop() {
					gone, come := t.turn()
					for _, events := range [][]*clientv3.Event{gone, come} {
						s.apply(events, epoch)
						if snapshots {
							s.snapshot()
						}
					}
				}
			})
		}
	}
}
