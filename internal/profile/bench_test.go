package profile

import (
	"fmt"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// BenchmarkCollector reports how many events a second are profiled: of locks that are free,
// of locks that are new each time, and of queues.
func BenchmarkCollector(b *testing.B) {
	for _, c := range []struct {
		name          string
		locks, queue  int
		unique, mixed bool
	}{
		{"Free", 1000, 1, false, false},
		{"New", 1000, 1, true, false},
		{"QueueOf10", 100, 10, false, false},
		{"MixedQueueOf10", 100, 10, false, true},
		{"QueueOf1000", 1, 1000, false, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			events := made(c.locks, c.queue, c.unique, c.mixed)
			b.ResetTimer()
			n := 0
			for b.Loop() {
				p := New(Options{})
				p.Begin(epoch, inspect.Snapshot{Revision: 1})
				for i := 0; i < len(events); i += 250 {
					p.Apply(events[i:min(i+250, len(events))])
				}
				n += len(events)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// made makes up the events of locks with queues of a length, whose head leaves when another
// request joins.
func made(locks, length int, unique, mixed bool) []inspect.Event {
	var events []inspect.Event
	queues := make([][]inspect.Request, locks)
	now := epoch
	for n := range 40_000 {
		now = now.Add(100 * time.Microsecond)
		i := n * 7919 % locks
		revision := int64(n + 2)
		if len(queues[i]) == length {
			head := queues[i][0]
			queues[i] = queues[i][1:]
			events = append(events, inspect.Event{Kind: inspect.EventReleased, Revision: revision, Time: now, Request: head})
			if len(queues[i]) > 0 {
				queues[i][0].Holding, queues[i][0].Seen = true, now
				events = append(events, inspect.Event{Kind: inspect.EventGranted, Revision: revision, Time: now, Request: queues[i][0]})
			}
			continue
		}
		id := inspect.LockID{Layout: layout.RWLock, Name: fmt.Sprintf("/orders/%06d", i)}
		if unique {
			id.Name = fmt.Sprintf("/orders/%08d", n)
		}
		program := "orders"
		if mixed {
			program = fmt.Sprintf("program-%c", 'a'+n%7)
		}
		r := inspect.Request{
			Key: fmt.Sprintf("%s/write/%x", id.Name, n*0x9e37), Lock: id, Mode: keyspace.Write, Lease: int64(n%5000 + 1), Revision: revision,
			Seen: now, Saw: true, Owned: true, Holding: len(queues[i]) == 0, Owner: keyspace.Owner{Host: fmt.Sprint("worker-", n%30), Program: program, PID: n % 4000}.Ref(),
		}
		queues[i] = append(queues[i], r)
		kind := inspect.EventWaiting
		if r.Holding {
			kind = inspect.EventGranted
		}
		events = append(events, inspect.Event{Kind: kind, Revision: revision, Time: now, Request: r})
	}
	return events
}

// BenchmarkKnot is a client that comes and goes at the end of a queue, where each of 300
// sessions waits for all others.
func BenchmarkKnot(b *testing.B) {
	const locks, length, sessions = 10_000, 10, 300
	s := inspect.Snapshot{Revision: 1}
	request := func(id inspect.LockID, n int) inspect.Request {
		return inspect.Request{
			Key: fmt.Sprintf("%s/write/%x", id.Name, n), Lock: id, Mode: keyspace.Write, Lease: int64(n%sessions + 1), Revision: int64(n + 1),
			Owned: true, Owner: keyspace.Owner{Program: fmt.Sprintf("program-%c", 'a'+n%7)}.Ref(),
		}
	}
	for i := range locks {
		l := inspect.Lock{ID: inspect.LockID{Layout: layout.RWLock, Name: fmt.Sprintf("/orders/%06d", i)}}
		for j := range length {
			r := request(l.ID, i+j*locks)
			r.Holding = j == 0
			l.Queue = append(l.Queue, r)
		}
		s.Locks = append(s.Locks, l)
	}
	p := New(Options{})
	p.Begin(epoch, s)
	n := locks * length * 2
	for b.Loop() {
		n++
		r := request(s.Locks[n%locks].ID, n)
		r.Lease = 0
		come := inspect.Event{Kind: inspect.EventWaiting, Revision: int64(2 * n), Time: epoch, Request: r}
		leave := inspect.Event{Kind: inspect.EventReleased, Revision: int64(2*n + 1), Time: epoch, Request: r}
		p.Apply([]inspect.Event{come, leave})
	}
}
