package rwlock

import (
	"context"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestSet(t *testing.T) {
	f := newFixture(t)
	a, b := f.name+"/a", f.name+"/b"
	t.Run("AllOrNone", func(t *testing.T) {
		holder := NewRWMutex(f.session(), b)
		f.must(holder.RLock(f.soon()))
		set := NewSet(f.session(), []LockRequest{{Name: a, Mode: Write}, {Name: b, Mode: Write}})
		f.mustBe(set.TryLock(f.soon()), ErrLocked)
		ctx, cancel := context.WithCancel(f.soon())
		waiter := start(func() error { return set.Lock(ctx) })
		f.queued(3)
		f.waiting(waiter)
		cancel()
		f.mustBe(f.await(waiter), context.Canceled)
		if n := f.keys(); n != 1 {
			t.Errorf("%d keys, want only the holder's", n)
		}
		f.must(holder.Unlock())
	})
	t.Run("OneRevision", func(t *testing.T) {
		set := NewSet(f.session(), []LockRequest{{Name: b, Mode: Read}, {Name: a, Mode: Read}, {Name: b, Mode: Write}})
		if keys := set.Keys(); keys != nil {
			t.Errorf("Keys = %q of what is not held", keys)
		}
		f.must(set.Lock(f.soon()))
		keys := set.Keys()
		if len(keys) != 2 || !strings.HasPrefix(keys[0], b+"/write/") || !strings.HasPrefix(keys[1], a+"/read/") {
			t.Errorf("Keys = %q", keys)
		}
		if n := f.keys(); n != 2 {
			t.Errorf("%d keys for two names, want 2", n)
		}
		resp, err := f.client.Txn(f.soon()).If(set.Guard()...).Commit()
		f.must(err)
		if !resp.Succeeded {
			t.Error("guard is not true while held")
		}
		f.mustBe(NewRWMutex(f.session(), b).TryRLock(f.soon()), ErrLocked)
		f.must(set.Unlock())
	})
	t.Run("Misuse", func(t *testing.T) {
		f.mustBe(NewSet(f.session(), nil).Lock(f.soon()), ErrInvalidName)
		f.mustBe(NewSet(f.session(), []LockRequest{{Name: "", Mode: Read}}).TryLock(f.soon()), ErrInvalidName)
		f.mustBe(NewSet(f.session(), []LockRequest{{Name: a, Mode: 0}}).Lock(f.soon()), ErrInvalidMode)
		f.mustBe(NewSet(f.session(), []LockRequest{{Name: a, Mode: Read}}).Unlock(), ErrNotHeld)
	})
	t.Run("NoDeadlockInAnyOrder", func(t *testing.T) {
		wants := [][]LockRequest{{{Name: a, Mode: Write}, {Name: b, Mode: Write}}, {{Name: b, Mode: Write}, {Name: a, Mode: Write}}, {{Name: a, Mode: Read}, {Name: b, Mode: Write}}, {{Name: b, Mode: Read}, {Name: a, Mode: Write}}}
		var done []<-chan error
		for _, w := range wants {
			set := NewSet(f.session(), w)
			done = append(done, start(func() error {
				for range 30 {
					if err := set.Lock(f.soon()); err != nil {
						return err
					}
					if err := set.Unlock(); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		for _, d := range done {
			f.must(f.await(d))
		}
	})
	f.mustHaveNoKeys()
}

// While a Set waits for one lock, the loss of its request for another ends it.
func TestSetThatLosesARequestWhileItWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b := f.name+"/a", f.name+"/b"
	holder := NewRWMutex(f.session(), a)
	f.must(holder.RWLock(f.soon()))
	set := NewSet(f.session(), []LockRequest{{Name: a, Mode: Write}, {Name: b, Mode: Write}})
	waiter := start(func() error { return set.Lock(f.soon()) })
	f.queued(3)
	_, err := f.client.Delete(f.soon(), b+"/write/", clientv3.WithPrefix())
	f.must(err)
	f.mustBe(f.await(waiter), ErrLost)
	f.must(holder.Unlock())
	f.mustHaveNoKeys()
}
