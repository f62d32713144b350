package rwlock

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
)

// kept is a session that keeps the fixture's lock, and a mutex of it.
func (f fixture) kept(client *clientv3.Client, opts ...Option) (*Session, *RWMutex) {
	f.Helper()
	s := f.newSession(client)
	m := s.NewRWMutex(f.name, append([]Option{WithKeep(time.Hour)}, opts...)...)
	for range keptGrants {
		f.must(m.RWLock(f.soon()))
		f.must(m.Unlock())
	}
	if n := f.keys(); n != 1 {
		f.Fatalf("%d keys, want the one that is kept", n)
	}
	return s, m
}

// A lock that is kept is acquired and unlocked again without a request, in all ways.
func TestKeptLockNeedsNoRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var sent sent
	s, m := f.kept(sent.client(t, etcdtest.Shared(t)))
	const established = 2*keptGrants - 1 + 2 // puts and deletes, and the keeper's watch and read
	etcdtest.Eventually(t, "the keeper's watch", func() bool { return sent.requests.Load() == established })
	for range 100 {
		f.must(m.RWLock(f.soon()))
		if lost := m.Lost(); lost == nil || !m.Valid() {
			t.Error("a relock is no hold")
		}
		f.mustBe(m.RWLock(f.soon()), ErrBusy)
		f.must(m.Unlock())
		f.must(s.NewRWMutex(f.name, WithKeep(time.Hour)).RWDo(f.soon(), func(ctx context.Context) error { return ctx.Err() }))
		f.must(m.TryRWLock(f.soon()))
		f.must(m.Unlock())
	}
	f.mustBe(m.Unlock(), ErrNotHeld)
	if n := sent.requests.Load(); n != established {
		t.Errorf("%d requests for 300 relocks, want none", n-established)
	}
}

// The owner says whether a lock may be kept from when the key is put.
func TestOwnerOfKeptLock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	m := f.newSession(f.client).NewRWMutex(f.name, WithKeep(time.Hour))
	for i := range keptGrants {
		f.must(m.RWLock(f.soon()))
		resp, err := f.client.Get(f.soon(), f.name+"/", clientv3.WithPrefix())
		f.must(err)
		owner, _ := keyspace.DecodeOwner(resp.Kvs[0].Value)
		if owner.Keep != (i == keptGrants-1) {
			t.Errorf("grant %d: may be kept: %t", i+1, owner.Keep)
		}
		f.must(m.Unlock())
	}
}

// Whoever waits is given the lock at once when it is only kept, and after the hold otherwise.
func TestKeptLockIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(f fixture, s *Session) (func() error, error){
		"to a writer": func(f fixture, _ *Session) (func() error, error) {
			m := f.newSession(f.client).NewRWMutex(f.name)
			return m.Unlock, m.RWLock(f.soon())
		},
		"to a reader": func(f fixture, _ *Session) (func() error, error) {
			m := f.newSession(f.client).NewRWMutex(f.name)
			return m.Unlock, m.RLock(f.soon())
		},
		"to a set": func(f fixture, _ *Session) (func() error, error) {
			set := f.newSession(f.client).NewSet([]LockRequest{{Name: f.name, Mode: Write}, {Name: f.name + "-more", Mode: Read}})
			return set.Unlock, set.Lock(f.soon())
		},
		"to a reader of the session": func(f fixture, s *Session) (func() error, error) {
			m := s.NewRWMutex(f.name, WithKeep(time.Hour))
			return m.Unlock, m.RLock(f.soon())
		},
		"to a writer of the session that keeps nothing": func(f fixture, s *Session) (func() error, error) {
			m := s.NewRWMutex(f.name)
			return m.Unlock, m.RWLock(f.soon())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			s, m := f.kept(f.client)
			unlock, err := ask(f, s)
			f.must(err)
			f.must(unlock())
			f.mustHaveNoKeys()
			f.must(m.RWLock(f.soon())) // it is in use
			f.must(m.Unlock())
			f.mustHaveNoKeys() // the grants are counted anew
		})
		t.Run(name+", when it is unlocked", func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			s, m := f.kept(f.client)
			f.must(m.RWLock(f.soon()))
			done := start(func() error {
				unlock, err := ask(f, s)
				return errors.Join(err, unlock())
			})
			f.queued(2)
			f.closes(m.Wanted())
			f.waiting(done)
			f.must(m.Unlock())
			f.must(f.await(done))
			f.mustHaveNoKeys()
		})
	}
}

