package rwlock

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// A waiter is told who is ahead of it, in the order of the queue; also from its hook.
func TestAhead(t *testing.T) {
	f := newFixture(t)
	s := f.newSession(f.client)
	reader := s.NewRWMutex(f.name, WithLabel("first"))
	_, err := reader.Ahead(f.soon())
	f.mustBe(err, ErrNotHeld)
	f.must(reader.RLock(f.soon()))
	second := s.NewRWMutex(f.name, WithLabel("second"))
	waiter := start(func() error { return second.RWLock(f.soon()) })
	f.queued(2)
	_, err = f.client.Put(f.soon(), f.name+"/write/x/write/1", "") // of a nested lock
	f.must(err)
	var ahead []Ahead
	asked := make(chan error, 1)
	var third *RWMutex
	third = s.NewRWMutex(f.name, WithHook(func(e Event) {
		if e.Kind == EventQueued {
			var err error
			ahead, err = third.Ahead(f.soon())
			asked <- err
		}
	}))
	last := start(func() error { return third.RWLock(f.soon()) })
	f.must(f.await(asked))
	if len(ahead) != 2 || ahead[0].Owner.Label != "first" || ahead[0].Mode != Read || ahead[0].Token != reader.Token() ||
		ahead[1].Owner.Label != "second" || ahead[1].Key != second.Key() {
		t.Errorf("ahead are %+v, want first and second", ahead)
	}
	held, err := reader.Ahead(f.soon())
	f.must(err)
	if len(held) != 0 {
		t.Errorf("ahead of the holder are %+v", held)
	}
	f.must(reader.Unlock())
	f.must(f.await(waiter))
	f.must(second.Unlock())
	f.must(f.await(last))
	_, err = f.client.Delete(f.soon(), third.Key())
	f.must(err)
	_, err = third.Ahead(f.soon())
	f.mustBe(err, ErrLost)
}

func TestTryDo(t *testing.T) {
	f := newFixture(t)
	m, other := f.mutex(), f.mutex()
	set := newSet(m.hold.session, []LockRequest{{Name: f.name, Mode: Write}}, nil)
	errDone := errors.New("done")
	work := func(context.Context) error {
		f.mustBe(other.TryRWLock(f.soon()), ErrLocked)
		return errDone
	}
	tries := []func(context.Context, func(context.Context) error) error{m.TryRDo, m.TryRWDo, set.TryDo}
	for _, try := range tries {
		f.mustBe(try(f.soon(), work), errDone)
	}
	f.mustHaveNoKeys()
	f.must(other.RWLock(f.soon()))
	for _, try := range tries {
		f.mustBe(try(f.soon(), func(context.Context) error { t.Error("called"); return nil }), ErrLocked)
	}
	f.must(other.Unlock())
}

// What is known of a hold is known without a request.
func TestValid(t *testing.T) {
	f := newFixture(t)
	s := f.newSession(f.client)
	calls := count(f.client)
	m, set := s.NewRWMutex(f.name), s.NewSet([]LockRequest{{Name: f.name + "/x", Mode: Read}})
	if m.Valid() || set.Valid() || !m.Until().IsZero() || !set.Until().IsZero() {
		t.Error("valid before it was acquired")
	}
	f.must(m.RWLock(f.soon()))
	f.must(set.Lock(f.soon()))
	before := calls.total()
	if !m.Valid() || !set.Valid() || m.Until() != s.Deadline() || set.Until() != s.Deadline() || !m.Until().After(time.Now()) {
		t.Error("not valid although it is held")
	}
	if n := calls.total() - before; n != 0 {
		t.Errorf("%d requests", n)
	}
	lost := m.Lost()
	_, err := f.client.Delete(f.soon(), m.Key())
	f.must(err)
	f.closes(lost)
	if m.Valid() || !set.Valid() {
		t.Error("valid after the loss, or not valid without one")
	}
	f.must(s.Close())
	if set.Valid() {
		t.Error("valid after the end of the session")
	}
	old := f.mutex()
	f.must(old.RLock(f.soon()))
	if !old.Valid() || !old.Until().IsZero() {
		t.Error("a concurrency.Session knows until when")
	}
	f.must(old.Unlock())
}

