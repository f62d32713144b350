package rwlock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"etcd-lock/internal/etcdtest"
)

func (f fixture) semaphore(permits int) *Semaphore {
	return NewSemaphore(f.session(), f.name, permits)
}

func TestSemaphoreHasPermits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b, c := f.semaphore(2), f.semaphore(2), f.semaphore(2)
	f.must(a.Acquire(f.soon(), 1))
	f.must(b.Acquire(f.soon(), 1))
	f.mustBe(c.TryAcquire(f.soon(), 1), ErrLocked)
	third := start(func() error { return c.Acquire(f.soon(), 1) })
	f.queued(3)
	f.waiting(third)
	var ahead []Ahead
	etcdtest.Eventually(t, "requests ahead", func() bool { // when the client knows of its key
		var err error
		ahead, err = c.Ahead(f.soon())
		return err == nil
	})
	if len(ahead) != 2 || ahead[0].Key != a.Key() || ahead[0].Mode != Slot || ahead[0].Weight != 1 || ahead[0].Permits != 2 {
		t.Errorf("ahead of the third are %+v, want the two holders", ahead)
	}
	f.must(b.Release())
	f.must(f.await(third))
	if a.Token() >= c.Token() || !c.Valid() || b.Valid() {
		t.Errorf("tokens %d and %d, valid %v and %v", a.Token(), c.Token(), c.Valid(), b.Valid())
	}
	f.must(a.Release())
	f.must(c.Release())
	f.mustBe(c.Release(), ErrNotHeld)
	f.mustHaveNoKeys()
}

// A request that takes all permits is not overtaken by later ones that take few, and the ones
// behind it are granted together.
func TestHeavyRequestIsNotOvertaken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, heavy, light, lighter := f.semaphore(3), f.semaphore(3), f.semaphore(3), f.semaphore(3)
	f.must(first.Acquire(f.soon(), 1))
	heavyDone := start(func() error { return heavy.Acquire(f.soon(), 3) })
	f.queued(2)
	f.mustBe(light.TryAcquire(f.soon(), 1), ErrLocked)
	lightDone := start(func() error { return light.Acquire(f.soon(), 1) })
	f.queued(3)
	lighterDone := start(func() error { return lighter.Acquire(f.soon(), 2) })
	f.queued(4)
	f.waiting(heavyDone)
	f.waiting(lightDone)
	f.must(first.Release())
	f.must(f.await(heavyDone))
	f.waiting(lightDone)
	f.must(heavy.Release())
	f.must(f.await(lightDone))
	f.must(f.await(lighterDone))
}

// The position of a request counts all that are ahead of it, also those beside which it could
// have permits.
func TestSemaphorePosition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	holder, heavy := f.semaphore(3), f.semaphore(3)
	f.must(holder.Acquire(f.soon(), 1))
	heavyDone := start(func() error { return heavy.Acquire(f.soon(), 3) })
	f.queued(2)
	queued := make(chan Event, 1)
	light := NewSemaphore(f.session(), f.name, 3, WithHook(func(e Event) {
		if e.Kind == EventQueued {
			queued <- e
		}
	}))
	lightDone := start(func() error { return light.Acquire(f.soon(), 1) })
	if e := <-queued; e.Position != 2 || len(e.Ahead) != 2 {
		t.Errorf("at position %d behind %v, want 2", e.Position, e.Ahead)
	}
	f.must(holder.Release())
	f.must(f.await(heavyDone))
	f.must(heavy.Release())
	f.must(f.await(lightDone))
	f.must(light.Release())
}

// Of clients that disagree about the permits, those that were told fewer wait for more, and
// the others wait behind them.
func TestPermitsThatDisagree(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b, few, c := f.semaphore(3), f.semaphore(3), f.semaphore(1), f.semaphore(3)
	f.must(a.Acquire(f.soon(), 1))
	f.must(b.Acquire(f.soon(), 1))
	f.mustBe(few.TryAcquire(f.soon(), 1), ErrLocked)
	fewDone := start(func() error { return few.Acquire(f.soon(), 1) })
	f.queued(3)
	later := start(func() error { return c.Acquire(f.soon(), 1) })
	f.queued(4)
	f.must(a.Release())
	f.waiting(fewDone)
	f.waiting(later)
	f.must(b.Release())
	f.must(f.await(fewDone))
	f.waiting(later)
	f.must(few.Release())
	f.must(f.await(later))
}

func TestSemaphoreIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustBe(NewSemaphore(f.session(), "", 1).Acquire(f.soon(), 1), ErrInvalidName)
	for _, bad := range [][2]int{{0, 1}, {1, 0}, {2, 3}, {-1, 1}, {1, -1}, {1_000_000_001, 1}} {
		f.mustBe(f.semaphore(bad[0]).TryAcquire(f.soon(), bad[1]), ErrInvalidPermits)
	}
	for weight, says := range map[int]string{-1: "(-1 of 3 permits", 0: "(0 of 3 permits", 4: "(4 of 3 permits"} {
		if err := f.semaphore(3).Acquire(f.soon(), weight); !strings.Contains(err.Error(), says) {
			t.Errorf("a request for %d permits: %v", weight, err)
		}
	}
	set := NewSet(f.session(), []LockRequest{{Name: f.name, Mode: Slot, Permits: 1}, {Name: f.name, Mode: Write}})
	f.mustBe(set.Lock(f.soon()), ErrOtherKind)
	f.mustHaveNoKeys()
}

func TestNameOfAReadWriteLock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	m, below, s := f.mutex(), NewRWMutex(f.session(), f.name+"/read/below"), f.semaphore(2)
	f.must(below.RLock(f.soon()))
	f.must(s.Acquire(f.soon(), 1)) // the other name counts for nothing
	f.must(s.Release())
	f.must(m.RLock(f.soon()))
	f.mustBe(s.Acquire(f.soon(), 1), ErrOtherKind)
	f.mustBe(s.TryAcquire(f.soon(), 1), ErrOtherKind)
	f.must(m.Unlock())
	f.must(below.Unlock())
	f.mustHaveNoKeys()
	f.must(s.TryAcquire(f.soon(), 1))
}

func TestSetWithASemaphore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pool := LockRequest{Name: f.name + "/pool", Mode: Slot, Permits: 2}
	newSet := func(other string) *Set {
		return NewSet(f.session(), []LockRequest{pool, {Name: f.name + other, Mode: Write}})
	}
	a, b, c := newSet("/a"), newSet("/b"), newSet("/c")
	f.must(a.Lock(f.soon()))
	f.must(b.TryLock(f.soon()))
	f.mustBe(c.TryLock(f.soon()), ErrLocked)
	done := start(func() error { return c.Lock(f.soon()) })
	f.queued(6)
	f.must(a.Unlock())
	f.must(f.await(done))
	f.must(b.Unlock())
	f.must(c.Unlock())
	f.mustHaveNoKeys()
}

// A waiter whose key is deleted, or whose context ends, is not granted permits, and leaves
// nothing.
func TestSemaphoreWaiterEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	holder, revoked, canceled, last := f.semaphore(1), f.semaphore(1), f.semaphore(1), f.semaphore(1)
	f.must(holder.Acquire(f.soon(), 1))
	lost := start(func() error { return revoked.Acquire(f.soon(), 1) })
	f.queued(2)
	ctx, cancel := context.WithCancel(f.soon())
	ended := start(func() error { return canceled.Acquire(ctx, 1) })
	f.queued(3)
	done := start(func() error { return last.Acquire(f.soon(), 1) })
	f.queued(4)
	_, err := f.client.Revoke(f.soon(), revoked.hold.session.Lease())
	f.must(err)
	cancel()
	if err := f.await(lost); !errors.Is(err, ErrLost) && !errors.Is(err, ErrSessionExpired) {
		t.Errorf("the waiter that was revoked got %v", err)
	}
	f.mustBe(f.await(ended), context.Canceled)
	f.waiting(done)
	f.must(holder.Release())
	f.must(f.await(done))
	f.must(last.Release())
	f.mustHaveNoKeys()
}

// Many clients of one and of many connections never hold more than there is, and all are
// granted their requests: with a mirror, and with watches of keys.
func TestSemaphoreUnderLoad(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		clients, permits int
		mirror           bool
	}{{1, 3, true}, {8, 3, true}, {1, 3, false}, {8, 2, false}} {
		t.Run(fmt.Sprintf("%d clients, %d permits, mirror %v", test.clients, test.permits, test.mirror), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			var held atomic.Int64
			var workers sync.WaitGroup
			for i := range 16 {
				client := f.client
				if test.clients > 1 && i%2 == 0 {
					client = etcdtest.Client(t, etcdtest.Shared(t))
				}
				if !test.mirror {
					NeverMirror(client, f.name)
				}
				s := NewSemaphore(etcdtest.Session(t, client, 60), f.name, test.permits)
				weight := 1 + i%test.permits
				workers.Go(func() {
					for range 6 {
						err := s.Do(f.soon(), weight, func(context.Context) error {
							if now := held.Add(int64(weight)); now > int64(test.permits) {
								return fmt.Errorf("%d permits are held of %d", now, test.permits)
							}
							time.Sleep(time.Duration(i%3) * time.Millisecond)
							held.Add(-int64(weight))
							return nil
						})
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			workers.Wait()
			f.mustHaveNoKeys()
		})
	}
}
