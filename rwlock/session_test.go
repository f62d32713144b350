package rwlock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

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
		f.mustBe(m.RLock(f.soon()), ErrSessionClosed)
	})
	t.Run("CloseReleasesItsLocksAfterItsEnd", func(t *testing.T) {
		s := open(10 * time.Second)
		f.must(s.NewRWMutex(f.name).RWLock(f.soon()))
		s.end(ErrSessionExpired)
		f.must(s.Close())
		f.mustHaveNoKeys()
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
	t.Parallel()
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

// A client that is closed ends its sessions, and with them what they hold.
func TestClosedClientIsALoss(t *testing.T) {
	f := newFixture(t)
	client := etcdtest.Client(t, etcdtest.Shared(t))
	s, err := NewSession(f.soon(), client, time.Second)
	f.must(err)
	m := s.NewRWMutex(f.name)
	f.must(m.RWLock(f.soon()))
	lost := m.Lost()
	f.must(client.Close())
	f.closes(lost)
}

// A session counts its TTL from when the grant was sent: one whose grant was slow,
// and whose renewals get no answer, ends at its deadline and not later.
func TestSlowGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := clientv3.NewCtxClient(t.Context())
		client.Lease = slowGrant{}
		sent := time.Now()
		unanswered := func(_ *Session, ctx context.Context) renewal {
			<-ctx.Done()
			return renewal{err: ctx.Err()}
		}
		s, err := newSession(t.Context(), client, 10*time.Second, unanswered)
		if err != nil {
			t.Fatal(err)
		}
		<-s.Done()
		if lived := time.Since(sent); lived != 10*time.Second || !s.Deadline().Equal(time.Now()) {
			t.Errorf("the session ended %s after its grant was sent, with the deadline %s from now", lived, time.Until(s.Deadline()))
		}
		if err := context.Cause(s.Ctx()); !errors.Is(err, ErrSessionExpired) {
			t.Errorf("the session ended with %v", err)
		}
	})
}

// slowGrant answers late in the lease's life.
type slowGrant struct{ clientv3.Lease }

func (slowGrant) Grant(ctx context.Context, ttl int64) (*clientv3.LeaseGrantResponse, error) {
	select {
	case <-time.After(time.Duration(ttl) * time.Second * 9 / 10):
		return &clientv3.LeaseGrantResponse{ID: 1, TTL: ttl}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// What is known to be lost is answered at once while etcd hangs, and Close is bounded.
func TestKnownLossWhileEtcdHangs(t *testing.T) {
	t.Parallel()
	p := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, p.Endpoint)
	f := fixture{T: t, client: client, name: "/" + t.Name()}
	s, err := NewSession(f.soon(), client, 2*time.Second)
	f.must(err)
	m, inDo := s.NewRWMutex(f.name), s.NewRWMutex(f.name+"/do")
	f.must(m.RWLock(f.soon()))
	long, err := NewSession(f.soon(), client, time.Hour)
	f.must(err)
	done := start(func() error {
		return inDo.RWDo(f.soon(), func(ctx context.Context) error {
			p.Pause()
			<-ctx.Done()
			return nil
		})
	})
	f.closes(m.Lost())
	f.mustBe(m.Unlock(), ErrLost) // and not DeadlineExceeded, which would be late
	f.mustBe(f.await(done), ErrLost)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.mustBe(long.CloseContext(ctx), context.Canceled)
	p.Resume()
}

// A loss that the holder knows is answered without etcd, and what is left of the keys is deleted.
func TestKnownLossWithoutEtcd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	network := etcdtest.NewProxy(t, etcdtest.Shared(t))
	client := etcdtest.Client(t, network.Addr)
	remove := func(key string) {
		_, err := f.client.Delete(f.soon(), key)
		f.must(err)
	}
	t.Run("of one of two locks", func(t *testing.T) {
		set := f.newSession(client).NewSet([]LockRequest{{Name: f.name + "/a", Mode: Write}, {Name: f.name + "/b", Mode: Write}})
		f.must(set.Lock(f.soon()))
		lost := set.Lost()
		remove(set.hold.requested().entries[0].key)
		f.closes(lost)
		network.Cut()
		f.mustBe(set.Unlock(), ErrLost)
		network.Heal()
		f.queued(0)
	})
	t.Run("of a lock that may be kept", func(t *testing.T) {
		_, m := f.kept(client)
		f.must(m.RWLock(f.soon()))
		remove(m.hold.requested().firstKey())
		f.closes(m.hold.requested().keeper.over)
		network.Cut()
		f.mustBe(m.Unlock(), ErrLost)
		network.Heal()
		f.mustHaveNoKeys()
	})
}

// A try to upgrade that finds its key deleted by Unlock says that, and not that the lock
// was lost.
func TestTryUpgradeBesideUnlock(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	f.must(m.RLock(f.soon()))
	hook := beforeTxn(f.client, func() { f.must(m.Unlock()) })
	f.mustBe(m.TryUpgrade(f.soon()), ErrNotHeld)
	if !hook.called {
		t.Error("Unlock was not called between")
	}
	f.mustHaveNoKeys()
}

// beforeTxn calls f before the next transaction of a client.
func beforeTxn(client *clientv3.Client, f func()) *txnHook {
	h := &txnHook{KV: client.KV, f: f}
	client.KV = h
	return h
}

type txnHook struct {
	clientv3.KV
	f      func()
	called bool
}

func (h *txnHook) Txn(ctx context.Context) clientv3.Txn {
	if !h.called {
		h.called = true
		h.f()
	}
	return h.KV.Txn(ctx)
}

// Errors name the locks that they are about, within bounds.
func TestErrorsNameTheLock(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	f.must(NewRWMutex(s, f.name).RWLock(f.soon()))
	long := f.name + strings.Repeat("/long", 1000)
	var many []LockRequest
	for i := range 40 {
		many = append(many, LockRequest{Name: fmt.Sprint(f.name, i, long), Mode: Read})
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for want, err := range map[error]error{
		ErrLocked:        NewRWMutex(s, f.name).TryRLock(f.soon()),
		ErrNotHeld:       NewRWMutex(s, f.name).Unlock(),
		context.Canceled: NewSet(s, many).Lock(ended),
	} {
		f.mustBe(err, want)
		if text := err.Error(); !strings.Contains(text, f.name) || len(text) > 600 {
			t.Errorf("%d bytes: %.700s", len(text), text)
		}
	}
}

func TestTTLBeyondEtcds(t *testing.T) {
	f := newFixture(t)
	if s, err := NewSession(f.soon(), f.client, math.MaxInt64); err == nil {
		t.Errorf("TTL of %s was granted as %s", time.Duration(math.MaxInt64), s.TTL())
	}
	s, err := NewSession(f.soon(), f.client, maxTTL)
	f.must(err)
	if s.TTL() != maxTTL {
		t.Errorf("TTL of %s was granted as %s", maxTTL, s.TTL())
	}
	f.must(s.Close())
}
