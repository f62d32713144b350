package rwlock

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"

	"etcd-lock/internal/etcdtest"
)

func (f fixture) closes(c <-chan struct{}) {
	f.Helper()
	select {
	case <-c:
	case <-f.soon().Done():
		f.Fatal("not closed after 30 s")
	}
}

func (f fixture) open(c <-chan struct{}) {
	f.Helper()
	select {
	case <-c:
		f.Fatal("closed, want it open")
	default:
	}
}

func TestTry(t *testing.T) {
	f := newFixture(t)
	holder, m := f.mutex(), f.mutex()
	t.Run("Free", func(t *testing.T) {
		f.must(m.TryRWLock(f.soon()))
		f.must(m.Unlock())
		f.must(m.TryRLock(f.soon()))
		f.must(m.Unlock())
	})
	t.Run("BesideAReader", func(t *testing.T) {
		f.must(holder.RLock(f.soon()))
		f.must(m.TryRLock(f.soon()))
		f.must(m.Unlock())
		f.mustBe(m.TryRWLock(f.soon()), ErrLocked)
		f.must(holder.Unlock())
	})
	t.Run("BesideAWriter", func(t *testing.T) {
		f.must(holder.RWLock(f.soon()))
		f.mustBe(m.TryRLock(f.soon()), ErrLocked)
		f.mustBe(m.TryRWLock(f.soon()), ErrLocked)
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys after refused tries, want only the holder's", n)
		}
		f.must(holder.Unlock())
	})
	t.Run("BehindAWaitingWriter", func(t *testing.T) {
		f.must(holder.RLock(f.soon()))
		writer := f.mutex()
		waiter := start(func() error { return writer.RWLock(f.soon()) })
		f.queued(2)
		f.mustBe(m.TryRLock(f.soon()), ErrLocked)
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		f.must(writer.Unlock())
	})
	t.Run("LocksNestedBelowAreNoReason", func(t *testing.T) {
		nested := []*RWMutex{
			NewRWMutex(f.session(), f.name+"/write/x"), NewRWMutex(f.session(), f.name+"/read"),
		}
		for _, n := range nested {
			f.must(n.RWLock(f.soon()))
		}
		f.must(m.TryRWLock(f.soon()))
		f.must(m.Unlock())
		for _, n := range nested {
			f.must(n.Unlock())
		}
	})
	t.Run("LostReply", func(t *testing.T) {
		f := newFixture(t)
		calls := count(f.client)
		calls.once(errWatchEnded)
		m := f.mutex()
		f.must(m.TryRWLock(f.soon()))
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys after a repeated try, want 1", n)
		}
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}

