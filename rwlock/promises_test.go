package rwlock

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
// returns what trying again does not mend.
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
		g.refuse(rpctypes.ErrPermissionDenied)
		f.mustBe(Keep(f.soon(), f.client, 10*time.Second, f.name, work), rpctypes.ErrPermissionDenied)
	})
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		_ = f.client.Close()
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
		time.Sleep(ownKeyDelay - 1)
		f.must(m.Unlock())
		time.Sleep(ownKeyDelay)
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
		f.must(s.Close())
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
			time.Sleep(1)
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
