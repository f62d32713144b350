package rwlock

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

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
			if _, err := f.client.Delete(f.soon(), m.Key()); err != nil {
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

// Do gives back the hold that it took, and no other.
func TestDoAndAnUnlockInBetween(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	err := m.RWDo(f.soon(), func(ctx context.Context) error {
		f.must(m.Unlock())
		return m.RLock(ctx)
	})
	f.mustBe(err, ErrNotHeld)
	if m.Token() == 0 {
		t.Error("RWDo unlocked a hold that it did not take")
	}
	f.must(m.Unlock())
}

// A loss that the work returns as it was told is in the error of RWDo once, also where the work
// adds to it. Another lock's loss is another error.
func TestDoReturnsOneLossOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		do := func(work func(cause error) error) string {
			m := s.NewRWMutex(f.name)
			err := m.RWDo(f.soon(), func(ctx context.Context) error {
				f.mustDelete(other, m.Key())
				<-ctx.Done()
				return work(context.Cause(ctx))
			})
			f.mustBe(err, ErrLost)
			return err.Error()
		}
		lost := fmt.Sprintf("%v (write lock %q)", ErrLost, f.name)
		for text, work := range map[string]func(error) error{
			lost:                                  func(cause error) error { return cause },
			"half done: " + lost:                  func(cause error) error { return fmt.Errorf("half done: %w", cause) },
			"other lock\n" + lost:                 func(error) error { return errors.New("other lock") },
			ErrLost.Error() + " (other)\n" + lost: func(error) error { return named(ErrLost, "other") },
		} {
			if got := do(work); got != text {
				t.Errorf("got %q, want %q", got, text)
			}
		}
		f.must(s.Close())
	})
}

// notedKV keeps the contexts of transactions, and holds up all but the first one.
type notedKV struct {
	clientv3.KV
	contexts chan context.Context
	first    atomic.Bool
	goOn     chan struct{}
}

func (kv *notedKV) Txn(ctx context.Context) clientv3.Txn {
	if !kv.first.CompareAndSwap(false, true) {
		kv.contexts <- ctx
		<-kv.goOn
	}
	return kv.KV.Txn(ctx)
}

// A read in the background is not cancelled when its hold ends: etcd's client warns of each request
// that is cancelled. One that is not answered ends soon.
func TestReadsAreNotCancelled(t *testing.T) {
	t.Parallel()
	for _, watch := range []func(*RWMutex) <-chan struct{}{(*RWMutex).Lost, (*RWMutex).Wanted} {
		inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
			kv := &notedKV{KV: f.client.KV, contexts: make(chan context.Context, 2), goOn: make(chan struct{})}
			f.client.KV = kv
			s := f.bubbleSession(time.Hour)
			m := s.NewRWMutex(f.name)
			f.must(m.RWLock(f.soon()))
			signal := watch(m)
			read := <-kv.contexts
			unlocked := start(m.Unlock)
			<-kv.contexts
			synctest.Wait()
			if read.Err() != nil {
				t.Error("the read was cancelled")
			}
			time.Sleep(cleanupWait)
			synctest.Wait()
			if read.Err() == nil {
				t.Error("the read goes on")
			}
			close(kv.goOn)
			f.must(f.await(unlocked))
			f.open(signal)
			f.must(s.Close())
		})
	}
}
