package rwlock

import (
	"context"
	"testing"
	"time"

	"etcd-lock/internal/etcdtest"
)

// etcd issue 9715: compaction while waiting is no error, and no reason to poll.
func TestCompactionWhileWaiting(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	client := etcdtest.Client(t, etcdtest.Shared(t))
	calls := count(client)
	m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
	waiter := start(func() error { return m.RWLock(f.soon()) })
	f.queued(2)
	for range 5 {
		resp, err := f.client.Put(f.soon(), f.name+"-noise", "")
		f.must(err)
		_, err = f.client.Compact(f.soon(), resp.Header.Revision)
		f.must(err)
	}
	f.must(holder.Unlock())
	f.must(f.await(waiter))
	if n := calls.total(); n > 4 {
		t.Errorf("%d calls to etcd for one contended lock over five compactions, want at most 4", n)
	}
	f.must(m.Unlock())
}

func TestCostInCalls(t *testing.T) {
	f := newFixture(t)
	calls := count(f.client)
	m := f.mutex()
	f.must(m.RWLock(f.soon()))
	f.must(m.Unlock())
	if n := calls.total(); n != 2 {
		t.Errorf("lock and unlock without contention took %d calls, want 2", n)
	}
}

// One who waits and one who holds ask etcd for nothing but the renewal of their
// leases.
func TestIdleCostsNothing(t *testing.T) {
	f := newFixture(t)
	calls := count(f.client)
	s, err := NewSession(f.soon(), f.client, time.Second)
	f.must(err)
	defer func() { _ = s.Close() }()
	holder, m := s.NewRWMutex(f.name), s.NewRWMutex(f.name)
	f.must(holder.RWLock(f.soon()))
	waiter := start(func() error { return m.RWLock(f.soon()) })
	const contended = 3 // two to ask, and a watch
	etcdtest.Eventually(t, "the waiter has come to rest", func() bool { return calls.total() == contended })
	began := s.Deadline()
	etcdtest.Eventually(t, "some renewals", func() bool { return s.Deadline().Sub(began) > time.Second })
	if n := calls.total(); n != contended {
		t.Errorf("%d calls to etcd while nothing happened, want %d in all", n, contended)
	}
	f.must(holder.Unlock())
	f.must(f.await(waiter))
	f.must(m.Unlock())
}

// A hold that can be downgraded, and a set, cost one request more than others if they have to
// wait: all their keys are verified.
func TestCostOfSets(t *testing.T) {
	f := newFixture(t)
	client := etcdtest.Client(t, etcdtest.Shared(t))
	s := f.newSession(client)
	downgradable := s.NewRWMutex(f.name, WithDowngrade())
	set := s.NewSet([]LockRequest{{Name: f.name, Mode: Write}, {Name: f.name + "/b", Mode: Write}, {Name: f.name + "/c", Mode: Read}})
	calls := count(client)
	for _, tt := range []struct {
		name            string
		lock            func(context.Context) error
		unlock          func() error
		free, contended int64
	}{
		{"downgradable", downgradable.RWLock, downgradable.Unlock, 2, 4},
		{"set", set.Lock, set.Unlock, 2, 4},
	} {
		before := calls.total()
		f.must(tt.lock(f.soon()))
		f.must(tt.unlock())
		if n := calls.total() - before; n != tt.free {
			t.Errorf("%s: lock and unlock took %d calls, want %d", tt.name, n, tt.free)
		}
		holder := f.mutex()
		f.must(holder.RWLock(f.soon()))
		before = calls.total()
		waiter := start(func() error { return tt.lock(f.soon()) })
		etcdtest.Eventually(t, "it has come to rest", func() bool {
			n := calls.total()
			for range 20 { // round trips, in which it could send something
				f.keys()
			}
			return n > before && n == calls.total() // the request, and a watch unless one is left
		})
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		f.must(tt.unlock())
		if n := calls.total() - before; n > tt.contended {
			t.Errorf("%s: lock and unlock behind another took %d calls, want at most %d", tt.name, n, tt.contended)
		}
	}
}
