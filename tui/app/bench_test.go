package app

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/state"
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
	crowdClients  = 100 // of the user's own
	crowdOurs     = 1000
	crowdEvents   = 100 // of an update, when there are 1,000 a second and ten updates
)

func newCrowd(now time.Time, locks int) *crowd {
	c := &crowd{now: now, snapshot: inspect.Snapshot{Revision: 1}}
	for i := range locks {
		id := rw(fmt.Sprintf("/mylocks/tenant-%02d/orders/%05d", i%50, i))
		l := inspect.Lock{ID: id}
		for j := range crowdRequests {
			l.Queue = append(l.Queue, c.request(id, keyspace.Write, i*crowdRequests+j, j == 0))
		}
		c.snapshot.Locks = append(c.snapshot.Locks, l)
	}
	slices.SortFunc(c.snapshot.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	return c
}

func (c *crowd) request(id inspect.LockID, mode keyspace.Mode, n int, holding bool) inspect.Request {
	c.snapshot.Revision++
	return inspect.Request{
		Key: keyspace.Encode(id.Name, mode, fmt.Sprint("id-", n)), Lock: id, Mode: mode, Lease: int64(n/3 + 1), Holding: holding,
		Revision: c.snapshot.Revision, Modified: c.snapshot.Revision, Owned: true, Since: c.now.Add(-time.Duration(n%3600) * time.Second),
		Owner: keyspace.Owner{Host: "web-1", PID: n, Program: "worker"}.Ref(),
	}
}

// update is what the watch sends after the heads of some queues have gone to
// their ends.
func (c *crowd) update() effects.UpdateMsg {
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
			inspect.Event{Kind: inspect.EventGranted, Request: queue[0], Revision: s.Revision, Time: c.now})
		c.snapshot.Revision++
		again := &queue[len(queue)-1]
		again.Revision, again.Holding = c.snapshot.Revision, false
		s.Locks[c.next].Queue = queue
	}
	s.Revision = c.snapshot.Revision
	c.snapshot = s
	return effects.UpdateMsg{Update: inspect.Update{Snapshot: s, Events: events}, OK: true}
}

// ours has clients of the user's own hold the first locks and wait for others.
func (c *crowd) own(m *Model) {
	for i := len(m.Clients); i < crowdClients; i++ {
		session := backend.ClientState{Lease: int64(i + 1), Life: backend.Alive, TTL: time.Minute, Until: c.now.Add(time.Minute)}
		m.Clients = append(m.Clients, &state.OwnClient{Client: backendtest.ClientIn(session), Number: i + 1, Label: fmt.Sprint("client-", i)})
	}
	for i := range crowdOurs {
		r := c.snapshot.Locks[i%len(c.snapshot.Locks)].Queue[i%crowdRequests]
		ours := &state.OwnRequest{
			ID: uint64(i + 1), Client: m.Clients[i%crowdClients], Name: r.Lock.Name, Mode: r.Mode, Asked: c.now, Since: c.now,
			Ticket: backendtest.NewTicket(r.Key, r.Revision),
		}
		if r.Holding {
			ours.State = state.OwnHeld
		}
		m.Requests = append(m.Requests, ours)
	}
}

// crowded is a model that shows a crowd, and has seen it come: its journal knows
// all requests, and its log is full.
func crowded(tb testing.TB, locks int) (*Model, *crowd, *clock) {
	tb.Helper()
	ck := newClock()
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	source := backendtest.NewCluster(ck.Now)
	m := New(ctx, backend.Options{Prefixes: keyspace.Prefixes{"/"}, Source: source, Locker: source, Now: ck.Now})
	c := newCrowd(ck.Now(), locks)
	m.Update(resize(200, 60))
	for _, l := range c.snapshot.Locks {
		for _, r := range l.Queue {
			m.Journal.Take(inspect.Event{Kind: inspect.EventWaiting, Request: r, Revision: r.Revision, Time: c.now})
		}
	}
	for m.Log.Last < 3*state.LogCapacity || m.Log.Last < 3*state.JournalCapacity {
		for _, e := range c.update().Update.Events {
			m.Log.AddEvent(e, c.now)
			m.Journal.Take(e)
		}
	}
	m.Update(c.update())
	c.own(m)
	m.Update(effects.DiagnosedMsg{Verdict: state.NewVerdict(c.snapshot, nil, ck.Now())})
	return m, c, ck
}

