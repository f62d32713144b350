package rwlock

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Who waits while etcd has troubles is told of the end of the context, and not of the troubles.
func TestEndOfTheContextInTroubles(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		g.refuse(rpctypes.ErrNoLeader)
		ctx, cancel := context.WithTimeout(f.Context(), 10*time.Second)
		defer cancel()
		f.mustBe(s.NewRWMutex(f.name).RWLock(ctx), context.DeadlineExceeded)
		g.open(0)
		f.must(s.Close())
	})
}

// What etcd itself refuses was not carried out, and needs no cleaning up.
func TestRefusedForCertain(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{rpctypes.ErrTooManyOps, rpctypes.ErrPermissionDenied, rpctypes.ErrLeaseNotFound} {
		inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
			s := f.bubbleSession(time.Hour)
			g.refuse(refusal)
			m := s.NewRWMutex(f.name)
			if err := m.RWLock(f.soon()); err == nil {
				t.Errorf("%v: acquired", refusal)
			}
			time.Sleep(time.Minute)
			if n := g.calls.Load(); n != 1 {
				t.Errorf("%v: %d calls", refusal, n)
			}
			g.open(0)
			f.must(s.Close())
		})
	}
}

// A waiter whose key is deleted is told within two seconds, whatever it waits for and however, and
// is granted nothing before.
func TestDeletedWaiters(t *testing.T) {
	t.Parallel()
	lock := LockRequest{Name: "/a", Mode: Write}
	for name, locks := range map[string][]LockRequest{
		"a writer": {lock}, "a reader": {{Name: "/a", Mode: Read}}, "permits": {{Name: "/a", Mode: Slot, Permits: 1}},
		"a set": {lock, {Name: "/b", Mode: Write}},
	} {
		for _, mirror := range []bool{true, false} {
			for _, released := range []bool{true, false} {
				inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
					s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
					first := locks[0]
					if first.Mode == Read {
						first.Mode = Write
					}
					holder, m := others.NewSet([]LockRequest{first}), s.NewSet(locks)
					f.must(holder.Lock(f.soon()))
					if !mirror {
						NeverMirror(f.client, first.Name)
					}
					waiter := start(func() error { return m.Lock(f.Context()) })
					synctest.Wait()
					keys := m.hold.requested().entries
					f.mustDelete(other, keys[len(keys)-1].key)
					if released {
						f.must(holder.Unlock())
					}
					d, err := took(func() error { return f.await(waiter) })
					f.mustBe(err, ErrLost)
					if d > ownKeyDelay {
						t.Errorf("%s: told after %s", name, d)
					}
					f.must(s.Close())
					f.must(others.Close())
				})
			}
		}
	}
}

// A watch is doubted as soon as the client's connection is lost, whoever resumes it.
func TestDeafWatchOfALostConnection(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, other *clientv3.Client) {
		watcher := &deafWatcher{Watcher: f.client.Watcher}
		f.client.Watcher = watcher
		watcher.deaf.Store(true)
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		synctest.Wait()
		watcher.deaf.Store(false)
		f.mustDelete(other, m.Key())
		d, err := took(func() error {
			g.etcd.Cut(f.client, 100*time.Millisecond)
			f.closes(lost)
			return nil
		})
		if f.must(err); d > 5*time.Second {
			t.Errorf("noticed after %s", d)
		}
		f.must(s.Close())
	})
}

// A loss is told by one event, without another request, and a release is none.
func TestLossByTheEvent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		calls := count(f.client)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		released := m.Lost()
		synctest.Wait()
		f.must(m.Unlock())
		synctest.Wait()
		f.open(released)
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		synctest.Wait()
		before := calls.total()
		f.mustDelete(other, m.Key())
		f.closes(lost)
		if n := calls.total() - before; n > 0 {
			t.Errorf("%d calls", n)
		}
		f.mustBe(m.Unlock(), ErrLost)
		f.must(s.Close())
		f.open(released)
	})
}

// Requests use the keys of their session again, after those too that were not sent: as the lock was
// kept, or the mutex was busy.
func TestUnsentRequestsTakeNoKey(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		read, write := f.usedKey(m, Read), f.usedKey(m, Write)
		f.must(m.RWLock(f.soon()))
		f.mustBe(m.RLock(f.soon()), ErrBusy)
		f.must(m.Unlock())
		f.must(m.RLock(f.soon()))
		f.mustBe(m.RWLock(f.soon()), ErrBusy)
		f.must(m.Unlock())
		kept := s.NewRWMutex(f.name, WithKeep(time.Minute))
		for range 2 * keptGrants {
			f.must(kept.RWLock(f.soon()))
			f.must(kept.Unlock())
		}
		time.Sleep(2 * time.Minute)
		f.mustHaveNoKeys()
		if r, w := f.usedKey(m, Read), f.usedKey(m, Write); r != read || w != write {
			t.Errorf("keys %s and %s, want %s and %s again", r, w, read, write)
		}
		first := s.NewRWMutex(f.name)
		f.must(first.RWLock(f.soon()))
		holder, _ := f.local(s, 2)
		holding := start(func() error { return holder.RWLock(f.soon()) })
		synctest.Wait()
		f.must(first.Unlock())
		f.must(f.await(holding))
		next, queued := f.local(s, 2) // takes the key of the first one, and does not need it
		waiter := start(func() error { return next.RWLock(f.soon()) })
		f.closes(queued)
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		f.must(next.Unlock())
		f.mustHaveNoReservedKeys(s)
		f.must(s.Close())
	})
}

