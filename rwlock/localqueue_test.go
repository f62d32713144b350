package rwlock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// local is a mutex with a local queue, which is told when it waits.
func (f fixture) local(s *Session, passes int) (*RWMutex, <-chan struct{}) {
	queued, option := whenQueued()
	return s.NewRWMutex(f.name, WithLocalQueue(passes, time.Hour), option), queued
}

func (f fixture) newSession(client *clientv3.Client) *Session {
	f.Helper()
	s, err := NewSession(f.soon(), client, time.Minute)
	f.must(err)
	f.Cleanup(func() { _ = s.Close() })
	return s
}

// Goroutines of a few processes take a lock in turns. One at a time holds it, and most of
// them need no request to etcd.
func TestLocalQueues(t *testing.T) {
	f := newFixture(t)
	var s sent
	var sessions []*Session
	for range 8 {
		sessions = append(sessions, f.newSession(s.client(t, etcdtest.Shared(t))))
	}
	before := s.requests.Load()
	const goroutines, rounds = 200, 4
	var holding, grants atomic.Int32
	var working sync.WaitGroup
	for i := range goroutines {
		m := sessions[i%len(sessions)].NewRWMutex(f.name, WithLocalQueue(16, time.Hour))
		working.Go(func() {
			for range rounds {
				if err := m.RWLock(f.soon()); err != nil {
					t.Error(err)
					return
				}
				if n := holding.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				grants.Add(1)
				holding.Add(-1)
				if err := m.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	if each := float64(s.requests.Load()-before) / float64(grants.Load()); each > 0.5 {
		t.Errorf("%.2f requests a grant, want at most 0.5", each)
	}
	f.mustHaveNoKeys()
	if n := queuesOf(sessions...); n != 0 {
		t.Errorf("%d local queues are left", n)
	}
}

func queuesOf(sessions ...*Session) (n int) {
	for _, s := range sessions {
		q := &stateOf(s.client).queues
		q.mu.Lock()
		n += len(q.waiting)
		q.mu.Unlock()
	}
	return n
}

// A waiter elsewhere is overtaken by at most passes - 1 holds of the session ahead of it.
func TestLocalQueueOvertakesFew(t *testing.T) {
	f := newFixture(t)
	const passes = 3
	here, elsewhere := f.newSession(f.client), f.newSession(f.client)
	var mu sync.Mutex
	var order []string
	turn := func(who string, m *RWMutex) func() error {
		return func() error {
			err := m.RWLock(f.soon())
			mu.Lock()
			order = append(order, who)
			mu.Unlock()
			return errors.Join(err, m.Unlock())
		}
	}
	first, _ := f.local(here, passes)
	f.must(first.RWLock(f.soon()))
	var done []<-chan error
	for range 2 * passes {
		m, queued := f.local(here, passes)
		done = append(done, start(turn("here", m)))
		f.closes(queued)
	}
	remote := elsewhere.NewRWMutex(f.name)
	done = append(done, start(turn("elsewhere", remote)))
	f.queued(2)
	f.must(first.Unlock())
	for _, d := range done {
		f.must(f.await(d))
	}
	if i := slices.Index(order, "elsewhere"); i != passes-1 {
		t.Errorf("%d holds have overtaken it, want %d: %v", i, passes-1, order)
	}
	f.mustHaveNoKeys()
}

// Nor is it by more where the lock was kept, and was used again before the request that waits was
// noticed: what the key has served counts.
func TestKeptLocalQueueOvertakesFew(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const passes = 3
	s, first := f.kept(f.client, WithLocalQueue(passes, time.Hour))
	f.must(first.RWLock(f.soon()))
	req := first.hold.requested()
	req.keeper.stop()
	f.closes(req.keeper.over)
	unaware := &keeper{stop: func() {}, over: make(chan struct{})}
	req.keeper = unaware
	f.must(first.Unlock()) // it is kept
	remote := f.newSession(f.client).NewRWMutex(f.name)
	elsewhere := start(func() error { return errors.Join(remote.RWLock(f.soon()), remote.Unlock()) })
	f.queued(2)
	f.must(first.RWLock(f.soon()))
	close(unaware.over) // the event has come
	overtaking, last := 0, first
	for m := first; m.hold.requested() == req && overtaking < 2*passes; overtaking++ {
		next, queued := f.local(s, passes)
		waiter := start(func() error { return next.RWLock(f.soon()) })
		f.closes(queued)
		f.must(m.Unlock())
		f.must(f.await(waiter))
		m, last = next, next
	}
	f.must(last.Unlock())
	f.must(f.await(elsewhere))
	if overtaking > passes-1 {
		t.Errorf("%d holds have overtaken it, want %d at most", overtaking, passes-1)
	}
}

// A hold of which the token, the guard or the key is known outside is never passed on.
func TestLocalQueuePassesNoKnownTokenOn(t *testing.T) {
	for name, get := range map[string]func(*RWMutex){
		"Token": func(m *RWMutex) { m.Token() },
		"Guard": func(m *RWMutex) { m.Guard() },
		"Key":   func(m *RWMutex) { m.Key() },
		"none":  func(*RWMutex) {},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			s := f.newSession(f.client)
			first, _ := f.local(s, 10)
			f.must(first.RWLock(f.soon()))
			get(first)
			next, queued := f.local(s, 10)
			waiter := start(func() error { return next.RWLock(f.soon()) })
			f.closes(queued)
			before := first.hold.requested().entries[0].rev
			f.must(first.Unlock())
			f.must(f.await(waiter))
			if passed := next.hold.requested().entries[0].rev == before; passed != (name == "none") {
				t.Errorf("passed on: %v", passed)
			}
			f.must(next.Unlock())
			f.mustHaveNoKeys()
		})
	}
}

// Nobody in a local queue is stuck when others give up, lose the lock, or the session ends.
func TestLocalQueueGoesOn(t *testing.T) {
	f := newFixture(t)
	s := f.newSession(f.client)
	wait := func(ctx context.Context) (*RWMutex, <-chan error) {
		t.Helper()
		m, queued := f.local(s, 10)
		done := start(func() error { return m.RWLock(ctx) })
		f.closes(queued)
		return m, done
	}
	t.Run("a waiter gives up", func(t *testing.T) {
		holder, _ := f.local(s, 10)
		f.must(holder.RWLock(f.soon()))
		ctx, cancel := context.WithCancel(f.soon())
		m, impatient := wait(ctx)
		next, waiter := wait(f.soon())
		if m.Key() != "" {
			t.Errorf("key %s of a waiter without one", m.Key())
		}
		cancel()
		f.mustBe(f.await(impatient), context.Canceled)
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		f.must(next.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("the turn comes to one who has given up", func(t *testing.T) {
		q, name := &stateOf(f.client).queues, localName{s.Lease(), f.name}
		holder, _ := f.local(s, 10)
		f.must(holder.RWLock(f.soon()))
		given := make(chan *place, 1) // by one who is about to give up
		q.mu.Lock()
		q.waiting[name] = append(q.waiting[name], given)
		q.mu.Unlock()
		next, waiter := wait(f.soon())
		f.must(holder.Unlock())
		q.giveUp(name, given)
		f.must(f.await(waiter))
		f.must(next.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("it comes with the lock, and nobody else waits", func(t *testing.T) {
		q, name := &stateOf(f.client).queues, localName{s.Lease(), f.name}
		holder, _ := f.local(s, 10)
		f.must(holder.RWLock(f.soon()))
		given := make(chan *place, 1)
		q.mu.Lock()
		q.waiting[name] = append(q.waiting[name], given)
		q.mu.Unlock()
		f.must(holder.Unlock())
		f.queued(1) // it was passed on
		q.giveUp(name, given)
		f.queued(0)
	})
	t.Run("its time is over", func(t *testing.T) {
		holder := s.NewRWMutex(f.name, WithLocalQueue(10, time.Nanosecond))
		f.must(holder.RWLock(f.soon()))
		req := holder.hold.requested()
		next, waiter := wait(f.soon())
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		if next.hold.requested() == req {
			t.Error("it was passed on after its time")
		}
		f.must(next.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("the first gives up", func(t *testing.T) {
		other := f.newSession(f.client).NewRWMutex(f.name)
		f.must(other.RWLock(f.soon()))
		ctx, cancel := context.WithCancel(f.soon())
		first, _ := f.local(s, 10)
		impatient := start(func() error { return first.RWLock(ctx) })
		f.queued(2)
		next, waiter := wait(f.soon())
		cancel()
		f.mustBe(f.await(impatient), context.Canceled)
		f.must(other.Unlock())
		f.must(f.await(waiter))
		f.must(next.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("the lock is lost", func(t *testing.T) {
		holder, _ := f.local(s, 10)
		f.must(holder.RWLock(f.soon()))
		lost := holder.Lost()
		next, waiter := wait(f.soon())
		_, err := f.client.Delete(f.soon(), holder.hold.requested().firstKey())
		f.must(err)
		f.closes(lost)
		f.mustBe(holder.Unlock(), ErrLost)
		f.must(f.await(waiter))
		f.must(next.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("it is downgraded", func(t *testing.T) {
		holder := s.NewRWMutex(f.name, WithLocalQueue(10, time.Hour), WithDowngrade())
		f.must(holder.RWLock(f.soon()))
		next, waiter := wait(f.soon())
		f.must(holder.Downgrade(f.soon()))
		f.queued(2) // the next has requested it
		f.waiting(waiter)
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		f.must(next.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("the session ends", func(t *testing.T) {
		holder, _ := f.local(s, 10)
		f.must(holder.RWLock(f.soon()))
		_, waiter := wait(f.soon())
		f.must(s.Close())
		f.mustBe(f.await(waiter), ErrSessionClosed)
		f.mustBe(holder.Unlock(), ErrLost)
		f.mustHaveNoKeys()
		if n := queuesOf(s); n != 0 {
			t.Errorf("%d local queues are left", n)
		}
	})
}
