package rwlock

import (
	"testing"

	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"
)

func TestTryUpgrade(t *testing.T) {
	f := newFixture(t)
	m, other := f.mutex(), f.mutex()
	t.Run("Alone", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		token := m.Token()
		f.must(m.TryUpgrade(f.soon()))
		if m.Token() <= token {
			t.Errorf("token %d after the upgrade of %d", m.Token(), token)
		}
		f.mustBe(other.TryRLock(f.soon()), ErrLocked)
		f.must(m.TryUpgrade(f.soon()))
		f.must(m.Downgrade(f.soon()))
		f.must(other.TryRLock(f.soon()))
		f.must(other.Unlock())
		f.must(m.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("BesideAReader", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		f.must(other.RLock(f.soon()))
		f.mustBe(m.TryUpgrade(f.soon()), ErrLocked)
		f.mustBe(other.TryUpgrade(f.soon()), ErrLocked) // where two that wait would deadlock
		f.must(other.Unlock())
		f.must(m.TryUpgrade(f.soon()))
		f.must(m.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("AheadOfAWaitingWriter", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		waiter := start(func() error { return other.RWLock(f.soon()) })
		f.queued(2)
		f.mustBe(m.TryUpgrade(f.soon()), ErrLocked)
		f.waiting(waiter)
		f.must(m.Unlock())
		f.must(f.await(waiter))
		f.must(other.Unlock())
	})
	t.Run("ErrLost", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		_, err := f.client.Delete(f.soon(), m.Key())
		f.must(err)
		f.mustBe(m.TryUpgrade(f.soon()), ErrLost)
		f.mustBe(m.Unlock(), ErrLost)
	})
	t.Run("ErrNotHeld", func(t *testing.T) { f.mustBe(m.TryUpgrade(f.soon()), ErrNotHeld) })
	t.Run("TheRecipeObeys", func(t *testing.T) {
		f.must(m.RLock(f.soon()))
		f.must(m.TryUpgrade(f.soon()))
		theirs := recipe.NewRWMutex(f.session(), f.name)
		reader := start(theirs.RLock)
		f.queued(3)
		f.waiting(reader)
		f.must(m.Downgrade(f.soon()))
		f.must(f.await(reader))
		f.must(theirs.RUnlock())
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}

func TestDowngrade(t *testing.T) {
	f := newFixture(t)
	downgradable := func() *RWMutex { return NewRWMutex(f.session(), f.name, WithDowngrade()) }
	t.Run("LetsReadersInAndWritersWait", func(t *testing.T) {
		m, r, w := downgradable(), f.mutex(), f.mutex()
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		reader := start(func() error { return r.RLock(f.soon()) })
		f.queued(3)
		f.waiting(reader)
		f.must(m.Downgrade(f.soon()))
		f.must(f.await(reader))
		writer := start(func() error { return w.RWLock(f.soon()) })
		f.queued(3)
		f.must(r.Unlock())
		f.waiting(writer)
		f.open(lost)
		f.must(m.Unlock())
		f.must(f.await(writer))
		f.must(w.Unlock())
	})
	t.Run("NobodySlipsIn", func(t *testing.T) {
		m, w := downgradable(), f.mutex()
		f.must(m.RWLock(f.soon()))
		writer := start(func() error { return w.RWLock(f.soon()) })
		f.queued(3)
		f.must(m.Downgrade(f.soon()))
		f.queued(2)
		f.waiting(writer)
		f.must(m.Unlock())
		f.must(f.await(writer))
		f.must(w.Unlock())
	})
	t.Run("TheRecipeObeys", func(t *testing.T) {
		m, theirs := downgradable(), recipe.NewRWMutex(f.session(), f.name)
		f.must(m.RWLock(f.soon()))
		writer := start(theirs.Lock)
		f.queued(3)
		f.must(m.Downgrade(f.soon()))
		f.must(m.Downgrade(f.soon()))
		f.waiting(writer)
		f.must(m.Unlock())
		f.must(f.await(writer))
		f.must(theirs.Unlock())
	})
	t.Run("ErrNoDowngrade", func(t *testing.T) {
		m := f.mutex()
		f.mustBe(m.Downgrade(f.soon()), ErrNotHeld)
		f.must(m.RWLock(f.soon()))
		f.mustBe(m.Downgrade(f.soon()), ErrNoDowngrade)
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}

// The token does not shrink: a store that has seen the upgraded one would
// refuse the rightful holder.
func TestTokenAfterDowngrade(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	f.must(m.RLock(f.soon()))
	f.must(m.TryUpgrade(f.soon()))
	token := m.Token()
	f.must(m.Downgrade(f.soon()))
	if m.Token() != token {
		t.Errorf("token %d after %d", m.Token(), token)
	}
	f.must(m.Unlock())
}
