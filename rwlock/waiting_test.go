package rwlock

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
)

// However many clients wait for a lock, few of them mirror its queue: a mirror gets an event
// for every request and every release.
func TestFewMirrors(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	const n = leaveShare + 10
	var clients []*clientv3.Client
	var done []<-chan error
	for i := range n {
		client := etcdtest.Client(t, etcdtest.Shared(t))
		m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
		clients = append(clients, client)
		done = append(done, start(func() error { return errors.Join(m.RWLock(f.soon()), m.Unlock()) }))
		f.queued(i + 2)
	}
	etcdtest.Eventually(t, "the mirrors are given up", func() bool { return mirrorsOf(clients, f.name) == 0 })
	f.must(holder.Unlock())
	for _, d := range done {
		f.must(f.await(d))
	}
	f.mustHaveNoKeys()
}

func mirrorsOf(clients []*clientv3.Client, name string) (n int) {
	for _, c := range clients {
		w := stateOf(c).waits
		w.mu.Lock()
		if m := w.mirrors[queueID{name: name}]; m != nil && m.isAlive() {
			n++
		}
		w.mu.Unlock()
	}
	return n
}

// A queue is read in pages.
func TestMirrorOfALongQueue(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	const n = 2*queuePage + 10
	for from := 0; from < n; from += 100 {
		var puts []clientv3.Op
		for i := range 100 {
			puts = append(puts, clientv3.OpPut(fmt.Sprintf("%s/read/%d", f.name, from+i), ""))
		}
		_, err := f.client.Txn(f.soon()).Then(puts...).Commit()
		f.must(err)
	}
	q, rev, noise, err := readLineup(f.soon(), f.client, queueID{name: f.name})
	f.must(err)
	if len(q.revs) < n || rev == 0 || noise != 0 {
		t.Errorf("%d requests at %d, %d other keys, want all %d", len(q.revs), rev, noise, n)
	}
	_, err = f.client.Delete(f.soon(), f.name+"/read/", clientv3.WithPrefix())
	f.must(err)
	f.must(holder.Unlock())
}

// Waiters that watch the requests ahead of them miss nothing either, whether they open a watch
// or find one that is open, and share it or not.
func TestTightLoopOfKeyWatches(t *testing.T) {
	f := newFixture(t)
	const rounds = 60
	var done []<-chan error
	var client *clientv3.Client
	for i := range 6 {
		if i%2 == 0 {
			client = etcdtest.Client(t, etcdtest.Shared(t))
			NeverMirror(client, f.name)
		}
		m, mode := NewRWMutex(etcdtest.Session(t, client, 60), f.name), Write
		if i == 5 {
			mode = Read
		}
		done = append(done, start(func() error {
			for i := range rounds {
				if err := errors.Join(lock(f.soon(), m, mode), m.Unlock()); err != nil {
					return fmt.Errorf("round %d: %w", i, err)
				}
			}
			return nil
		}))
	}
	for _, d := range done {
		f.must(f.await(d))
	}
	f.mustHaveNoKeys()
}

// A waiter that watches the one ahead is not granted the lock when that one is cancelled, and
// watches its own key after a while, so that it learns that it is deleted.
func TestKeyWatchOfAWaiter(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var s sent
	client := s.client(t, etcdtest.Shared(t))
	NeverMirror(client, f.name)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	ctx, cancel := context.WithCancel(f.soon())
	ahead := f.mutex()
	waiting := start(func() error { return ahead.RWLock(ctx) })
	f.queued(2)
	m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
	waiter := start(func() error { return m.RWLock(f.soon()) })
	f.queued(3)
	cancel()
	f.mustBe(f.await(waiting), context.Canceled)
	f.queued(2)
	etcdtest.Eventually(t, "it watches the holder", func() bool { return s.watches(holder.Key()) == 1 })
	etcdtest.Eventually(t, "it watches its own key", func() bool { return s.watches(m.Key()) == 1 })
	f.waiting(waiter)
	_, err := f.client.Delete(f.soon(), m.Key())
	f.must(err)
	f.mustBe(f.await(waiter), ErrLost)
	f.must(holder.Unlock())
	f.mustHaveNoKeys()
}

// A release after the queue was read, and before the watch has begun, is not missed. Without a
// read, it would be when the watch is opened again.
func TestReleaseBeforeTheWatch(t *testing.T) {
	for _, mirrors := range []bool{true, false} {
		t.Run(fmt.Sprint("mirrors ", mirrors), func(t *testing.T) {
			f := newFixture(t)
			holder := f.mutex()
			f.must(holder.RWLock(f.soon()))
			from := holder.Key()
			if mirrors {
				from = keyspace.Dir(f.name, keyspace.Read)
			}
			s := sent{before: func(key string) {
				if key == from {
					_ = holder.Unlock()
				}
			}}
			client := s.client(t, etcdtest.Shared(t))
			if !mirrors {
				NeverMirror(client, f.name)
			}
			m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
			f.must(m.RWLock(f.soon()))
			if n := s.watches(from); n != 1 {
				t.Errorf("%d watches, want one that misses nothing", n)
			}
			f.must(m.Unlock())
		})
	}
}

// hungWatcher has streams on which no watch is ever opened.
type hungWatcher struct{ clientv3.Watcher }

func (hungWatcher) Watch(ctx context.Context, _ string, _ ...clientv3.OpOption) clientv3.WatchChan {
	<-ctx.Done()
	c := make(chan clientv3.WatchResponse)
	close(c)
	return c
}

// A watch on a stream of etcd's client that hangs is given up when it is in doubt, and the next
// one is opened on another stream.
func TestStreamThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := clientv3.NewCtxClient(t.Context())
		client.Watcher = hungWatcher{}
		w := newTrustedWatch(t.Context(), client)
		defer w.end()
		began := time.Now()
		w.open("/lock")
		if _, err := w.next(); !errors.Is(err, errInDoubt) || time.Since(began) > 2*trust {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		next := newTrustedWatch(t.Context(), client)
		defer next.end()
		if next.stream == w.stream {
			t.Error("the next watch is opened on the same stream")
		}
	})
}