// Who waits in a local queue has requested nothing from etcd.
func TestAheadInALocalQueue(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		holder, _ := f.local(s, 2)
		f.must(holder.RWLock(f.soon()))
		m, queued := f.local(s, 2)
		waiter := start(func() error { return m.RWLock(f.soon()) })
		f.closes(queued)
		_, err := m.Ahead(f.soon())
		f.mustBe(err, ErrNotHeld)
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		f.must(m.Unlock())
		f.must(s.Close())
	})
}

// A grant of a lease that fails is no answer while another one may succeed.
func TestGrantThatFails(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		first := func(context.Context) error {
			g.open(2 * time.Second) // for the second one
			time.Sleep(2 * time.Second)
			return errors.New("broken")
		}
		g.hang.Store(&first)
		s := f.bubbleSession(time.Hour)
		g.open(0)
		f.must(s.Close())
		g.refuse(errors.New("broken"))
		if _, err := NewSession(f.soon(), f.client, time.Hour); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with grants that fail: %v", err)
		}
	})
}

// A lock is kept after three grants in a row, of which each comes within the idle time.
func TestGrantsInARow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		const idle = time.Minute
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name, WithKeep(idle))
		for i, kept := range []bool{false, false, false, false, true} { // with a pause before the third
			if i == 2 {
				time.Sleep(idle + 1)
			}
			f.must(m.RWLock(f.soon()))
			f.must(m.Unlock())
			if n := f.keys(); (n == 1) != kept {
				t.Errorf("%d keys after the grant %d", n, i+1)
			}
		}
		f.must(s.Close())
	})
}

// Of many locks that were released together, all late copies are deleted within twenty seconds,
// and only what is of their session.
func TestManyLateCopies(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		const n = 2*maxLooked + 50
		for i := range n {
			key := f.usedKey(s.NewRWMutex(f.name+"/"+strconv.Itoa(i)), Write)
			f.putLate(s, key)
		}
		others := f.usedKey(s.NewRWMutex(f.name+"/others"), Write)
		_, err := f.client.Put(f.soon(), others, "")
		f.must(err)
		time.Sleep(2 * inFlight)
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys are left, want what somebody else has put", n)
		}
		f.mustHaveNoReservedKeys(s)
		f.must(s.Close())
	})
}

// mustHaveNoReservedKeys fails the test if requests of a session cannot use keys that none uses.
func (f fixture) mustHaveNoReservedKeys(s *Session) {
	f.Helper()
	reservedKeys.Range(func(key, of any) bool {
		if of == any(s) {
			f.Errorf("%s is reserved", key)
		}
		return true
	})
}

// A hold whose put is in doubt, and whose key somebody has deleted, is lost, also if a copy of the
// put has come since.
func TestLossBeforeALateCopy(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		count(f.client).once(rpctypes.ErrLeaderChanged)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		key := m.Key()
		f.mustDelete(other, key)
		f.putLate(s, key)
		f.mustBe(m.Unlock(), ErrLost)
		time.Sleep(2 * inFlight)
		f.mustHaveNoKeys()
		f.must(s.Close())
	})
}

// Permits that are free cost one request, however many others hold some; and of a semaphore with
// very many, no more than a thousand requests are read.
func TestRequestsOfFreePermits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
		for range 3 * maxPredecessors {
			f.must(others.NewSemaphore(f.name, 100).Acquire(f.soon(), 1))
		}
		calls := count(f.client)
		f.must(s.NewSemaphore(f.name, 100).Acquire(f.soon(), 1))
		if n := calls.total(); n != 1 {
			t.Errorf("%d calls", n)
		}
		e := &entry{mode: Slot, slot: slot{weight: 1, permits: 100_000}}
		if n := e.limit(maxPredecessors); n != maxSlots {
			t.Errorf("%d requests are read", n)
		}
		f.must(s.Close())
		f.must(others.Close())
	})
}

// A client with too few of the waiters starts no mirror, and none for a while after one that did
// not suit.
func TestUnsuitableQueues(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		w := newLocalWaits(f.client)
		e := &entry{name: f.name, mode: Write, waits: true, key: f.name + "/write/1", rev: 2}
		w.enter(e.queueID())
		mirror := func(length int64) *mirror {
			return w.mirror(e, queueState{length: length, predecessors: []keyRev{{key: f.name + "/write/0", rev: 1}}, rev: 2}, nil)
		}
		if mirror(maxShare+1) != nil {
			t.Error("a mirror for one waiter of many")
		}
		for pause := minUnsuitable; pause < maxUnsuitable; pause *= 2 {
			m := mirror(maxShare)
			if m == nil {
				t.Fatalf("no mirror, before a pause of %s", pause)
			}
			m.end(errUnsuitable)
			time.Sleep(pause - 1)
			if mirror(maxShare) != nil {
				t.Errorf("a mirror again within %s", pause)
			}
			time.Sleep(time.Nanosecond)
		}
	})
}

