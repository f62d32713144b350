package tui

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// crowd is many locks, which change as an etcd with much to do changes them: an
// update shares all queues but those that changed with the one before.
type crowd struct {
	now      time.Time
	snapshot inspect.Snapshot
	next     int
}

const (
	crowdLocks    = 10_000
	crowdRequests = 10  // of each
	crowdEvents   = 100 // of an update, when there are 1,000 a second and ten updates
)

func newCrowd(now time.Time) *crowd {
	c := &crowd{now: now, snapshot: inspect.Snapshot{Revision: 1}}
	for i := range crowdLocks {
		id := rw(fmt.Sprintf("/mylocks/tenant-%02d/orders/%05d", i%50, i))
		l := inspect.Lock{ID: id}
		for j := range crowdRequests {
			l.Queue = append(l.Queue, c.request(id, keyspace.Write, i*crowdRequests+j, j == 0))
		}
		c.snapshot.Locks = append(c.snapshot.Locks, l)
	}
	slices.SortFunc(c.snapshot.Locks, func(a, b inspect.Lock) int { return compareIDs(a.ID, b.ID) })
	return c
}

func (c *crowd) request(id inspect.LockID, mode keyspace.Mode, n int, holding bool) inspect.Request {
	c.snapshot.Revision++
	return inspect.Request{
		Key: keyspace.Encode(id.Name, mode, fmt.Sprint("id-", n)), Lock: id, Mode: mode, Lease: int64(n/3 + 1), Holding: holding,
		Revision: c.snapshot.Revision, Modified: c.snapshot.Revision, Owned: true, Since: c.now.Add(-time.Duration(n%3600) * time.Second),
		Owner: keyspace.Owner{Host: "web-1", PID: n, Program: "worker"},
	}
}

// update is what the watch sends after the heads of some queues have gone to
// their ends.
func (c *crowd) update() updateMsg {
	s := c.snapshot
	s.Locks = slices.Clone(s.Locks)
	var events []inspect.Event
	for range crowdEvents / 2 {
		c.next = (c.next + 7919) % len(s.Locks)
		l := s.Locks[c.next]
		queue := append(slices.Clone(l.Queue[1:]), l.Queue[0])
		queue[0].Holding = true
		events = append(events,
			inspect.Event{Kind: inspect.EventReleased, Request: l.Queue[0], Revision: s.Revision, Time: c.now},
			inspect.Event{Kind: inspect.EventAcquired, Request: queue[0], Revision: s.Revision, Time: c.now})
		c.snapshot.Revision++
		again := &queue[len(queue)-1]
		again.Revision, again.Holding = c.snapshot.Revision, false
		s.Locks[c.next].Queue = queue
	}
	s.Revision = c.snapshot.Revision
	c.snapshot = s
	return updateMsg{update: inspect.Update{Snapshot: s, Events: events}, ok: true}
}

// crowded is a model that shows a crowd.
func crowded(b *testing.B) (*model, *crowd, *clock) {
	b.Helper()
	ck := newClock()
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel)
	source := newCluster(ck.Now)
	m := newModel(ctx, Options{Prefix: "/", Source: source, Locker: source, Now: ck.Now})
	m.updates = make(chan inspect.Update)
	c := newCrowd(ck.Now())
	m.Update(resize(200, 60))
	m.Update(c.update())
	m.Update(diagnosedMsg{newVerdict(c.snapshot, nil, ck.Now())})
	return m, c, ck
}

// BenchmarkUpdate is an update of a tenth of a second.
func BenchmarkUpdate(b *testing.B) {
	m, c, ck := crowded(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		msg := c.update()
		ck.add(updatePause)
		b.StartTimer()
		m.Update(msg)
	}
}

// BenchmarkView draws each screen.
func BenchmarkView(b *testing.B) {
	for _, s := range everyScreen {
		b.Run(s.name, func(b *testing.B) {
			m, _, _ := crowded(b)
			for _, k := range s.keys {
				m.Update(keyPress(k))
			}
			b.ReportAllocs()
			for b.Loop() {
				m.screen()
			}
		})
	}
}

// BenchmarkKey is a key press, with the picture that it asks for.
func BenchmarkKey(b *testing.B) {
	m, _, _ := crowded(b)
	for b.Loop() {
		m.Update(keyPress("j"))
		m.View()
	}
}

// BenchmarkFilter is a key press that filters all rows.
func BenchmarkFilter(b *testing.B) {
	m, _, _ := crowded(b)
	m.Update(keyPress("/"))
	for b.Loop() {
		m.Update(keyPress("1"))
		m.View()
		m.Update(keyPress("backspace"))
		m.View()
	}
}

// BenchmarkDiagnose is what is done beside Update.
func BenchmarkDiagnose(b *testing.B) {
	c := newCrowd(newClock().Now())
	for b.Loop() {
		newVerdict(c.snapshot, nil, c.now)
	}
}
