package rwlock

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// Unlock returns within about five seconds of an etcd that hangs. The removal goes on, and the
// mutex can be used again meanwhile.
func TestUnlockIsBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		g.open(time.Minute)
		d, err := took(m.Unlock)
		f.mustBe(err, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "etcd has not answered yet, so this goes on in the background") {
			t.Errorf("%v does not say what becomes of the key", err)
		}
		if d < unlockTimeout || d > unlockTimeout+cleanupWait {
			t.Errorf("unlocked within %s", d)
		}
		f.mustBe(m.Unlock(), ErrNotHeld)
		ctx, cancel := context.WithTimeout(f.Context(), 2*time.Minute)
		defer cancel()
		f.must(m.RWLock(ctx))
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys, want that of the second hold", n)
		}
		f.must(m.Unlock())
		f.mustHaveNoKeys()
		f.must(s.Close())
	})
}

// Unlock by a user who may not delete keys says so at once, and deletes the key once the user may.
func TestUnlockWithoutPermission(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		g.refuse(rpctypes.ErrPermissionDenied)
		d, err := took(m.Unlock)
		f.mustBe(err, rpctypes.ErrPermissionDenied)
		if d > 0 {
			t.Errorf("it took %s", d)
		}
		time.Sleep(time.Minute)
		g.open(0)
		time.Sleep(5 * time.Second)
		f.mustHaveNoKeys()
		f.must(s.Close())
	})
}

// What is left to do in the background ends with the session.
func TestRemovalEndsWithTheSession(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Minute)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		g.refuse(rpctypes.ErrPermissionDenied)
		f.mustBe(m.Unlock(), rpctypes.ErrPermissionDenied)
		f.mustBe(s.Close(), rpctypes.ErrPermissionDenied)
		time.Sleep(2 * time.Minute)
		before := g.calls.Load()
		time.Sleep(time.Hour)
		if n := g.calls.Load() - before; n > 0 {
			t.Errorf("%d calls for a session that has ended long ago", n)
		}
	})
}

// A downgrade of what went with its session is no success, also when the reply to the removal is
// lost.
func TestDowngradeAfterTheSession(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Minute)
		m := s.NewRWMutex(f.name, WithDowngrade())
		f.must(m.RWLock(f.soon()))
		f.must(s.Close())
		count(f.client).once(rpctypes.ErrLeaderChanged)
		f.mustBe(m.Downgrade(f.soon()), ErrSessionClosed)
		f.mustBe(m.Unlock(), ErrLost)
	})
}

// The error of the function and that of Unlock are both returned.
func TestDoReturnsBothErrors(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		errWork := errors.New("work")
		err := m.RWDo(f.soon(), func(context.Context) error {
			_, err := other.Delete(f.soon(), f.name+"/", clientv3.WithPrefix())
			f.must(err)
			return errWork
		})
		f.mustBe(err, errWork)
		f.mustBe(err, ErrLost)
		f.must(s.Close())
	})
}

// A lock that is granted as the session ends is not held, and the end of a session has its reason.
func TestEndOfTheSessionAtTheGrant(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		_, err := m.hold.acquire(f.soon(), m.request(Write), func(context.Context) error {
			s.end(ErrSessionClosed)
			return nil
		})
		f.mustBe(err, ErrSessionClosed)
		f.mustBe(m.Unlock(), ErrNotHeld)
		f.must(s.Close())
	})
}

// The end of the client closes its sessions: that is no expiry.
func TestSessionOfAClosedClient(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		err := s.NewRWMutex(f.name+"/do").RWDo(context.Background(), func(ctx context.Context) error {
			_ = f.client.Close()
			<-ctx.Done()
			return context.Cause(ctx)
		})
		f.mustBe(err, ErrSessionClosed)
		f.mustBe(m.RWLock(f.soon()), ErrSessionClosed)
		if err := s.Close(); err == nil || !strings.Contains(err.Error(), "its client was closed before, so its locks are held until its lease expires") {
			t.Errorf("Close of a session whose client was closed: %v", err)
		}
	})
}