// Only the end of a watch on the current stream makes another one the current one.
func TestEndsOfOlderStreams(t *testing.T) {
	t.Parallel()
	var w watchStreams
	old := w.join()
	w.broke(old)
	current := w.join()
	w.broke(old) // another watch that was on it
	if w.join() != current {
		t.Error("each watch that comes back has a stream of its own")
	}
}

// deafWatcher opens watches that tell that they have begun, and nothing of what happens while it
// is deaf: as a proxy does whose etcd is gone.
type deafWatcher struct {
	clientv3.Watcher
	deaf atomic.Bool
}

func (d *deafWatcher) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	events, deaf := d.Watcher.Watch(ctx, key, opts...), d.deaf.Load()
	heard := make(chan clientv3.WatchResponse)
	go func() {
		defer close(heard)
		for resp := range events {
			if !resp.Created && deaf {
				continue
			}
			select {
			case heard <- resp:
			case <-ctx.Done():
				return
			}
		}
	}()
	return heard
}

// A watch that tells nothing is believed for 19 s at most, whatever it is for. Then the leader is
// asked: the next stream may lead to other data.
func TestDeafWatches(t *testing.T) {
	t.Parallel()
	type clients struct {
		fixture
		s, others *Session // of which the first is deaf
	}
	waits := func(kind LockRequest, mirror bool) func(clients) (<-chan error, func()) {
		return func(c clients) (<-chan error, func()) {
			kind.Name = c.name
			holder, m := c.others.NewSet([]LockRequest{kind}), c.s.NewSet([]LockRequest{kind})
			c.must(holder.Lock(c.soon()))
			if !mirror {
				NeverMirror(c.client, c.name)
			}
			return start(func() error { return errors.Join(m.Lock(c.Context()), m.Unlock()) }), func() { c.must(holder.Unlock()) }
		}
	}
	closes := func(closes <-chan struct{}) <-chan error {
		return start(func() error { <-closes; return nil })
	}
	for name, begin := range map[string]func(clients) (done <-chan error, change func()){
		"Lost": func(c clients) (<-chan error, func()) {
			m := c.s.NewRWMutex(c.name)
			c.must(m.RWLock(c.soon()))
			return closes(m.Lost()), func() { c.mustDelete(c.others.client, m.Key()) }
		},
		"Wanted": func(c clients) (<-chan error, func()) {
			m, next := c.s.NewRWMutex(c.name), c.others.NewRWMutex(c.name)
			c.must(m.RWLock(c.soon()))
			return closes(m.Wanted()), func() { go func() { _ = next.RWLock(c.Context()) }() }
		},
		"WithKeep": func(c clients) (<-chan error, func()) {
			m, next := c.s.NewRWMutex(c.name, WithKeep(time.Hour)), c.others.NewRWMutex(c.name)
			for range keptGrants {
				c.must(m.RWLock(c.soon()))
				c.must(m.Unlock())
			}
			granted := make(chan error, 1)
			return granted, func() { granted <- next.RWLock(c.Context()) }
		},
		"a waiter with a mirror":           waits(LockRequest{Mode: Write}, true),
		"a waiter with a watch of a key":   waits(LockRequest{Mode: Write}, false),
		"a waiter for permits, mirror":     waits(LockRequest{Mode: Slot, Permits: 1}, true),
		"a waiter for permits, of the key": waits(LockRequest{Mode: Slot, Permits: 1}, false),
	} {
		inBubble(t, func(f fixture, g *gate, other *clientv3.Client) {
			watcher := &deafWatcher{Watcher: f.client.Watcher}
			f.client.Watcher = watcher
			watcher.deaf.Store(true)
			c := clients{f, f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)}
			done, change := begin(c)
			time.Sleep(5 * time.Second) // watches have begun, of its own key too
			watcher.deaf.Store(false)
			before := g.stale.Load()
			d, err := took(func() error {
				change()
				select {
				case err := <-done:
					return err
				case <-time.After(time.Minute):
					return context.DeadlineExceeded
				}
			})
			if f.must(err); d > 19*time.Second {
				t.Errorf("%s: noticed after %s", name, d)
			}
			if n := g.stale.Load() - before; n > 0 {
				t.Errorf("%s: %d keys were read from any member", name, n)
			}
			f.must(c.s.Close())
			f.must(c.others.Close())
		})
	}
}

func (f fixture) mustDelete(client *clientv3.Client, key string) {
	f.Helper()
	_, err := client.Delete(f.soon(), key)
	f.must(err)
}