func TestLost(t *testing.T) {
	f := newFixture(t)
	t.Run("NotByUnlock", func(t *testing.T) {
		m := f.mutex()
		if m.Lost() != nil {
			t.Error("Lost of what is not held is not nil")
		}
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		f.must(m.Unlock())
		f.open(lost)
	})
	t.Run("KeyDeleted", func(t *testing.T) {
		m := f.mutex()
		f.must(m.RLock(f.soon()))
		lost := m.Lost()
		f.open(lost)
		_, err := f.client.Delete(f.soon(), m.Key())
		f.must(err)
		f.closes(lost)
		f.mustBe(m.Unlock(), ErrLost)
	})
	t.Run("BeforeAnybodyAsked", func(t *testing.T) {
		m := f.mutex()
		f.must(m.RLock(f.soon()))
		_, err := f.client.Delete(f.soon(), m.Key())
		f.must(err)
		f.closes(m.Lost())
		f.mustBe(m.Unlock(), ErrLost)
	})
	t.Run("SessionEnds", func(t *testing.T) {
		s := f.session()
		m := NewRWMutex(s, f.name)
		f.must(m.RLock(f.soon()))
		lost := m.Lost()
		f.must(s.Close())
		f.closes(lost)
		f.mustBe(m.Unlock(), ErrLost)
	})
	t.Run("ThroughCompaction", func(t *testing.T) {
		m := f.mutex()
		f.must(m.RLock(f.soon()))
		lost := m.Lost()
		resp, err := f.client.Put(f.soon(), f.name+"-noise", "")
		f.must(err)
		_, err = f.client.Compact(f.soon(), resp.Header.Revision)
		f.must(err)
		f.open(lost)
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}

func TestDo(t *testing.T) {
	f := newFixture(t)
	boom := errors.New("boom")
	t.Run("UnlocksAfter", func(t *testing.T) {
		m := f.mutex()
		f.mustBe(m.RWDo(f.soon(), func(context.Context) error {
			if m.Token() == 0 {
				t.Error("not held inside RWDo")
			}
			return boom
		}), boom)
		f.mustHaveNoKeys()
	})
	t.Run("UnlocksAfterAPanic", func(t *testing.T) {
		m := f.mutex()
		func() {
			defer func() { _ = recover() }()
			_ = m.RDo(f.soon(), func(context.Context) error { panic("boom") })
		}()
		f.mustHaveNoKeys()
	})
	t.Run("CancelledByLoss", func(t *testing.T) {
		m := f.mutex()
		err := m.RDo(f.soon(), func(ctx context.Context) error {
			if _, err := f.client.Delete(ctx, m.Key()); err != nil {
				return err
			}
			f.closes(ctx.Done())
			return context.Cause(ctx)
		})
		f.mustBe(err, ErrLost)
	})
	t.Run("NotCalledWithoutTheLock", func(t *testing.T) {
		holder := f.mutex()
		f.must(holder.RWLock(f.soon()))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		f.mustBe(f.mutex().RDo(ctx, func(context.Context) error {
			t.Error("called although the lock is another's")
			return nil
		}), context.DeadlineExceeded)
		f.must(holder.Unlock())
	})
}

func TestGuard(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	m := NewRWMutex(s, f.name)
	write := func() bool {
		resp, err := f.client.Txn(f.soon()).If(m.Guard()).Then(clientv3.OpPut(f.name+"-data", "x")).Commit()
		f.must(err)
		return resp.Succeeded
	}
	if write() {
		t.Error("guarded write went through before the lock was held")
	}
	f.must(m.RWLock(f.soon()))
	if !write() {
		t.Error("guarded write was refused under the lock")
	}
	_, err := f.client.Revoke(f.soon(), s.Lease())
	f.must(err)
	if write() {
		t.Error("guarded write went through after the lock was lost")
	}
	f.mustBe(m.Unlock(), ErrLost)
	if write() {
		t.Error("guarded write went through after Unlock")
	}
}

func TestTokensGrow(t *testing.T) {
	f := newFixture(t)
	var last int64
	for range 5 {
		m := f.mutex()
		f.must(m.RWLock(f.soon()))
		if m.Token() <= last {
			t.Errorf("token %d after %d", m.Token(), last)
		}
		last = m.Token()
		f.must(m.Unlock())
	}
}

func TestSet(t *testing.T) {
	f := newFixture(t)
	a, b := f.name+"/a", f.name+"/b"
	t.Run("AllOrNone", func(t *testing.T) {
		holder := NewRWMutex(f.session(), b)
		f.must(holder.RLock(f.soon()))
		set := NewSet(f.session(), []LockRequest{{a, Write}, {b, Write}})
		f.mustBe(set.TryLock(f.soon()), ErrLocked)
		ctx, cancel := context.WithCancel(f.soon())
		waiter := start(func() error { return set.Lock(ctx) })
		f.queued(3)
		f.waiting(waiter)
		cancel()
		f.mustBe(f.await(waiter), context.Canceled)
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys, want only the holder's", n)
		}
		f.must(holder.Unlock())
	})
	t.Run("OneRevision", func(t *testing.T) {
		set := NewSet(f.session(), []LockRequest{{b, Read}, {a, Read}, {b, Write}})
		if keys := set.Keys(); keys != nil {
			t.Errorf("Keys = %q of what is not held", keys)
		}
		f.must(set.Lock(f.soon()))
		keys := set.Keys()
		if len(keys) != 2 || !strings.HasPrefix(keys[0], b+"/write/") || !strings.HasPrefix(keys[1], a+"/read/") {
			t.Errorf("Keys = %q", keys)
		}
		if n := f.keys(); n != 2 {
			t.Errorf("%d keys for two names, want 2", n)
		}
		resp, err := f.client.Txn(f.soon()).If(set.Guard()...).Commit()
		f.must(err)
		if !resp.Succeeded {
			t.Error("guard is not true while held")
		}
		f.mustBe(NewRWMutex(f.session(), b).TryRLock(f.soon()), ErrLocked)
		f.must(set.Unlock())
	})
	t.Run("Misuse", func(t *testing.T) {
		f.mustBe(NewSet(f.session(), nil).Lock(f.soon()), ErrInvalidName)
		f.mustBe(NewSet(f.session(), []LockRequest{{"", Read}}).TryLock(f.soon()), ErrInvalidName)
		f.mustBe(NewSet(f.session(), []LockRequest{{a, 0}}).Lock(f.soon()), ErrInvalidMode)
		f.mustBe(NewSet(f.session(), []LockRequest{{a, Read}}).Unlock(), ErrNotHeld)
	})
	t.Run("NoDeadlockInAnyOrder", func(t *testing.T) {
		wants := [][]LockRequest{{{a, Write}, {b, Write}}, {{b, Write}, {a, Write}}, {{a, Read}, {b, Write}}, {{b, Read}, {a, Write}}}
		var done []<-chan error
		for _, w := range wants {
			set := NewSet(f.session(), w)
			done = append(done, start(func() error {
				for range 30 {
					if err := set.Lock(f.soon()); err != nil {
						return err
					}
					if err := set.Unlock(); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		for _, d := range done {
			f.must(f.await(d))
		}
	})
	f.mustHaveNoKeys()
}

func TestTryUpgrade(t *testing.T) {
	f := newFixture(t)
	m, other := f.mutex(), f.mutex()
	t.Run("Alone", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		token := m.Token()
		f.must(m.TryUpgrade(f.soon()))
		if m.Token() <= token {
			t.Errorf("token %d after the upgrade of %d", m.Token(), token)
		}
		f.mustBe(other.TryRLock(f.soon()), ErrLocked)
		f.must(m.TryUpgrade(f.soon()))
		f.must(m.Downgrade(f.soon()))
		f.must(other.TryRLock(f.soon()))
		f.must(other.Unlock())
		f.must(m.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("BesideAReader", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		f.must(other.RLock(f.soon()))
		f.mustBe(m.TryUpgrade(f.soon()), ErrLocked)
		f.mustBe(other.TryUpgrade(f.soon()), ErrLocked) // where two that wait would deadlock
		f.must(other.Unlock())
		f.must(m.TryUpgrade(f.soon()))
		f.must(m.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("AheadOfAWaitingWriter", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		waiter := start(func() error { return other.RWLock(f.soon()) })
		f.queued(2)
		f.mustBe(m.TryUpgrade(f.soon()), ErrLocked)
		f.waiting(waiter)
		f.must(m.Unlock())
		f.must(f.await(waiter))
		f.must(other.Unlock())
	})
	t.Run("ErrLost", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		_, err := f.client.Delete(f.soon(), m.Key())
		f.must(err)
		f.mustBe(m.TryUpgrade(f.soon()), ErrLost)
		f.mustBe(m.Unlock(), ErrLost)
	})
	t.Run("ErrNotHeld", func(t *testing.T) { f.mustBe(m.TryUpgrade(f.soon()), ErrNotHeld) })
	t.Run("TheRecipeObeys", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		f.must(m.TryUpgrade(f.soon()))
		theirs := recipe.NewRWMutex(f.session(), f.name)
		reader := start(theirs.RLock)
		f.queued(3)
		f.waiting(reader)
		f.must(m.Downgrade(f.soon()))
		f.must(f.await(reader))
		f.must(theirs.RUnlock())
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}

func TestDowngrade(t *testing.T) {
	f := newFixture(t)
	downgradable := func() *RWMutex { return NewRWMutex(f.session(), f.name, WithDowngrade()) }
	t.Run("LetsReadersInAndWritersWait", func(t *testing.T) {
		m, r, w := downgradable(), f.mutex(), f.mutex()
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		reader := start(func() error { return r.RLock(f.soon()) })
		f.queued(3)
		f.waiting(reader)
		f.must(m.Downgrade(f.soon()))
		f.must(f.await(reader))
		writer := start(func() error { return w.RWLock(f.soon()) })
		f.queued(3)
		f.must(r.Unlock())
		f.waiting(writer)
		f.open(lost)
		f.must(m.Unlock())
		f.must(f.await(writer))
		f.must(w.Unlock())
	})
	t.Run("NobodySlipsIn", func(t *testing.T) {
		m, w := downgradable(), f.mutex()
		f.must(m.RWLock(f.soon()))
		writer := start(func() error { return w.RWLock(f.soon()) })
		f.queued(3)
		f.must(m.Downgrade(f.soon()))
		f.queued(2)
		f.waiting(writer)
		f.must(m.Unlock())
		f.must(f.await(writer))
		f.must(w.Unlock())
	})
	t.Run("TheRecipeObeys", func(t *testing.T) {
		m, theirs := downgradable(), recipe.NewRWMutex(f.session(), f.name)
		f.must(m.RWLock(f.soon()))
		writer := start(theirs.Lock)
		f.queued(3)
		f.must(m.Downgrade(f.soon()))
		f.must(m.Downgrade(f.soon()))
		f.waiting(writer)
		f.must(m.Unlock())
		f.must(f.await(writer))
		f.must(theirs.Unlock())
	})
	t.Run("ErrNoDowngrade", func(t *testing.T) {
		m := f.mutex()
		f.mustBe(m.Downgrade(f.soon()), ErrNotHeld)
		f.must(m.RWLock(f.soon()))
		f.mustBe(m.Downgrade(f.soon()), ErrNoDowngrade)
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}

func TestHook(t *testing.T) {
	f := newFixture(t)
	events := make(chan Event, 10)
	m := NewRWMutex(f.session(), f.name, WithHook(func(e Event) { events <- e }))
	next := func() Event {
		t.Helper()
		select {
		case e := <-events:
			if len(e.Locks) != 1 || e.Locks[0] != (LockRequest{f.name, Write}) {
				t.Errorf("event %+v is not of the request", e)
			}
			return e
		case <-f.soon().Done():
			t.Fatal("no event")
			return Event{}
		}
	}
	expect := func(kinds ...EventKind) (last Event) {
		t.Helper()
		for _, k := range kinds {
			if last = next(); last.Kind != k {
				t.Fatalf("event %+v, want %s", last, k)
			}
		}
		return last
	}
	f.must(m.RWLock(f.soon()))
	token := m.Token()
	f.must(m.Unlock())
	if e := expect(EventWaiting, EventGranted, EventReleased); e.Token != token || e.Held <= 0 || e.Err != nil {
		t.Errorf("released = %+v, want token %d", e, token)
	}
	other := f.mutex()
	f.must(other.RWLock(f.soon()))
	waited := make(chan error, 1)
	go func() { waited <- m.RWLock(f.soon()) }()
	if e := expect(EventWaiting, EventQueued); e.Token != 0 {
		t.Errorf("queued = %+v", e)
	}
	f.must(other.Unlock())
	expect(EventGranted)
	f.must(<-waited)
	f.must(m.Unlock())
	expect(EventReleased)
	f.must(m.RWLock(f.soon()))
	_, err := f.client.Delete(f.soon(), m.Key())
	f.must(err)
	if e := expect(EventWaiting, EventGranted, EventLost); !errors.Is(e.Err, ErrLost) {
		t.Errorf("lost = %+v", e)
	}
	f.mustBe(m.Unlock(), ErrLost)
	expect(EventReleased)

	holder := f.mutex()
	f.must(holder.RLock(f.soon()))
	f.mustBe(m.TryRWLock(f.soon()), ErrLocked)
	if e := expect(EventWaiting, EventFailed); !errors.Is(e.Err, ErrLocked) || e.Token != 0 {
		t.Errorf("failed = %+v", e)
	}
	f.must(holder.Unlock())
}

func TestSession(t *testing.T) {
	f := newFixture(t)
	open := func(ttl time.Duration) *Session {
		t.Helper()
		s, err := NewSession(f.soon(), f.client, ttl)
		f.must(err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	t.Run("CloseReleasesItsLocks", func(t *testing.T) {
		s := open(10 * time.Second)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		f.must(s.Close())
		f.closes(lost)
		f.mustHaveNoKeys()
		f.must(s.Close())
		f.mustBe(m.Unlock(), ErrLost)
		f.mustBe(m.RLock(f.soon()), ErrSessionExpired)
	})
	t.Run("IsKeptAlive", func(t *testing.T) {
		s := open(time.Second)
		first := s.Deadline()
		etcdtest.Eventually(t, "renewed twice", func() bool { return s.Deadline().After(first.Add(s.TTL() / 2)) })
		if err := s.Ctx().Err(); err != nil {
			t.Error(err)
		}
	})
	t.Run("EndsWhenRevoked", func(t *testing.T) {
		s := open(time.Second)
		_, err := f.client.Revoke(f.soon(), s.Lease())
		f.must(err)
		f.closes(s.Done())
		f.mustBe(context.Cause(s.Ctx()), ErrSessionExpired)
	})
	t.Run("RoundsUp", func(t *testing.T) {
		if s := open(1500 * time.Millisecond); s.TTL() != 2*time.Second {
			t.Errorf("TTL of 1.5 s was granted as %s", s.TTL())
		}
	})
	t.Run("InvalidTTL", func(t *testing.T) {
		if _, err := NewSession(f.soon(), f.client, 0); err == nil {
			t.Error("no error for a TTL of 0")
		}
	})
}

// A holder that is cut off learns of its loss before another can have the lock.
func TestCutOffHolderLearnsFirst(t *testing.T) {
	f := newFixture(t)
	network := etcdtest.NewProxy(t, etcdtest.Shared(t))
	s, err := NewSession(f.soon(), etcdtest.Client(t, network.Addr), time.Second)
	f.must(err)
	for range 3 {
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		next := f.mutex()
		network.Cut()
		f.must(next.RWLock(f.soon()))
		select {
		case <-lost:
		default:
			t.Fatal("another has the lock, and the holder that was cut off does not know")
		}
		network.Heal()
		f.mustBe(m.Unlock(), ErrLost)
		f.must(next.Unlock())
		s, err = NewSession(f.soon(), s.Client(), time.Second)
		f.must(err)
	}
	f.must(s.Close())
}

// Requests of one session use one key again, so that a lock in use for long
// does not fill etcd's index with traces; but never at the same time, nor while
// something late may yet happen to the key.
func TestKeysAreUsedAgain(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	held := func(m *RWMutex) string {
		t.Helper()
		f.must(m.TryRLock(f.soon()))
		return m.Key()
	}
	a, b := NewRWMutex(s, f.name), NewRWMutex(s, f.name)
	first := held(a)
	if second := held(b); second == first {
		t.Fatalf("two requests share the key %s", first)
	}
	f.must(a.Unlock())
	f.must(b.Unlock())
	if again := held(b); again != first {
		t.Errorf("key %s, want %s again", again, first)
	}
	if other := held(NewRWMutex(f.session(), f.name)); other == first {
		t.Errorf("two sessions share the key %s", other)
	}
	t.Run("NotWhenUnsure", func(t *testing.T) {
		calls := count(f.client)
		calls.once(errWatchEnded)
		f.must(b.Unlock())
		calls.after = nil
		if again := held(b); again == first {
			t.Errorf("key %s is used again after a delete that may come late", again)
		}
		f.must(b.Unlock())
	})
}