// A hold is not valid past the deadline, also where the process was stopped and the session has
// not noticed.
func TestNotValidPastTheDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		s.mu.Lock()
		deadline := s.deadline
		s.deadline = time.Now()
		s.mu.Unlock()
		if m.Valid() {
			t.Error("valid past the deadline")
		}
		s.mu.Lock()
		s.deadline = deadline
		s.mu.Unlock()
		f.must(m.Unlock())
		f.must(s.Close())
	})
}

// Who cannot read the queue yet is told later that others wait.
func TestWantedGoesOn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, other *clientv3.Client) {
		s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
		m, next := s.NewRWMutex(f.name), others.NewRWMutex(f.name)
		f.must(m.RLock(f.soon()))
		waiter := start(func() error { return next.RWLock(f.Context()) })
		f.queued(2)
		g.refuse(rpctypes.ErrPermissionDenied)
		wanted := m.Wanted()
		time.Sleep(time.Minute)
		f.open(wanted)
		g.open(0)
		time.Sleep(2 * time.Second)
		f.closes(wanted)
		f.must(m.Unlock())
		f.must(f.await(waiter))
		f.must(s.Close())
		f.must(others.Close())
	})
}

// Keep begins again after pauses that grow, and soon after a lock that it had was lost. It
// returns what trying again does not mend, and says how the last attempt failed when its context has ended.
func TestKeepPauses(t *testing.T) {
	t.Parallel()
	work := func(context.Context, int64) error { return nil }
	inBubble(t, func(f fixture, g *gate, other *clientv3.Client) {
		g.refuse(errors.New("broken"))
		time.AfterFunc(5*time.Minute, func() { g.open(0) })
		calls := 0
		var lost time.Time
		f.must(Keep(f.Context(), f.client, 10*time.Second, f.name, func(ctx context.Context, _ int64) error {
			if calls++; calls > 1 {
				if pause := time.Since(lost); pause > time.Second {
					t.Errorf("begun again %s after a loss", pause)
				}
				return nil
			}
			if n := g.calls.Load(); n < 20 || n > 40 { // pauses of 15 s, and shorter ones first
				t.Errorf("tried %d times in five minutes", n)
			}
			_, err := other.Delete(f.Context(), f.name+"/", clientv3.WithPrefix())
			f.must(err)
			<-ctx.Done()
			lost = time.Now()
			return nil
		}))
		leases, err := other.Leases(f.Context())
		f.must(err)
		if n := len(leases.Leases); n > 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		ended := func() string {
			err := Keep(f.soon(), f.client, 10*time.Second, f.name, work)
			f.mustBe(err, context.DeadlineExceeded)
			return strings.TrimPrefix(err.Error(), fmt.Sprintf("rwlock: keep write lock %q: ", f.name))
		}
		holder := f.bubbleSession(time.Hour)
		f.must(holder.NewRWMutex(f.name).RWLock(f.soon()))
		if says := ended(); says != "context deadline exceeded" {
			t.Errorf("behind another holder: %s", says)
		}
		g.refuse(errors.New("broken"))
		if says := ended(); says != "context deadline exceeded; the last attempt failed: rwlock: new session: broken" {
			t.Errorf("without sessions: %s", says)
		}
		g.open(0)
		f.must(holder.Close())
	})
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		g.refuse(rpctypes.ErrPermissionDenied)
		f.mustBe(Keep(f.soon(), f.client, 10*time.Second, f.name, work), rpctypes.ErrPermissionDenied)
	})
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		_ = f.client.Close()
		began := time.Now()
		if _, err := NewSession(f.soon(), f.client, 10*time.Second); err == nil || !strings.Contains(err.Error(), "its client was closed") || time.Since(began) > 0 {
			t.Errorf("a session of a closed client after %s: %v", time.Since(began), err)
		}
		if err := Keep(f.soon(), f.client, 10*time.Second, f.name, work); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a closed client: %v", err)
		}
	})
}

