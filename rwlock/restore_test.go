package rwlock

import (
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// A store that is restored in place has earlier revisions, and none of what came
// after the backup. Nothing says so, neither the sessions, whose leases it knows, nor
// the watches, which etcd resumes at revisions of the future.
func TestRestoredStore(t *testing.T) {
	t.Parallel()
	for _, behind := range []bool{true, false} {
		name := "its revision is lower"
		if !behind {
			name = "its revision is higher already"
		}
		t.Run(name, func(t *testing.T) {
			p := etcdtest.StartProcess(t)
			client := etcdtest.Client(t, p.Endpoint)
			f := fixture{T: t, client: client, name: "/lock"}
			holder := f.session()
			own, err := NewSession(f.soon(), client, time.Minute)
			f.must(err)
			t.Cleanup(func() { _ = own.Close() })
			kept := NewRWMutex(holder, "/kept")
			f.must(kept.RWLock(f.soon()))
			first := NewRWMutex(holder, f.name)
			f.must(first.RWLock(f.soon()))

			restore := p.Backup()
			second := own.NewRWMutex("/other")
			f.must(second.RWLock(f.soon()))
			lost := second.Lost()
			f.open(lost)
			queued, option := whenQueued()
			granted := start(func() error { return own.NewRWMutex(f.name, option).RWLock(f.soon()) })
			queuedToo, optionToo := whenQueued()
			waitersOfKept := start(func() error { return own.NewRWMutex("/kept", optionToo).RLock(f.soon()) })
			f.closes(queued)
			f.closes(queuedToo)

			restore()
			if !behind { // what is restored goes on with work of others
				for range 100 {
					_, err := client.Put(f.soon(), "/work", "")
					f.must(err)
				}
			}
			f.closes(lost)
			f.mustBe(second.Unlock(), ErrLost)
			f.mustBe(f.await(granted), ErrLost)
			f.mustBe(f.await(waitersOfKept), ErrLost)
			f.open(kept.Lost()) // it was in the backup
			f.must(first.Unlock())
			f.must(kept.Unlock())
		})
	}
}

// whenQueued returns an option, and a channel that closes when a request with it is
// known to wait.
func whenQueued() (<-chan struct{}, Option) {
	queued := make(chan struct{})
	done := sync.OnceFunc(func() { close(queued) })
	return queued, WithHook(func(e Event) {
		if e.Kind == EventQueued {
			done()
		}
	})
}

// A release that falls between the restart and the waiter's next look is no grant.
func TestReleaseAfterRestore(t *testing.T) {
	t.Parallel()
	p := etcdtest.StartProcess(t)
	f := fixture{T: t, client: etcdtest.Client(t, p.Endpoint), name: "/lock"}
	other := etcdtest.Client(t, p.Endpoint)
	f.must(NewRWMutex(f.session(), f.name).RWLock(f.soon()))
	s := f.session()
	restore := p.Backup()
	for range 3 {
		queued, option := whenQueued()
		waiting := start(func() error { return NewRWMutex(s, f.name, option).RWLock(f.soon()) })
		select {
		case <-queued: // it has etcd's reply: else it would request the lock of the restored store
		case err := <-waiting:
			t.Fatalf("returned %v, want it to wait", err)
		case <-f.soon().Done():
			t.Fatal("not queued after 30 s")
		}
		restore()
		for range 5 { // to the revision at which the waiter's watch goes on, and beyond
			_, err := other.Put(f.soon(), "/work", "")
			f.must(err)
		}
		_, err := other.Delete(f.soon(), f.name, clientv3.WithPrefix())
		f.must(err)
		f.mustBe(f.await(waiting), ErrLost)
		restore()
	}
}

// A key that was released after the backup is there again. It is no place in the queue: the
// lock was granted to others since, with larger tokens.
func TestReleasedKeyIsRestored(t *testing.T) {
	t.Parallel()
	p := etcdtest.StartProcess(t)
	f := fixture{T: t, client: etcdtest.Client(t, p.Endpoint), name: "/lock"}
	s, err := NewSession(f.soon(), f.client, time.Minute)
	f.must(err)
	t.Cleanup(func() { _ = s.Close() })
	first := s.NewRWMutex(f.name)
	f.must(first.RWLock(f.soon()))
	queued, option := whenQueued()
	second := NewRWMutex(f.session(), f.name, option)
	granted := start(func() error { return second.RWLock(f.soon()) })
	f.closes(queued)

	restore := p.Backup()
	f.must(first.Unlock())
	f.must(f.await(granted))
	restore()
	f.mustBe(s.NewRWMutex(f.name).TryRWLock(f.soon()), ErrLocked)
	token := second.Token()
	f.must(second.Unlock())
	f.must(first.RWLock(f.soon()))
	if first.Token() <= token {
		t.Errorf("token %d is granted after token %d", first.Token(), token)
	}
	f.must(first.Unlock())
}
