package rwlock

import (
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// Requests of one session use one key again, so that a lock in use for long
// does not fill etcd's index with traces; but never at the same time, nor while
// something late may yet happen to the key.
func TestKeysAreUsedAgain(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	held := func(m *RWMutex) string {
		t.Helper()
		f.must(m.TryRLock(f.soon()))
		return m.Key()
	}
	a, b := NewRWMutex(s, f.name), NewRWMutex(s, f.name)
	first := held(a)
	if second := held(b); second == first {
		t.Fatalf("two requests share the key %s", first)
	}
	f.must(a.Unlock())
	f.must(b.Unlock())
	if again := held(b); again != first {
		t.Errorf("key %s, want %s again", again, first)
	}
	if other := held(NewRWMutex(f.session(), f.name)); other == first {
		t.Errorf("two sessions share the key %s", other)
	}
	t.Run("NotWhenUnsure", func(t *testing.T) {
		calls := count(f.client)
		calls.once(errWatchEnded)
		f.must(b.Unlock())
		calls.lost.Store(nil)
		if again := held(b); again == first {
			t.Errorf("key %s is used again after a delete that may come late", again)
		}
		f.must(b.Unlock())
	})
}

// Whatever a hold becomes, an unsure key is not used again.
func TestUnsureKeyThroughUpgrade(t *testing.T) {
	f := newFixture(t)
	calls := count(f.client)
	m := f.mutex()
	calls.once(rpctypes.ErrLeaderChanged)
	f.must(m.RLock(f.soon()))
	unsure := m.Key()
	f.must(m.TryUpgrade(f.soon()))
	f.must(m.Downgrade(f.soon()))
	f.must(m.Unlock())
	f.must(m.RLock(f.soon()))
	if m.Key() == unsure {
		t.Errorf("key %s is used again", unsure)
	}
	f.must(m.Unlock())
}

// A key of a request's own that somebody else has put is left alone.
func TestKeyThatIsTaken(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	m := NewRWMutex(s, f.name)
	f.must(m.RLock(f.soon()))
	key := m.Key()
	f.must(m.Unlock())
	_, err := f.client.Put(f.soon(), key, "vandal")
	f.must(err)
	f.must(m.RLock(f.soon()))
	if m.Key() == key {
		t.Error("took over a key that another has put")
	}
	f.must(m.Unlock())
	f.must(m.TryRLock(f.soon()))
	f.must(m.Unlock())
	if n := f.keys(); n != 1 {
		t.Errorf("%d keys, want only the other's", n)
	}
	_, err = f.client.Delete(f.soon(), key)
	f.must(err)
}

func TestErrBusyTakesNoKey(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	f.must(m.RWLock(f.soon()))
	key := m.Key()
	for range 3 {
		f.mustBe(m.RWLock(f.soon()), ErrBusy)
		f.mustBe(m.RLock(f.soon()), ErrBusy)
	}
	f.must(m.Unlock())
	f.must(m.RWLock(f.soon()))
	if m.Key() != key {
		t.Errorf("key %s, want %s again", m.Key(), key)
	}
	f.must(m.Unlock())
}
