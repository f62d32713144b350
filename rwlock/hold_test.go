package rwlock

import (
	"context"
	"errors"
	"testing"
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
