package rwlock

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/rwlock/rwlocktest"
)

// gate is between a client and etcd. It hangs calls: each waits for the end of its context, or
// until it is let through.
type gate struct {
	etcd *rwlocktest.Etcd
	clientv3.KV
	clientv3.Lease
	hang    atomic.Pointer[func(context.Context) error] // nil lets calls through
	hanging atomic.Int64                                // calls
	calls   atomic.Int64                                // that went through hang
	stale   atomic.Int64                                // reads that any member may answer from what it knows
	after   atomic.Pointer[func()]                      // is called after the next transaction whose conditions are true, before its reply is known
}

func newGate(etcd *rwlocktest.Etcd, client *clientv3.Client) *gate {
	g := &gate{etcd: etcd, KV: client.KV, Lease: client.Lease}
	client.KV, client.Lease = g, g
	return g
}

func (g *gate) wait(ctx context.Context) error {
	if f := g.hang.Load(); f != nil {
		g.calls.Add(1)
		g.hanging.Add(1)
		defer g.hanging.Add(-1)
		return (*f)(ctx)
	}
	return nil
}

// open lets calls through, from d on.
func (g *gate) open(d time.Duration) {
	open := time.Now().Add(d)
	f := func(ctx context.Context) error {
		select {
		case <-time.After(time.Until(open)):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.hang.Store(&f)
}

// refuse has all calls fail with an error.
func (g *gate) refuse(err error) {
	f := func(context.Context) error { return err }
	g.hang.Store(&f)
}

func (g *gate) Grant(ctx context.Context, ttl int64) (*clientv3.LeaseGrantResponse, error) {
	if err := g.wait(ctx); err != nil {
		return nil, err
	}
	return g.Lease.Grant(ctx, ttl)
}

func (g *gate) Revoke(ctx context.Context, id clientv3.LeaseID) (*clientv3.LeaseRevokeResponse, error) {
	if err := g.wait(ctx); err != nil {
		return nil, err
	}
	return g.Lease.Revoke(ctx, id)
}

func (g *gate) TimeToLive(ctx context.Context, id clientv3.LeaseID, opts ...clientv3.LeaseOption) (*clientv3.LeaseTimeToLiveResponse, error) {
	if err := g.wait(ctx); err != nil {
		return nil, err
	}
	return g.Lease.TimeToLive(ctx, id, opts...)
}

func (g *gate) Txn(ctx context.Context) clientv3.Txn {
	return &gatedTxn{Txn: g.KV.Txn(ctx), gate: g, ctx: ctx}
}

type gatedTxn struct {
	clientv3.Txn
	gate *gate
	ctx  context.Context
}

func (t *gatedTxn) If(cs ...clientv3.Cmp) clientv3.Txn { t.Txn = t.Txn.If(cs...); return t }
func (t *gatedTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	for _, op := range ops {
		if op.IsSerializable() {
			t.gate.stale.Add(1)
		}
	}
	t.Txn = t.Txn.Then(ops...)
	return t
}
func (t *gatedTxn) Else(ops ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Else(ops...); return t }

func (t *gatedTxn) Commit() (*clientv3.TxnResponse, error) {
	if err := t.gate.wait(t.ctx); err != nil {
		return nil, err
	}
	resp, err := t.Txn.Commit()
	if err == nil && resp.Succeeded {
		if after := t.gate.after.Swap(nil); after != nil {
			(*after)()
		}
	}
	return resp, err
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// inBubble runs a test in virtual time, on an etcd in memory that has a client
// behind a gate, and another one.
func inBubble(t *testing.T, test func(fixture, *gate, *clientv3.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		etcd := rwlocktest.New()
		f := fixture{T: t, client: etcd.Client(t), name: "/" + t.Name()}
		test(f, newGate(etcd, f.client), etcd.Client(t))
	})
}

// took returns how long f takes in virtual time, and its error.
func took(f func() error) (time.Duration, error) {
	began := time.Now()
	err := f()
	return time.Since(began), err
}

// bubbleSession is a session of the fixture's client, which the test closes.
func (f fixture) bubbleSession(ttl time.Duration, opts ...SessionOption) *Session {
	f.Helper()
	s, err := NewSession(f.soon(), f.client, ttl, opts...)
	f.must(err)
	return s
}

// What is called with a context that has ended still tries for half a second, and goes on in the
// background after that.
func TestEndedContextStillTries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		run  func(f fixture, s *Session, m *RWMutex) error
		want error // while etcd hangs
	}{
		{"UnlockContext", func(_ fixture, _ *Session, m *RWMutex) error { return m.UnlockContext(ended()) }, context.Canceled},
		{"CloseContext", func(_ fixture, s *Session, _ *RWMutex) error { return s.CloseContext(ended()) }, context.Canceled},
	} {
		for answers, want := range map[time.Duration]error{cleanupWait - 1: nil, cleanupWait + 1: tt.want} {
			inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
				s := f.bubbleSession(time.Minute)
				m := s.NewRWMutex(f.name)
				f.must(m.RWLock(f.soon()))
				g.open(answers)
				d, err := took(func() error { return tt.run(f, s, m) })
				f.mustBe(err, want)
				if d != min(answers, cleanupWait) {
					t.Errorf("%s returned after %s of an etcd that answers after %s", tt.name, d, answers)
				}
				time.Sleep(time.Second)
				f.mustHaveNoKeys()
				f.must(s.Close())
			})
		}
	}
}