// A hold that is shorter than two seconds costs nothing more for its hook, later neither.
func TestHookOfAShortHold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		calls := count(f.client)
		m := s.NewRWMutex(f.name, WithHook(func(Event) {}))
		f.must(m.RWLock(f.soon()))
		_, loss := m.hold.current()
		time.Sleep(ownKeyDelay - 1)
		f.must(m.Unlock())
		time.Sleep(ownKeyDelay)
		if loss.watching {
			t.Error("it looks for the loss of what was released")
		}
		if n := calls.total(); n != 2 {
			t.Errorf("%d calls", n)
		}
		f.must(m.RWLock(f.soon()))
		time.Sleep(2 * ownKeyDelay)
		if n := calls.total(); n != 5 { // the watch, and a read
			t.Errorf("%d calls, with a watch", n)
		}
		f.must(s.Close())
	})
}

// The events of holds that share a key have no token, and a try is never queued.
func TestEventsOfSharedKeys(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]Option{"queue": WithLocalQueue(4, time.Hour), "keep": WithKeep(time.Hour), "none": WithLabel("")} {
		inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
			s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
			var tokens atomic.Int64
			m := s.NewRWMutex(f.name, option, WithHook(func(e Event) {
				if e.Token != 0 {
					tokens.Add(1)
				}
			}))
			for range keptGrants {
				f.must(m.RWLock(f.soon()))
				f.must(m.Unlock())
			}
			if n := tokens.Load(); (n == 0) != (name != "none") {
				t.Errorf("%s: %d tokens in events", name, n)
			}
			var kinds []string
			try := others.NewRWMutex(f.name, WithHook(func(e Event) { kinds = append(kinds, string(e.Kind)) }))
			f.must(try.TryRWLock(f.soon()))
			f.must(try.Unlock())
			if got := strings.Join(kinds, " "); got != "waiting granted released" {
				t.Errorf("%s: events of a try: %s", name, got)
			}
			f.must(s.Close())
			f.must(others.Close())
		})
	}
}

// A try waits half a second for a lock that may be kept, and not at all when another one waits for
// it already.
func TestTryWaitsForAKeptLockOnly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
		m, next := s.NewRWMutex(f.name, WithKeep(time.Hour)), others.NewRWMutex(f.name, WithKeep(time.Hour))
		for range keptGrants - 1 { // so that the next one of it may be kept too
			f.must(next.RWLock(f.soon()))
			f.must(next.Unlock())
		}
		for range keptGrants {
			f.must(m.RWLock(f.soon()))
			f.must(m.Unlock())
		}
		f.must(m.RWLock(f.soon()))
		refused := func(want time.Duration) {
			t.Helper()
			d, err := took(func() error { return s.NewRWMutex(f.name).TryRWLock(f.Context()) })
			f.mustBe(err, ErrLocked)
			if d != want {
				t.Errorf("refused after %s, want %s", d, want)
			}
		}
		refused(giveBackTime)
		waiter := start(func() error { return next.RWLock(f.Context()) })
		f.queued(2)
		refused(0)
		f.must(m.Unlock())
		f.must(f.await(waiter))
		f.must(s.Close())
		f.must(others.Close())
	})
}

// A client remembers a thousand locks at most: those that it keeps, before others.
func TestFewLocksAreKept(t *testing.T) {
	t.Parallel()
	ks := &keeps{}
	for i := range maxKeeps {
		ks.at(localName{name: strconv.Itoa(i)}).place = &place{}
	}
	ks.at(localName{name: "more"})
	if ks.locks[localName{name: "more"}] != nil || len(ks.locks) != maxKeeps {
		t.Errorf("%d locks are remembered", len(ks.locks))
	}
	ks.locks[localName{name: "7"}].place = nil // it is given back
	ks.at(localName{name: "more"})
	if ks.locks[localName{name: "more"}] == nil || ks.locks[localName{name: "7"}] != nil {
		t.Error("a lock that is not kept any more is remembered before a new one")
	}
}