// A lock that was kept is given back when it was not used for a while.
func TestKeptLockEndsIdle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.newSession(f.client)
	m := s.NewRWMutex(f.name, WithKeep(300*time.Millisecond))
	for range keptGrants {
		f.must(m.RWLock(f.soon()))
		f.must(m.Unlock())
	}
	f.queued(0)
	if n := len(stateOf(f.client).keeps.locks); n != 0 {
		t.Errorf("%d locks are remembered, want none", n)
	}
	f.must(m.RWLock(f.soon()))
	f.must(m.Unlock())
}

// A try waits for a lock that is kept, but not long for one that is held.
func TestTryOfKeptLock(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Read, Write} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			_, m := f.kept(f.client)
			other := f.newSession(f.client).NewRWMutex(f.name)
			try := func() error {
				if mode == Read {
					return other.TryRLock(f.soon())
				}
				return other.TryRWLock(f.soon())
			}
			f.must(m.RWLock(f.soon()))
			f.mustBe(try(), ErrLocked)
			f.must(m.Unlock())
			f.mustHaveNoKeys()
			f.must(other.RLock(f.soon()))
			f.must(other.Unlock())

			for range keptGrants {
				f.must(m.RWLock(f.soon()))
				f.must(m.Unlock())
			}
			etcdtest.Eventually(t, "a try that waits long enough", func() bool {
				err := try()
				return err == nil
			})
			f.must(other.Unlock())
			f.mustHaveNoKeys()
		})
	}
	t.Run("refused with one request, when the lock is not kept", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		var sent sent
		held := f.mutex()
		f.must(held.RWLock(f.soon()))
		other := f.newSession(sent.client(t, etcdtest.Shared(t))).NewRWMutex(f.name)
		f.mustBe(other.TryRWLock(f.soon()), ErrLocked)
		if n := sent.requests.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

// No two holds have a token that is known outside: a hold of which it is known is not kept.
func TestKeptLockHasNoKnownToken(t *testing.T) {
	t.Parallel()
	for name, get := range map[string]func(*RWMutex){
		"Token": func(m *RWMutex) { m.Token() },
		"Guard": func(m *RWMutex) { m.Guard() },
		"Key":   func(m *RWMutex) { m.Key() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			_, m := f.kept(f.client)
			f.must(m.RWLock(f.soon()))
			get(m)
			f.must(m.Unlock())
			f.mustHaveNoKeys()
			for range 2 * keptGrants { // it is not tried again soon
				f.must(m.RWLock(f.soon()))
				f.must(m.Unlock())
				f.mustHaveNoKeys()
			}
		})
	}
}