// An acquisition whose context ends while etcd hangs returns half a second later.
func TestContextEndsInTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Minute)
		ctx, cancel := context.WithTimeout(f.Context(), time.Second)
		defer cancel()
		g.open(10 * time.Second)
		d, err := took(func() error { return s.NewRWMutex(f.name).RWLock(ctx) })
		f.mustBe(err, context.DeadlineExceeded)
		if d != time.Second+cleanupWait {
			t.Errorf("returned after %s", d)
		}
		time.Sleep(time.Minute)
		f.mustHaveNoKeys()
		f.must(s.Close())
	})
}

// A request that etcd never answers is not waited for, where the next one is answered: the
// removal of keys, in the caller's time and in the background.
func TestRequestThatHangs(t *testing.T) {
	t.Parallel()
	once := func(g *gate) {
		f := func(ctx context.Context) error {
			g.hang.Store(nil)
			return hang(ctx)
		}
		g.hang.Store(&f)
	}
	t.Run("Unlock", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
			s := f.bubbleSession(time.Hour)
			m := s.NewRWMutex(f.name)
			f.must(m.RWLock(f.soon()))
			once(g)
			f.mustBe(m.UnlockContext(ended()), context.Canceled)
			time.Sleep(2 * removalTimeout)
			f.mustHaveNoKeys()
			f.must(s.Close())
		})
	})
	t.Run("late keys", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
			once(g)
			done := start(func() error { deleteLate(f.client, map[string]session{"key": nil}); return nil })
			time.Sleep(2 * removalTimeout)
			f.must(f.await(done))
		})
	})
}

// Close is bounded by five seconds, and by the TTL if that is less; also of a session with a lock
// delay, whose lease lives on for longer.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	for ttl, want := range map[time.Duration]time.Duration{time.Minute: closeTimeout, 2 * time.Second: 2 * time.Second} {
		inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
			s := f.bubbleSession(ttl, WithLockDelay(time.Hour))
			g.open(time.Minute)
			d, err := took(s.Close)
			f.mustBe(err, context.DeadlineExceeded)
			if d < want || d > want+cleanupWait {
				t.Errorf("a session of %s was closed within %s", ttl, d)
			}
			time.Sleep(time.Minute)
		})
	}
}

// Close goes on in the background until the lease has expired, which is later by the lock delay,
// and no longer.
func TestCloseGoesOn(t *testing.T) {
	t.Parallel()
	const ttl, delay = 2 * time.Second, time.Hour
	for _, answers := range []time.Duration{ttl + delay - time.Minute, 2 * delay} {
		inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
			s := f.bubbleSession(ttl, WithLockDelay(delay))
			g.open(answers)
			f.mustBe(s.Close(), context.DeadlineExceeded)
			time.Sleep(ttl + delay - 30*time.Second)
			lease, err := g.Lease.TimeToLive(context.Background(), s.Lease())
			f.must(err)
			if expired := lease.TTL < 0; expired != (answers < delay) {
				t.Errorf("revoked: %t, with an etcd that answers after %s", expired, answers)
			}
			time.Sleep(time.Minute)
			if n := g.hanging.Load(); n > 0 {
				t.Errorf("%d calls about a lease that has expired", n)
			}
		})
	}
}

// Who has lost a lock is told so although the lease cannot be asked for.
func TestLossIsToldWithoutTheLease(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		holder, m := s.NewRWMutex(f.name), s.NewRWMutex(f.name)
		f.must(holder.RWLock(f.soon()))
		waiter := start(func() error { return m.RWLock(f.Context()) })
		time.Sleep(2 * ownKeyDelay)
		g.open(time.Hour)
		_, err := other.Delete(f.soon(), m.Key())
		f.must(err)
		d, err := took(func() error { return f.await(waiter) })
		f.mustBe(err, ErrLost)
		if d > 2*cleanupWait { // to withdraw the request, and to ask
			t.Errorf("told after %s", d)
		}
		g.open(0)
		f.must(s.Close())
	})
}

// Events from before the queue of a semaphore was read tell nothing: their requests are in the
// queue already, or not any more.
func TestWantedByNoEarlierEvent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
		m, beside, last := s.NewSemaphore(f.name, 4), others.NewSemaphore(f.name, 4), others.NewSemaphore(f.name, 4)
		f.must(m.Acquire(f.soon(), 1))
		hook := beforeTxn(f.client, func() { // between the begin of the watch and the read
			f.must(beside.Acquire(f.soon(), 2))
			f.must(beside.Release())
			f.must(beside.Acquire(f.soon(), 2)) // with the same key
		})
		wanted := m.Wanted()
		synctest.Wait()
		if !hook.called {
			t.Error("the queue was not read")
		}
		f.open(wanted) // there is a permit left
		waiter := start(func() error { return last.Acquire(f.soon(), 2) })
		f.closes(wanted)
		f.must(m.Release())
		f.must(f.await(waiter))
		f.must(s.Close())
		f.must(others.Close())
	})
}
