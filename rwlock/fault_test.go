package rwlock

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/etcdtest"
)

// Two sessions in a tight loop: a release between a waiter's question and its
// watch must not be missed. The older library stops within three operations.
func TestTightLoopNeverStalls(t *testing.T) {
	f := newFixture(t)
	const rounds = 300
	var done []<-chan error
	for range 2 {
		m := f.mutex()
		done = append(done, start(func() error {
			for i := range rounds {
				if err := m.RWLock(f.soon()); err != nil {
					return fmt.Errorf("round %d: %w", i, err)
				}
				if err := m.Unlock(); err != nil {
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

func TestEndOfTheContext(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	for _, mode := range []Mode{Read, Write} {
		t.Run("DeadlineExceeded "+mode.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			f.mustBe(lock(ctx, f.mutex(), mode), context.DeadlineExceeded)
			if n := f.keys(); n != 1 {
				t.Errorf("%d keys, want only the holder's", n)
			}
		})
		t.Run("Canceled "+mode.String(), func(t *testing.T) {
			ctx, cancel := context.WithCancel(f.soon())
			waiter := start(func() error { return lock(ctx, f.mutex(), mode) })
			f.queued(2)
			cancel()
			f.mustBe(f.await(waiter), context.Canceled)
			if n := f.keys(); n != 1 {
				t.Errorf("%d keys, want only the holder's", n)
			}
		})
		t.Run("EndedBefore "+mode.String(), func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			f.mustBe(lock(ctx, f.mutex(), mode), context.Canceled)
		})
	}
	t.Run("TheHoldDoesNotHangOnIt", func(t *testing.T) {
		f.must(holder.Unlock())
		ctx, cancel := context.WithCancel(context.Background())
		f.must(holder.RWLock(ctx))
		cancel()
		f.must(holder.Unlock())
	})
	f.mustHaveNoKeys()
}

func TestTwoHundredWaitersCancelledAtOnce(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	ctx, cancel := context.WithCancel(f.soon())
	s := f.session()
	const n = 200
	var done []<-chan error
	for i := range n {
		mode := Mode(i%2) + Read
		done = append(done, start(func() error { return lock(ctx, NewRWMutex(s, f.name), mode) }))
	}
	f.queued(n + 1)
	cancel()
	for _, d := range done {
		f.mustBe(f.await(d), context.Canceled)
	}
	f.must(holder.Unlock())
	f.queued(0)
}

// A waiter whose session ends is told so at once, although its blocker stays.
func TestEndOfTheSessionEndsTheWait(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	for _, mode := range []Mode{Read, Write} {
		t.Run("Closed "+mode.String(), func(t *testing.T) {
			s := f.session()
			waiter := start(func() error { return lock(f.soon(), NewRWMutex(s, f.name), mode) })
			f.queued(2)
			f.must(s.Close())
			f.mustBe(f.await(waiter), ErrSessionExpired)
		})
		t.Run("Orphaned "+mode.String(), func(t *testing.T) {
			s := f.session()
			waiter := start(func() error { return lock(f.soon(), NewRWMutex(s, f.name), mode) })
			f.queued(2)
			s.Orphan()
			f.mustBe(f.await(waiter), ErrSessionExpired)
			f.queued(1) // although the lease lives on
		})
		t.Run("Revoked "+mode.String(), func(t *testing.T) {
			s := f.session()
			waiter := start(func() error { return lock(f.soon(), NewRWMutex(s, f.name), mode) })
			f.queued(2)
			_, err := f.client.Revoke(f.soon(), s.Lease())
			f.must(err)
			f.mustBe(f.await(waiter), ErrSessionExpired)
		})
		t.Run("GoneBefore "+mode.String(), func(t *testing.T) {
			s := f.session()
			f.must(s.Close())
			f.mustBe(lock(f.soon(), NewRWMutex(s, f.name), mode), ErrSessionExpired)
		})
		t.Run("KeyDeleted "+mode.String(), func(t *testing.T) {
			s := f.session()
			m := NewRWMutex(s, f.name)
			waiter := start(func() error { return lock(f.soon(), m, mode) })
			f.queued(2)
			_, err := f.client.Delete(f.soon(), m.Key())
			f.must(err)
			f.mustBe(f.await(waiter), ErrLost)
		})
	}
	f.must(holder.Unlock())
	f.mustHaveNoKeys()
}

// etcd issue 16221: a waiter whose lease is revoked must not be told that it
// holds the lock when its blocker goes, in one revision with it or after it.
func TestRevokedWaiterIsNeverTheHolder(t *testing.T) {
	for _, mode := range []Mode{Read, Write} {
		t.Run("BlockerGoesAfter "+mode.String(), func(t *testing.T) {
			f := newFixture(t)
			holder := f.mutex()
			f.must(holder.RWLock(f.soon()))
			s := f.session()
			waiter := start(func() error { return lock(f.soon(), NewRWMutex(s, f.name), mode) })
			f.queued(2)
			_, err := f.client.Revoke(f.soon(), s.Lease())
			f.must(err)
			f.must(holder.Unlock())
			f.mustBe(f.await(waiter), ErrSessionExpired)
			f.mustHaveNoKeys()
		})
		t.Run("BlockerGoesWithIt "+mode.String(), func(t *testing.T) {
			f := newFixture(t)
			s := f.session()
			f.must(NewRWMutex(s, f.name).RWLock(f.soon()))
			waiter := start(func() error { return lock(f.soon(), NewRWMutex(s, f.name), mode) })
			f.queued(2)
			_, err := f.client.Revoke(f.soon(), s.Lease())
			f.must(err)
			f.mustBe(f.await(waiter), ErrSessionExpired)
			f.mustHaveNoKeys()
		})
	}
}

func TestUnlockOfALostLock(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	m, next := NewRWMutex(s, f.name), f.mutex()
	f.must(m.RWLock(f.soon()))
	waiter := start(func() error { return next.RWLock(f.soon()) })
	f.queued(2)
	_, err := f.client.Revoke(f.soon(), s.Lease())
	f.must(err)
	f.must(f.await(waiter))
	f.mustBe(m.Unlock(), ErrLost)
	if n := f.keys(); n != 1 {
		t.Errorf("%d keys after the Unlock of a lost lock, want the next holder's", n)
	}
	f.must(next.Unlock())
}

// A lock that went with its session was lost, also when the reply to the delete
// that would have said so is lost too.
func TestUnlockOfALostLockWithoutAReply(t *testing.T) {
	f := newFixture(t)
	s, err := NewSession(f.soon(), f.client, time.Second) // which is renewed, and so notices, soon
	f.must(err)
	m := s.NewRWMutex(f.name)
	f.must(m.RWLock(f.soon()))
	_, err = f.client.Revoke(f.soon(), s.Lease())
	f.must(err)
	<-s.Done()
	count(f.client).once(rpctypes.ErrLeaderChanged)
	f.mustBe(m.Unlock(), ErrLost)
}

// Unlock with a context that has ended removes the key all the same.
func TestUnlockContextThatHasEnded(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	f.must(m.RWLock(f.soon()))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.must(m.UnlockContext(ctx))
	f.mustHaveNoKeys()
}

// A put on a holder's key moves its mod revision behind its waiters. The older
// clients order by that; create revisions do not move.
func TestPutOnAHoldersKeyLetsNobodyIn(t *testing.T) {
	f := newFixture(t)
	holder, second, third := f.mutex(), f.mutex(), f.mutex()
	f.must(holder.RWLock(f.soon()))
	waiter := start(func() error { return second.RWLock(f.soon()) })
	f.queued(2)
	_, err := f.client.Put(f.soon(), holder.Key(), "vandal", clientv3.WithIgnoreLease())
	f.must(err)
	last := start(func() error { return third.RLock(f.soon()) })
	f.queued(3)
	f.waiting(waiter)
	f.must(holder.Unlock())
	f.must(f.await(waiter))
	f.waiting(last)
	f.must(second.Unlock())
	f.must(f.await(last))
	f.must(third.Unlock())
}

// A put whose reply is lost has put the key all the same: the acquisition goes
// on with it, and one that fails takes it back.
func TestLostReplyToThePut(t *testing.T) {
	unavailable := rpctypes.ErrLeaderChanged
	broken := errors.New("broken")
	t.Run("Retried", func(t *testing.T) {
		f := newFixture(t)
		calls := count(f.client)
		calls.once(unavailable)
		m := f.mutex()
		f.must(m.RWLock(f.soon()))
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys after a retried put, want 1", n)
		}
		f.must(m.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("TakenBack", func(t *testing.T) {
		f := newFixture(t)
		calls := count(f.client)
		calls.once(broken)
		f.mustBe(f.mutex().RWLock(f.soon()), broken)
		f.mustHaveNoKeys()
	})
	t.Run("RemovedUnnoticed", func(t *testing.T) {
		f := newFixture(t)
		calls := count(f.client)
		m := f.mutex()
		f.must(m.RWLock(f.soon()))
		calls.once(unavailable)
		f.must(m.Unlock())
		f.mustHaveNoKeys()
	})
}

// A waiter outlives its etcd: killed and started again on the same data, it
// serves the queue on.
func TestWaiterOutlivesARestart(t *testing.T) {
	t.Parallel()
	p := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, p.Endpoint)
	f := fixture{T: t, client: client, name: "/" + t.Name()}
	holder, m := f.mutex(), f.mutex()
	f.must(holder.RWLock(f.soon()))
	waiter := start(func() error { return m.RWLock(f.soon()) })
	f.queued(2)
	p.Kill()
	p.Start()
	f.waiting(waiter)
	f.must(holder.Unlock())
	f.must(f.await(waiter))
	f.must(m.Unlock())
	f.mustHaveNoKeys()
}

// While etcd hangs, the end of the context ends the call all the same, and the
// key goes when etcd is back.
func TestContextEndsWhileEtcdHangs(t *testing.T) {
	t.Parallel()
	p := etcdtest.StartProcess(t)
	f := fixture{T: t, client: etcdtest.Client(t, p.Endpoint), name: "/" + t.Name()}
	holder, m := f.mutex(), f.mutex()
	f.must(holder.RWLock(f.soon()))
	ctx, cancel := context.WithCancel(f.soon())
	waiter := start(func() error { return m.RWLock(ctx) })
	f.queued(2)
	p.Pause()
	cancel()
	f.mustBe(f.await(waiter), context.Canceled)
	p.Resume()
	f.queued(1)
	f.must(holder.Unlock())
}

// A member that has just been added refuses requests: as a learner, and while it does not know
// what its cluster can do. Until 3.5 it does so with another code, by which etcd's client does
// not know that others may carry them out.
func TestMembersThatAreNotReady(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{
		rpctypes.ErrGRPCNotSupportedForLearner, status.Error(codes.Unavailable, rpctypes.ErrorDesc(rpctypes.ErrGRPCNotSupportedForLearner)),
		rpctypes.ErrGRPCNotCapable, status.Error(codes.Unavailable, rpctypes.ErrorDesc(rpctypes.ErrGRPCNotCapable)),
	} {
		t.Run(refusal.Error(), func(t *testing.T) {
			var refused atomic.Int32
			refused.Store(1000)
			client, err := clientv3.New(clientv3.Config{Endpoints: []string{etcdtest.Shared(t)}, Logger: zap.NewNop(), DialOptions: []grpc.DialOption{
				grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					if refused.Add(1) <= 2 {
						return refusal
					}
					return invoke(ctx, method, req, reply, conn, opts...)
				}),
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			f := fixture{T: t, client: client}
			s, err := NewSession(f.soon(), client, time.Minute)
			f.must(err)
			defer func() { f.must(s.Close()) }()
			m := s.NewRWMutex("/" + t.Name())
			for _, call := range []func() error{
				func() error { return m.RWLock(f.soon()) }, m.Unlock,
				func() error { return m.TryRLock(f.soon()) }, m.Unlock,
			} {
				refused.Store(0)
				f.must(call())
			}
		})
	}
}
