package rwlock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// After an unclean end, etcd keeps the keys of a session with a lock delay for that long after
// its deadline, whatever its client does. What is seen later than it happened cannot make this
// pass: the deletion is noticed after it.
func TestLockDelay(t *testing.T) {
	t.Parallel()
	const ttl, delay = 2 * time.Second, 2 * time.Second
	f := newFixture(t)
	s, err := newSession(f.soon(), f.client, ttl, func(_ *Session, ctx context.Context) renewal { // of a client that is cut off
		<-ctx.Done()
		return renewal{err: ctx.Err()}
	}, WithLockDelay(delay))
	f.must(err)
	if s.TTL() < ttl {
		t.Errorf("TTL %s, want %s", s.TTL(), ttl)
	}
	m, set := s.NewRWMutex(f.name), s.NewSet([]LockRequest{{Name: f.name + "/set", Mode: Write}})
	f.must(m.RWLock(f.soon()))
	f.must(set.Lock(f.soon()))
	watch := f.client.Watch(f.soon(), m.Key(), clientv3.WithCreatedNotify(), clientv3.WithFilterPut())
	<-watch
	waiter := f.mutex()
	done := start(func() error { return waiter.RWLock(f.soon()) })
	f.closes(s.Done())
	f.mustBe(m.Unlock(), ErrLost)
	f.mustBe(set.Unlock(), ErrLost)
	f.mustBe(s.Close(), ErrSessionExpired)
	if deleted := <-watch; len(deleted.Events) != 1 {
		t.Fatalf("watched %+v, want the deletion", deleted)
	}
	if kept := time.Since(s.Deadline()); kept < delay {
		t.Errorf("the key was deleted %s after the deadline, want %s at least", kept, delay)
	}
	f.must(f.await(done))
	f.must(waiter.Unlock())
}

// A process that was stopped for longer than its TTL leaves its locks to the lease, although it
// has not noticed when it unlocks or closes the session.
func TestLockDelayUnnoticed(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"Unlock", "Close"} {
		t.Run(first+" first", func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			s, err := NewSession(f.soon(), f.client, 10*time.Second, WithLockDelay(time.Hour))
			f.must(err)
			m := s.NewRWMutex(f.name)
			f.must(m.RWLock(f.soon()))
			s.mu.Lock()
			s.deadline = time.Now()
			s.mu.Unlock()
			if first == "Close" {
				f.mustBe(s.Close(), ErrSessionExpired)
			}
			f.mustBe(m.Unlock(), ErrLost)
			f.mustBe(s.Close(), ErrSessionExpired)
			f.queued(1)
			_, err = f.client.Revoke(f.soon(), s.Lease())
			f.must(err)
		})
	}
}

// Unlock and Close release at once what is held on a session with a lock delay.
func TestLockDelayCleanEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, err := NewSession(f.soon(), f.client, 10*time.Second, WithLockDelay(time.Hour))
	f.must(err)
	lease, err := f.client.TimeToLive(f.soon(), s.Lease())
	f.must(err)
	if granted := time.Duration(lease.GrantedTTL) * time.Second; granted != time.Hour+10*time.Second || s.TTL() != 10*time.Second {
		t.Errorf("granted %s, and a TTL of %s", granted, s.TTL())
	}
	m := s.NewRWMutex(f.name)
	f.must(m.RWLock(f.soon()))
	f.must(m.Unlock())
	f.mustHaveNoKeys()
	f.must(m.RWLock(f.soon()))
	f.must(s.Close())
	f.mustHaveNoKeys()
}

// Renewals count without the delay.
func TestLockDelayRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client := clientv3.NewCtxClient(ctx)
		client.Lease = &lostFor{elected: time.Now()}
		renewed := make(chan time.Time, 100)
		s, err := newSession(t.Context(), client, 10*time.Second, func(*Session, context.Context) renewal {
			renewed <- time.Now()
			return renewal{sent: time.Now(), ttl: 15}
		}, WithLockDelay(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			at := <-renewed
			synctest.Wait()
			if left := s.Deadline().Sub(at); left != 10*time.Second {
				t.Errorf("the session ends %s after a renewal, want 10s", left)
			}
		}
		at := time.Now().Add(time.Second)
		s.noteLater(renewal{sent: at, ttl: 15})
		if left := s.Deadline().Sub(at); left != 10*time.Second || s.TTL() != 10*time.Second {
			t.Errorf("the session of %s ends %s after a renewal that was answered late, want 10s", s.TTL(), left)
		}
		cancel()
		<-s.done
	})
}

func TestLockDelayInvalid(t *testing.T) {
	f := newFixture(t)
	for _, d := range []time.Duration{-1, maxTTL} {
		_, err := NewSession(f.soon(), f.client, time.Second, WithLockDelay(d))
		f.mustBe(err, errInvalidTTL)
	}
}