// The writer's key of an upgraded hold is watched too, whether the watch for the loss began before
// the upgrade or after it.
func TestLossOfAnUpgradedHold(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
			s := f.bubbleSession(time.Hour)
			m := s.NewRWMutex(f.name)
			f.must(m.RLock(f.soon()))
			if before {
				f.open(m.Lost())
			}
			f.must(m.TryUpgrade(f.soon()))
			lost := m.Lost()
			_, err := other.Delete(f.soon(), m.Key())
			f.must(err)
			f.closes(lost)
			f.mustBe(m.Unlock(), ErrLost)
			time.Sleep(time.Second)
			f.mustHaveNoKeys()
			f.must(s.Close())
		})
	}
}

// An upgrade that has succeeded in etcd after Unlock has begun is taken back.
func TestUnlockDuringTheUpgrade(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		f.must(m.RLock(f.soon()))
		unlock := func() { f.must(m.Unlock()) }
		g.after.Store(&unlock)
		f.mustBe(m.TryUpgrade(f.soon()), ErrNotHeld)
		f.mustBe(m.Unlock(), ErrNotHeld)
		f.mustHaveNoKeys()
		f.must(s.Close())
	})
}

// A semaphore that a set lists twice is acquired once, with the larger weight, and the smaller
// number of permits counts.
func TestSetListsASemaphoreTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		for _, locks := range [][]LockRequest{
			{{Name: f.name, Mode: Slot, Weight: 1, Permits: 3}, {Name: f.name, Mode: Slot, Weight: 2, Permits: 2}},
			{{Name: f.name, Mode: Slot, Weight: 2, Permits: 2}, {Name: f.name, Mode: Slot, Weight: 1, Permits: 3}},
		} {
			set := s.NewSet(locks)
			f.must(set.Lock(f.soon()))
			if n := f.keys(); n != 1 {
				t.Errorf("%d keys", n)
			}
			f.mustBe(s.NewSemaphore(f.name, 3).TryAcquire(f.soon(), 1), ErrLocked)
			f.must(set.Unlock())
		}
		f.must(s.Close())
	})
}

// An error of etcd's is no loss, and does not end the watch for one.
func TestLostGoesOn(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		f.must(m.RLock(f.soon()))
		key := m.Key()
		g.refuse(rpctypes.ErrPermissionDenied)
		lost := m.Lost()
		time.Sleep(time.Minute)
		_, err := other.Delete(f.soon(), key)
		f.must(err)
		f.open(lost)
		g.open(0)
		time.Sleep(2 * time.Second)
		f.closes(lost)
		f.mustBe(m.Unlock(), ErrLost)
		f.must(s.Close())
	})
}

