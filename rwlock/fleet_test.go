package rwlock

import (
	"testing"

	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"
)

// Our locks and those of etcd's recipe exclude each other on one name.
func TestMixedFleet(t *testing.T) {
	f := newFixture(t)
	t.Run("OursWaitsForTheRecipe", func(t *testing.T) {
		theirs := recipe.NewRWMutex(f.session(), f.name)
		f.must(theirs.Lock())
		m := f.mutex()
		waiter := start(func() error { return m.RLock(f.soon()) })
		f.queued(2)
		f.waiting(waiter)
		f.must(theirs.Unlock())
		f.must(f.await(waiter))
		f.must(m.Unlock())
	})
	t.Run("TheRecipeWaitsForOurs", func(t *testing.T) {
		m := f.mutex()
		f.must(m.RLock(f.soon()))
		theirs := recipe.NewRWMutex(f.session(), f.name)
		waiter := start(theirs.Lock)
		f.queued(2)
		f.waiting(waiter)
		f.must(m.Unlock())
		f.must(f.await(waiter))
		f.must(theirs.Unlock())
	})
	t.Run("ReadersShare", func(t *testing.T) {
		theirs, m := recipe.NewRWMutex(f.session(), f.name), f.mutex()
		f.must(theirs.RLock())
		f.must(m.RLock(f.soon()))
		f.must(theirs.RUnlock())
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}