// The deletion of the key of a kept lock is a loss, and is no hold any more.
func TestKeptLockIsLost(t *testing.T) {
	t.Parallel()
	remove := func(f fixture) {
		_, err := f.client.Delete(f.soon(), f.name+"/", clientv3.WithPrefix())
		f.must(err)
	}
	t.Run("while it is held", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, m := f.kept(f.client)
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		remove(f)
		f.closes(lost)
		f.mustBe(m.Unlock(), ErrLost)
		f.must(m.RWLock(f.soon()))
		f.must(m.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("while it is held, by the event", func(t *testing.T) { // the next read would tell it too
		t.Parallel()
		f := newFixture(t)
		var sent sent
		_, m := f.kept(sent.client(t, etcdtest.Shared(t)))
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		const established = 2*keptGrants - 1 + 2
		etcdtest.Eventually(t, "the keeper's watch", func() bool { return sent.requests.Load() == established })
		for range 5 { // round trips, in which the keeper reads
			f.keys()
		}
		remove(f)
		f.closes(lost)
		if n := sent.requests.Load(); n != established {
			t.Errorf("%d requests", n-established)
		}
		f.mustBe(m.Unlock(), ErrLost)
	})
	t.Run("before it is given back", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, m := f.kept(f.client)
		ks := &stateOf(f.client).keeps
		ks.mu.Lock()
		req := ks.locks[m.hold.localName()].place.req
		watching := req.keeper
		req.keeper = &keeper{stop: func() {}, over: make(chan struct{})}
		close(req.keeper.over)
		ks.mu.Unlock()
		if p := m.hold.takeKept(); p != nil {
			t.Error("a lock that another request waits for is used again")
		}
		ks.mu.Lock()
		req.keeper = watching
		ks.mu.Unlock()
	})
	t.Run("while nobody uses it", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, m := f.kept(f.client)
		remove(f)
		etcdtest.Eventually(t, "that it is known", func() bool {
			ks := &stateOf(f.client).keeps
			ks.mu.Lock()
			defer ks.mu.Unlock()
			return ks.locks[m.hold.localName()] == nil
		})
		f.must(m.RWLock(f.soon()))
		f.queued(1)
		f.must(m.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("with the session", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		s, m := f.kept(f.client)
		f.must(s.Close())
		f.mustHaveNoKeys()
		f.mustBe(m.RWLock(f.soon()), ErrSessionClosed)
		f.mustBe(m.TryRWLock(f.soon()), ErrSessionClosed)
	})
	t.Run("past the deadline", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		s, m := f.kept(f.client)
		s.mu.Lock()
		deadline := s.deadline
		s.deadline = time.Now()
		s.mu.Unlock()
		if p := m.hold.takeKept(); p != nil {
			t.Error("a lock is held past the deadline of its session")
		}
		s.mu.Lock()
		s.deadline = deadline
		s.mu.Unlock()
	})
}

// The end of the idle time counts from the last use: a timer that fires late finds a lock that was
// used again.
func TestKeptLockWasUsedAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, m := f.kept(f.client)
	ks := &stateOf(f.client).keeps
	ks.mu.Lock()
	k := ks.locks[m.hold.localName()]
	ks.mu.Unlock()
	ks.endIdle(m.hold.localName(), k)
	ks.mu.Lock()
	if ks.locks[m.hold.localName()] != k {
		t.Error("given back, want it kept")
	}
	k.used = k.used.Add(-k.limit)
	ks.mu.Unlock()
	ks.endIdle(m.hold.localName(), k)
	f.queued(0)
}

// A lock that is given back unused is not watched any more. The deletion of its key, seen later,
// would count against keeping it again.
func TestKeeperEndsWithTheKeep(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var sent sent
	s, m := f.kept(sent.client(t, etcdtest.Shared(t)))
	const established = 2*keptGrants - 1 + 2
	etcdtest.Eventually(t, "the keeper's watch", func() bool { return sent.requests.Load() == established })
	remove := make(chan struct{})
	beforeTxn(s.Client(), func() { <-remove })
	ks := &stateOf(s.Client()).keeps
	ks.mu.Lock()
	k := ks.locks[m.hold.localName()]
	keeper := k.place.req.keeper
	k.used = k.used.Add(-k.limit)
	ks.mu.Unlock()
	ks.endIdle(m.hold.localName(), k)
	f.closes(keeper.over)
	f.queued(1)
	close(remove)
	f.queued(0)
}