// Events say how long a request has waited, how long the lock was held, and why it failed.
func TestTimesOfEvents(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
		events := make(chan Event, 10)
		m, holder := s.NewRWMutex(f.name, WithHook(func(e Event) { events <- e })), others.NewRWMutex(f.name)
		expect := func(kind EventKind, waited, held time.Duration, err error) {
			t.Helper()
			for e := range events {
				if e.Kind == EventWaiting || e.Kind == EventQueued {
					continue
				}
				if e.Kind != kind || e.Waited != waited || e.Held != held || !errors.Is(e.Err, err) {
					t.Errorf("event %+v, want %s after %s and %s, with %v", e, kind, waited, held, err)
				}
				return
			}
		}
		f.must(holder.RWLock(f.soon()))
		time.AfterFunc(3*time.Second, func() { f.must(holder.Unlock()) })
		f.must(m.RWLock(f.soon()))
		expect(EventGranted, 3*time.Second, 0, nil)
		time.Sleep(5 * time.Second)
		f.must(m.Unlock())
		expect(EventReleased, 0, 5*time.Second, nil)

		f.must(holder.RWLock(f.soon()))
		ctx, cancel := context.WithTimeout(f.Context(), 7*time.Second)
		defer cancel()
		f.mustBe(m.RWLock(ctx), context.DeadlineExceeded)
		expect(EventFailed, 7*time.Second, 0, context.DeadlineExceeded)
		f.must(holder.Unlock())

		f.must(m.RWLock(f.soon()))
		expect(EventGranted, 0, 0, nil)
		time.Sleep(4 * time.Second)
		f.mustDelete(other, m.Key())
		expect(EventLost, 0, 4*time.Second, ErrLost)
		time.Sleep(time.Second)
		f.mustBe(m.Unlock(), ErrLost)
		expect(EventReleased, 0, 5*time.Second, ErrLost)

		f.must(m.RWLock(f.soon())) // and the end of the session is told at once
		expect(EventGranted, 0, 0, nil)
		time.Sleep(time.Second)
		f.must(s.Close())
		expect(EventLost, 0, time.Second, ErrSessionClosed)
		f.must(others.Close())
	})
}

// What the calls of a Semaphore say of what is held, and of what is not.
func TestSemaphoreSays(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewSemaphore(f.name, 2)
		guarded := func() bool {
			resp, err := f.client.Txn(f.soon()).If(m.Guard()).Commit()
			f.must(err)
			return resp.Succeeded
		}
		says := func(held bool) {
			t.Helper()
			if guarded() != held || (m.Key() != "") != held || (m.Token() != 0) != held || m.Valid() != held ||
				m.Until().IsZero() == held || (m.Lost() != nil) != held || (m.Wanted() != nil) != held {
				t.Errorf("held: %t; guard %t, key %q, token %d, valid %t, until %s", held, guarded(), m.Key(), m.Token(), m.Valid(), m.Until())
			}
		}
		says(false)
		f.must(m.Acquire(f.soon(), 2))
		says(true)
		f.must(m.ReleaseContext(ended()))
		says(false)
		f.mustBe(m.TryDo(f.soon(), 1, func(ctx context.Context) error {
			says(true)
			f.mustDelete(other, m.Key())
			<-ctx.Done()
			if guarded() {
				t.Error("the guard of lost permits is true")
			}
			return nil
		}), ErrLost)
		f.must(s.Close())
	})
}

// Keep acquires its lock with the options that it is given.
func TestKeepHasOptions(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		f.must(Keep(f.soon(), f.client, 10*time.Second, f.name, func(ctx context.Context, _ int64) error {
			resp, err := other.Get(ctx, f.name+"/", clientv3.WithPrefix())
			f.must(err)
			if owner, _ := keyspace.DecodeOwner(resp.Kvs[0].Value); owner.Label != "nightly" {
				t.Errorf("owner %+v", owner)
			}
			return nil
		}, WithLabel("nightly")))
	})
}

// The guard of a set is true while its locks are held, and never otherwise.
func TestGuardOfASet(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		set := s.NewSet([]LockRequest{{Name: f.name, Mode: Read}, {Name: f.name + "/b", Mode: Write}})
		guarded := func(want bool) {
			t.Helper()
			resp, err := f.client.Txn(f.soon()).If(set.Guard()...).Commit()
			f.must(err)
			if resp.Succeeded != want {
				t.Errorf("the guard is %t, want %t", resp.Succeeded, want)
			}
		}
		guarded(false)
		f.must(set.Lock(f.soon()))
		guarded(true)
		f.mustDelete(other, set.Keys()[1])
		guarded(false)
		f.mustBe(set.Unlock(), ErrLost)
		guarded(false)
		f.must(s.Close())
	})
}
