package rwlock

import (
	"testing"
)

func TestTry(t *testing.T) {
	f := newFixture(t)
	holder, m := f.mutex(), f.mutex()
	t.Run("Free", func(t *testing.T) {
		f.must(m.TryRWLock(f.soon()))
		f.must(m.Unlock())
		f.must(m.TryRLock(f.soon()))
		f.must(m.Unlock())
	})
	t.Run("BesideAReader", func(t *testing.T) {
		f.must(holder.RLock(f.soon()))
		f.must(m.TryRLock(f.soon()))
		f.must(m.Unlock())
		f.mustBe(m.TryRWLock(f.soon()), ErrLocked)
		f.must(holder.Unlock())
	})
	t.Run("BesideAWriter", func(t *testing.T) {
		f.must(holder.RWLock(f.soon()))
		f.mustBe(m.TryRLock(f.soon()), ErrLocked)
		f.mustBe(m.TryRWLock(f.soon()), ErrLocked)
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys after refused tries, want only the holder's", n)
		}
		f.must(holder.Unlock())
	})
	t.Run("BehindAWaitingWriter", func(t *testing.T) {
		f.must(holder.RLock(f.soon()))
		writer := f.mutex()
		waiter := start(func() error { return writer.RWLock(f.soon()) })
		f.queued(2)
		f.mustBe(m.TryRLock(f.soon()), ErrLocked)
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		f.must(writer.Unlock())
	})
	t.Run("LocksNestedBelowAreNoReason", func(t *testing.T) {
		nested := []*RWMutex{
			NewRWMutex(f.session(), f.name+"/write/x"), NewRWMutex(f.session(), f.name+"/read"),
		}
		for _, n := range nested {
			f.must(n.RWLock(f.soon()))
		}
		f.must(m.TryRWLock(f.soon()))
		f.must(m.Unlock())
		for _, n := range nested {
			f.must(n.Unlock())
		}
	})
	t.Run("LostReply", func(t *testing.T) {
		f := newFixture(t)
		calls := count(f.client)
		calls.once(errWatchEnded)
		m := f.mutex()
		f.must(m.TryRWLock(f.soon()))
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys after a repeated try, want 1", n)
		}
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}