// What is not kept: locks of a concurrency.Session, for reading, that can be downgraded, and
// those that are seldom used or waited for.
func TestNotKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	none := func(what string, idle time.Duration, lock, unlock func() error) {
		t.Helper()
		for range 2 * keptGrants {
			f.must(lock())
			f.must(unlock())
			if n := f.keys(); n != 0 {
				t.Fatalf("%s: %d keys", what, n)
			}
			if idle > 0 {
				time.Sleep(2 * idle)
			}
		}
	}
	m := NewRWMutex(f.session(), f.name, WithKeep(time.Hour))
	none("a concurrency.Session", 0, func() error { return m.RWLock(f.soon()) }, m.Unlock)
	m = f.newSession(f.client).NewRWMutex(f.name, WithKeep(time.Hour))
	none("a reader", 0, func() error { return m.RLock(f.soon()) }, m.Unlock)
	m = f.newSession(f.client).NewRWMutex(f.name, WithKeep(time.Hour), WithDowngrade())
	none("that can be downgraded", 0, func() error { return m.RWLock(f.soon()) }, m.Unlock)
	m = f.newSession(f.client).NewRWMutex(f.name, WithKeep(time.Millisecond))
	none("seldom used", time.Millisecond, func() error { return m.RWLock(f.soon()) }, m.Unlock)
	m = f.newSession(f.client).NewRWMutex(f.name, WithKeep(time.Hour))
	other := f.mutex()
	none("waited for", 0, func() error {
		f.must(other.RWLock(f.soon()))
		done := start(func() error { return m.RWLock(f.soon()) })
		f.queued(2)
		return errors.Join(other.Unlock(), f.await(done))
	}, m.Unlock)
	m = f.newSession(f.client).NewRWMutex(f.name, WithKeep(time.Hour))
	grants := 0
	none("waited for now and then", 0, func() error {
		grants++
		if grants%keptGrants != 0 {
			return m.RWLock(f.soon())
		}
		f.must(other.RWLock(f.soon()))
		done := start(func() error { return m.RWLock(f.soon()) })
		f.queued(2)
		return errors.Join(other.Unlock(), f.await(done))
	}, m.Unlock)
}

// Goroutines with a local queue use a lock that is kept in turn.
func TestKeptLockOfALocalQueue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var sent sent
	opt := WithLocalQueue(4, time.Hour)
	s, first := f.kept(sent.client(t, etcdtest.Shared(t)), opt)
	const established = 2*keptGrants - 1 + 2
	etcdtest.Eventually(t, "the keeper's watch", func() bool { return sent.requests.Load() == established })
	var holding atomic.Int32
	var working sync.WaitGroup
	for range 8 {
		m := s.NewRWMutex(f.name, WithKeep(time.Hour), opt)
		working.Go(func() {
			for range 20 {
				if err := m.RWLock(f.soon()); err != nil {
					t.Error(err)
				}
				if n := holding.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				holding.Add(-1)
				if err := m.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	if n := sent.requests.Load(); n != established {
		t.Errorf("%d requests, want none", n-established)
	}
	other := f.mutex()
	f.must(other.RWLock(f.soon()))
	f.must(other.Unlock())
	f.must(first.RWLock(f.soon()))
	f.must(first.Unlock())
	f.mustHaveNoKeys()
	if n := queuesOf(s); n != 0 {
		t.Errorf("%d local queues are left", n)
	}
}

// Users without the permission to watch the queue keep nothing.
func TestKeeperThatFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, m := f.kept(f.client)
	f.must(m.RWLock(f.soon()))
	keeper := m.hold.requested().keeper
	keeper.stop() // as if it had
	<-keeper.over
	f.must(m.Unlock())
	f.mustHaveNoKeys()
	if k := stateOf(s.client).keeps.locks[m.hold.localName()]; k.grants != -keepAgain {
		t.Errorf("%d grants are counted, want %d", k.grants, -keepAgain)
	}
}

// How little acquiring a lock that is kept takes.
func BenchmarkKept(b *testing.B) {
	client := etcdtest.Client(b, etcdtest.Shared(b))
	s, err := NewSession(b.Context(), client, time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	m := s.NewRWMutex("/"+b.Name(), WithKeep(time.Hour))
	for b.Loop() {
		if err := errors.Join(m.RWLock(b.Context()), m.Unlock()); err != nil {
			b.Fatal(err)
		}
	}
}