// A holder learns that others wait for it, whether they came before it asked or after, and
// nothing of those who do not.
func TestWanted(t *testing.T) {
	f := newFixture(t)
	m, other := f.mutex(), f.mutex()
	if m.Wanted() != nil {
		t.Error("wanted without a hold")
	}
	tests := []struct {
		name       string
		held, then Mode
		wanted     bool
	}{
		{"a reader waits for a writer", Write, Read, true},
		{"a writer waits for a writer", Write, Write, true},
		{"a writer waits for a reader", Read, Write, true},
		{"a reader does not wait for a reader", Read, Read, false},
	}
	for _, tt := range tests {
		for _, before := range []bool{true, false} {
			name := tt.name + ", asked before"
			if !before {
				name = tt.name + ", asked afterwards"
			}
			t.Run(name, func(t *testing.T) {
				f.must(lock(f.soon(), m, tt.held))
				wanted := m.Wanted()
				if !before {
					f.must(m.Unlock())
					f.must(lock(f.soon(), m, tt.held))
				}
				f.open(wanted)
				done := start(func() error { return lock(f.soon(), other, tt.then) })
				f.queued(2)
				if wanted = m.Wanted(); wanted != m.Wanted() {
					t.Error("two channels")
				}
				if tt.wanted {
					f.closes(wanted)
				} else {
					f.must(f.await(done))
					for range 5 { // round trips, in which to be wrong
						f.keys()
					}
					f.open(wanted)
				}
				f.must(m.Unlock())
				if tt.wanted {
					f.must(f.await(done))
				}
				f.must(other.Unlock())
				f.mustHaveNoKeys()
			})
		}
	}
	t.Run("its own key for reading", func(t *testing.T) {
		downgradable := NewRWMutex(f.session(), f.name, WithDowngrade())
		for _, own := range []struct {
			*RWMutex
			lock func() error
		}{
			{downgradable, func() error { return downgradable.RWLock(f.soon()) }},
			{m, func() error { return errors.Join(m.RLock(f.soon()), m.TryUpgrade(f.soon())) }},
		} {
			f.must(own.lock())
			f.queued(2)
			r := own.hold.requested()
			if found, err := r.hasOthers(f.soon(), r.entries[0], 0); found || err != nil {
				t.Errorf("another request waits: %t, %v", found, err)
			}
			f.must(own.Unlock())
		}
	})
	t.Run("a nested lock", func(t *testing.T) {
		f.must(m.RWLock(f.soon()))
		wanted := m.Wanted()
		_, err := f.client.Put(f.soon(), f.name+"/write/x/write/1", "")
		f.must(err)
		for range 5 {
			f.keys()
		}
		f.open(wanted)
		f.must(m.Unlock())
		_, err = f.client.Delete(f.soon(), f.name+"/write/x/write/1")
		f.must(err)
	})
}

// Keep starts the work again after its lock or its session was lost, with a larger token, and
// ends with the error of the work.
func TestKeepStartsAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	errDone := errors.New("done")
	var tokens []int64
	err := Keep(f.soon(), f.client, 5*time.Second, f.name, func(ctx context.Context, token int64) error {
		tokens = append(tokens, token)
		held, err := f.client.Get(ctx, f.name+"/write/", clientv3.WithPrefix())
		if err != nil || len(held.Kvs) != 1 {
			return fmt.Errorf("keys of the lock: %v, %w", held, err)
		}
		switch len(tokens) {
		case 1:
			_, err = f.client.Delete(f.soon(), string(held.Kvs[0].Key))
		case 2:
			_, err = f.client.Revoke(f.soon(), clientv3.LeaseID(held.Kvs[0].Lease))
		default:
			return errDone
		}
		if err == nil {
			<-ctx.Done()
		}
		return err
	})
	f.mustBe(err, errDone)
	if len(tokens) != 3 || tokens[0] >= tokens[1] || tokens[1] >= tokens[2] {
		t.Errorf("tokens %v, want three that grow", tokens)
	}
	f.mustBe(Keep(f.soon(), f.client, 5*time.Second, "", nil), ErrInvalidName)
	f.mustBe(Keep(f.soon(), f.client, 0, f.name, nil), errInvalidTTL)
	f.mustBe(Keep(f.soon(), f.client, maxTTL+1, f.name, nil), errInvalidTTL)
	ctx, cancel := context.WithCancel(f.soon())
	f.mustBe(Keep(ctx, f.client, 5*time.Second, f.name, func(ctx context.Context, _ int64) error {
		cancel()
		<-ctx.Done()
		return errDone
	}), errDone)
	f.mustBe(Keep(ctx, f.client, 5*time.Second, f.name, nil), context.Canceled)
	f.queued(0)
}