// BenchmarkUpdate is an update of a tenth of a second, on each screen.
func BenchmarkUpdate(b *testing.B) {
	filtered := view{"filtered events", []string{"7", "/", "~", "0", ".", "*", "4", "enter"}}
	for _, s := range append(everyScreen, filtered) {
		b.Run(s.name, func(b *testing.B) {
			m, c, ck := crowded(b, crowdLocks)
			for _, k := range s.keys {
				m.Update(keyPress(k))
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				msg := c.update()
				ck.add(effects.UpdatePause)
				b.StartTimer()
				m.Update(msg)
			}
		})
	}
}

// What a screen costs to draw depends on its size, and not on how many locks
// there are.
func TestViewCost(t *testing.T) {
	few, _, _ := crowded(t, crowdLocks/30)
	many, _, _ := crowded(t, crowdLocks/3)
	draw := func(m *Model) (mallocs, bytes uint64) {
		const times = 3
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			m.screen()
		}
		runtime.ReadMemStats(&after)
		return (after.Mallocs - before.Mallocs) / times, (after.TotalAlloc - before.TotalAlloc) / times
	}
	for _, s := range everyScreen {
		for _, m := range []*Model{few, many} {
			for _, k := range s.keys {
				m.Update(keyPress(k))
			}
		}
		objects, bytes := draw(few)
		moreObjects, moreBytes := draw(many)
		if moreObjects > 2*objects || moreBytes > 2*bytes {
			t.Errorf("%s: %d objects of %d bytes, and %d of %d with ten times the locks", s.name, objects, bytes, moreObjects, moreBytes)
		}
		for _, m := range []*Model{few, many} {
			for range 3 {
				m.Update(keyPress("esc"))
			}
		}
	}
}

// A verdict does not bring screens up to date that are behind another one: keys wait for it.
func TestVerdictCost(t *testing.T) {
	take := func(locks int) uint64 {
		m, c, ck := crowded(t, locks)
		verdict := state.NewVerdict(c.snapshot, nil, ck.Now().Add(time.Second))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m.Update(effects.DiagnosedMsg{Verdict: verdict})
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	if few, many := take(crowdLocks/30), take(crowdLocks/3); many > 2*few+1000 {
		t.Errorf("%d objects, and %d with ten times the locks", few, many)
	}
}

// BenchmarkView draws each screen.
func BenchmarkView(b *testing.B) {
	for _, s := range everyScreen {
		b.Run(s.name, func(b *testing.B) {
			m, _, _ := crowded(b, crowdLocks)
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
	m, _, _ := crowded(b, crowdLocks)
	for b.Loop() {
		m.Update(keyPress("j"))
		m.View()
	}
}

// BenchmarkFilter is a key press that filters all rows.
func BenchmarkFilter(b *testing.B) {
	m, _, _ := crowded(b, crowdLocks)
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
	c := newCrowd(newClock().Now(), crowdLocks)
	for b.Loop() {
		state.NewVerdict(c.snapshot, nil, c.now)
	}
}

// BenchmarkDiagnosed is a verdict that comes, and keys wait for.
func BenchmarkDiagnosed(b *testing.B) {
	m, c, ck := crowded(b, crowdLocks)
	verdict := state.NewVerdict(c.snapshot, nil, ck.Now())
	for b.Loop() {
		verdict.At = verdict.At.Add(time.Second)
		m.Update(effects.DiagnosedMsg{Verdict: verdict})
	}
}