// Who holds permits learns that a request waits for some, and nothing of one that does not.
func TestSemaphoreWanted(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		t.Run(fmt.Sprintf("asked before: %t", before), func(t *testing.T) {
			f := newFixture(t)
			s := f.newSession(f.client)
			acquire := func(weight int) *Semaphore {
				m := s.NewSemaphore(f.name, 4)
				f.must(m.Acquire(f.soon(), weight))
				return m
			}
			first := s.NewSemaphore(f.name, 4)
			if first.Wanted() != nil {
				t.Error("wanted without a hold")
			}
			f.must(first.Acquire(f.soon(), 1))
			second, set := acquire(1), s.NewSet([]LockRequest{{Name: f.name, Mode: Slot, Weight: 1, Permits: 4}})
			f.must(set.Lock(f.soon()))
			all := []func() <-chan struct{}{first.Wanted, second.Wanted, set.Wanted}
			if before {
				for _, wanted := range all {
					f.open(wanted())
				}
			}
			third := acquire(1) // there is one permit left
			f.must(third.Release())
			third = acquire(1)
			if before {
				for range 5 { // round trips, in which to be wrong
					f.keys()
				}
				f.open(first.Wanted())
				f.open(set.Wanted())
			}
			waiter := s.NewSemaphore(f.name, 4)
			done := start(func() error { return waiter.Acquire(f.soon(), 2) })
			f.queued(5)
			for _, wanted := range all {
				f.closes(wanted())
			}
			f.closes(third.Wanted())
			f.must(first.Release())
			f.must(second.Release())
			f.must(f.await(done))
			f.must(waiter.Release())
			f.must(third.Release())
			f.must(set.Unlock())
			f.mustHaveNoKeys()
		})
	}
	t.Run("fewer permits than the holder was told", func(t *testing.T) {
		f := newFixture(t)
		s := f.newSession(f.client)
		m, other := s.NewSemaphore(f.name, 3), s.NewSemaphore(f.name, 1)
		f.must(m.Acquire(f.soon(), 1))
		wanted := m.Wanted()
		done := start(func() error { return other.Acquire(f.soon(), 1) })
		f.closes(wanted)
		f.must(m.Release())
		f.must(f.await(done))
		f.must(other.Release())
	})
}

// Who holds a lock or permits is told by the event of the one who waits. Reading the queue, or
// watching it, once more would tell it too, but seconds later.
func TestWantedByTheEvent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		locks   []LockRequest
		watches int64
	}{
		{"a lock", []LockRequest{{Name: "/a", Mode: Write}}, 1},
		{"a lock for reading", []LockRequest{{Name: "/a", Mode: Read}}, 1},
		{"permits", []LockRequest{{Name: "/a", Mode: Slot, Weight: 2, Permits: 3}}, 1},
		{"several", []LockRequest{{Name: "/a", Mode: Write}, {Name: "/b", Mode: Slot, Weight: 1, Permits: 1}}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			for i := range tt.locks {
				tt.locks[i].Name = f.name + tt.locks[i].Name
			}
			last := tt.locks[len(tt.locks)-1]
			if last.Mode == Read {
				last.Mode = Write
			}
			client := etcdtest.Client(t, etcdtest.Shared(t))
			set := f.newSession(client).NewSet(tt.locks)
			f.must(set.Lock(f.soon()))
			calls := count(client)
			wanted := set.Wanted()
			etcdtest.Eventually(t, "the queues are watched and were read", func() bool { return calls.answered.Load() == tt.watches })
			before := calls.total()
			ctx, giveUp := context.WithCancel(f.soon())
			done := start(func() error { return f.newSession(f.client).NewSet([]LockRequest{last}).Lock(ctx) })
			f.closes(wanted)
			if n := calls.total() - before; n > 0 {
				t.Errorf("%d calls to etcd", n)
			}
			giveUp()
			f.mustBe(f.await(done), context.Canceled)
			f.must(set.Unlock())
		})
	}
}

// Whoever watches for others stops when the key is gone, whether it was gone before or not. Of
// a hold for reading, the key is not in what is watched: that is read again after a while.
func TestWatchForOthersEnds(t *testing.T) {
	t.Parallel()
	for _, kind := range []LockRequest{{Mode: Write}, {Mode: Slot, Weight: 1, Permits: 1}} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, gone before: %t", kind.Mode, before), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				l := kind
				l.Name = f.name
				client := etcdtest.Client(t, etcdtest.Shared(t))
				set := f.newSession(client).NewSet([]LockRequest{l})
				f.must(set.Lock(f.soon()))
				calls := count(client)
				e := set.hold.req.entries[0]
				r := &request{session: set.hold.session, entries: []*entry{e}}
				remove := func() {
					_, err := f.client.Delete(f.soon(), e.key)
					f.must(err)
				}
				if before {
					remove()
				}
				done := start(func() error { return r.watchForOthers(f.soon(), e) })
				if !before {
					etcdtest.Eventually(t, "the queue was read", func() bool { return calls.answered.Load() == 1 })
					remove()
				}
				f.mustBe(f.await(done), ErrLost)
				if n := calls.total(); n != 2 { // a watch and a read
					t.Errorf("%d calls to etcd", n)
				}
				f.mustBe(set.Unlock(), ErrLost)
			})
		}
	}
}

// A set is told of a request that waits for any of its locks.
func TestSetWanted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.newSession(f.client)
	set := s.NewSet([]LockRequest{{Name: f.name + "/a", Mode: Write}, {Name: f.name + "/b", Mode: Read}})
	if set.Wanted() != nil {
		t.Error("wanted without a hold")
	}
	f.must(set.Lock(f.soon()))
	waiter := start(func() error { return s.NewRWMutex(f.name + "/b").RWLock(f.soon()) })
	f.closes(set.Wanted())
	f.must(set.Unlock())
	f.must(f.await(waiter))
}
