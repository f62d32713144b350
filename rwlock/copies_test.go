package rwlock

import (
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock/rwlocktest"
)

// putLate puts a key of the session's, as a copy of an earlier request does that
// something between here and etcd has held up.
func (f fixture) putLate(s session, key string) (rev int64) {
	f.Helper()
	resp, err := f.client.Put(f.soon(), key, newOwner("late").Encode(), clientv3.WithLease(s.Lease()))
	f.must(err)
	return resp.Header.Revision
}

// usedKey is the key that m's next request uses too.
func (f fixture) usedKey(m *RWMutex, mode Mode) string {
	f.Helper()
	f.must(lock(f.soon(), m, mode))
	key := m.Key()
	f.must(m.Unlock())
	return key
}

// A key that a copy has left behind is a place in the queue, which the next
// request with that key takes. It goes when that is given back.
func TestKeyThatCameLate(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	m, other := NewRWMutex(s, f.name), f.mutex()
	for _, take := range []struct {
		name string
		mode Mode
		lock func() error
	}{
		{"RLock", Read, func() error { return m.RLock(f.soon()) }},
		{"RWLock", Write, func() error { return m.RWLock(f.soon()) }},
		{"TryRLock", Read, func() error { return m.TryRLock(f.soon()) }},
		{"TryRWLock", Write, func() error { return m.TryRWLock(f.soon()) }},
	} {
		t.Run(take.name, func(t *testing.T) {
			m = NewRWMutex(f.session(), f.name)
			key := f.usedKey(m, take.mode)
			rev := f.putLate(m.hold.session, key)
			f.must(take.lock())
			if m.Key() != key || m.Token() != rev {
				t.Errorf("holds by key %s of revision %d, want %s of %d", m.Key(), m.Token(), key, rev)
			}
			f.must(m.Unlock())
			f.mustHaveNoKeys()
		})
	}
	t.Run("BehindAnother", func(t *testing.T) {
		m := NewRWMutex(f.session(), f.name)
		key := f.usedKey(m, Write)
		f.must(other.RLock(f.soon()))
		f.putLate(m.hold.session, key)
		f.mustBe(m.TryRWLock(f.soon()), ErrLocked)
		f.queued(1)
		f.putLate(m.hold.session, f.usedKey(m, Read)) // as one reader of two
		f.must(m.RLock(f.soon()))
		f.must(m.Unlock())
		f.must(other.Unlock())
		f.mustHaveNoKeys()
	})
	t.Run("HiddenBehindNestedLocks", func(t *testing.T) {
		m := NewRWMutex(f.session(), f.name)
		key := f.usedKey(m, Write)
		f.must(other.RWLock(f.soon()))
		f.putLate(m.hold.session, key)
		for i := range maxPredecessors {
			f.putLate(m.hold.session, f.name+"/write/read/"+string(rune('a'+i)))
		}
		f.mustBe(m.TryRWLock(f.soon()), ErrLocked)
		f.must(other.Unlock())
		_, err := f.client.Delete(f.soon(), f.name+"/write/read/", clientv3.WithPrefix())
		f.must(err)
		f.queued(0)
	})
}

// Keys that are not those of one transaction are not a request for a set: what is
// the client's own is taken back, and what is another's is left alone.
func TestSetWhoseKeysAreThereInPart(t *testing.T) {
	for _, try := range []bool{false, true} {
		f := newFixture(t)
		s := f.session()
		a, b := f.name+"/a", f.name+"/b"
		set := NewSet(s, []LockRequest{{a, Write}, {b, Write}})
		take := func() {
			t.Helper()
			if try {
				f.must(set.TryLock(f.soon()))
				return
			}
			f.must(set.Lock(f.soon()))
		}
		take()
		keys := set.Keys()
		f.must(set.Unlock())
		f.putLate(s, keys[1])
		take()
		f.queued(2)
		f.must(set.Unlock())
		f.mustHaveNoKeys()

		set = NewSet(f.session(), []LockRequest{{a, Write}, {b, Write}})
		take()
		keys = set.Keys()
		f.must(set.Unlock())
		_, err := f.client.Put(f.soon(), keys[1], "vandal")
		f.must(err)
		holder := set
		waiter := start(func() error { return holder.Lock(f.soon()) }) // behind the vandal
		f.queued(3)
		f.waiting(waiter)
		_, err = f.client.Delete(f.soon(), keys[1])
		f.must(err)
		f.must(f.await(waiter))
		f.must(holder.Unlock())
		f.mustHaveNoKeys()
	}
}

// A copy of a delete that comes late takes no key from a later request, and a copy
// of a put writes over none.
func TestLateCopies(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	calls := count(f.client)
	m := NewRWMutex(s, f.name)
	f.must(m.RWLock(f.soon()))
	key := m.Key()
	f.must(m.Unlock())
	unlock := calls.last()
	f.must(m.RWLock(f.soon()))
	if m.Key() != key {
		t.Fatalf("key %s, want %s again", m.Key(), key)
	}
	f.must(unlock())
	if n := f.keys(); n != 1 {
		t.Errorf("%d keys after a late copy of an earlier unlock, want the holder's", n)
	}
	f.must(m.Unlock())

	a, b := f.name+"/a", f.name+"/b"
	set := NewSet(s, []LockRequest{{a, Write}, {b, Write}})
	f.must(set.Lock(f.soon()))
	put := calls.last()
	f.must(set.Unlock())
	holder := NewRWMutex(s, b)
	f.must(holder.RWLock(f.soon()))
	f.must(put())
	if n := f.keys(); n != 1 {
		t.Errorf("%d keys after a late copy of an earlier request, want the holder's", n)
	}
	resp, err := f.client.Get(f.soon(), holder.Key())
	f.must(err)
	if len(resp.Kvs) != 1 || resp.Kvs[0].Version != 1 {
		t.Errorf("the holder's key is %v, want it written once", resp.Kvs)
	}
	f.must(holder.Unlock())
	f.mustHaveNoKeys()
}

// That the reply to a put was lost does not hide a loss.
func TestLossAfterALostReply(t *testing.T) {
	f := newFixture(t)
	calls := count(f.client)
	admin := etcdtest.Client(t, etcdtest.Shared(t))
	remove := func(m *RWMutex) {
		t.Helper()
		_, err := admin.Delete(f.soon(), m.Key())
		f.must(err)
	}
	t.Run("OfThePut", func(t *testing.T) {
		m := f.mutex()
		calls.once(rpctypes.ErrLeaderChanged)
		f.must(m.RWLock(f.soon()))
		remove(m)
		f.mustBe(m.Unlock(), ErrLost)
	})
	t.Run("OfTheUnlockOfWhatWasSeenLost", func(t *testing.T) {
		m := f.mutex()
		f.must(m.RWLock(f.soon()))
		lost := m.Lost()
		remove(m)
		f.closes(lost)
		calls.once(rpctypes.ErrLeaderChanged)
		f.mustBe(m.Unlock(), ErrLost)
	})
	t.Run("OfTheUnlockWithoutALease", func(t *testing.T) {
		s := f.session()
		m := NewRWMutex(s, f.name)
		f.must(m.RWLock(f.soon()))
		_, err := admin.Revoke(f.soon(), s.Lease())
		f.must(err)
		calls.once(rpctypes.ErrLeaderChanged)
		f.mustBe(m.Unlock(), ErrLost)
	})
	f.mustHaveNoKeys()
}

// A key that was deleted and put again is not the one that was held, whose place
// in the queue was before it.
func TestKeyThatWasPutAgain(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	f.must(m.RWLock(f.soon()))
	_, err := f.client.Delete(f.soon(), m.Key())
	f.must(err)
	f.putLate(m.hold.session, m.Key())
	f.closes(m.Lost())
	f.mustBe(m.Unlock(), ErrLost)
	f.must(m.hold.session.(interface{ Close() error }).Close())
	f.mustHaveNoKeys()
}

// A request whose put comes through only when it has been taken back is taken
// back again.
func TestPutThatComesAfterItWasTakenBack(t *testing.T) {
	f := newFixture(t)
	calls := count(f.client)
	m := f.mutex()
	calls.once(rpctypes.ErrNoSpace)
	f.mustBe(m.RWLock(f.soon()), rpctypes.ErrNoSpace)
	f.mustHaveNoKeys()
	f.must(calls.sent[0]())
	f.queued(0)
	f.must(m.hold.session.(interface{ Close() error }).Close()) // which ends the watching over it
}

// A copy of a put that arrives after Unlock leaves its key for some seconds only, also if no
// other request uses the key, and one that another request uses is left alone.
func TestCopyOfAPutAfterUnlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fixture{T: t, client: rwlocktest.New().Client(t), name: "/a"}
		calls := count(f.client)
		s, err := NewSession(f.soon(), f.client, time.Minute)
		f.must(err)
		defer func() { _ = s.Close() }()
		first, second := s.NewRWMutex(f.name), s.NewRWMutex(f.name)
		f.must(first.RLock(f.soon()))
		key := f.usedKey(second, Read) // of its own, since the usual one is used
		usual := f.usedKey(s.NewRWMutex(f.name+"/b"), Write)
		f.putLate(s, key)
		f.putLate(s, usual)
		f.must(s.NewRWMutex(f.name + "/b").RWLock(f.soon())) // which takes its key over
		f.must(first.Unlock())
		if f.keys() != 2 {
			t.Fatalf("%d keys, want the late one and that of /b", f.keys())
		}
		began := calls.total()
		time.Sleep(5 * inFlight)
		if f.keys() != 1 {
			t.Errorf("%d keys a while later, want that of /b", f.keys())
		}
		if n := calls.total() - began; n > 6 { // with two by this test
			t.Errorf("%d requests to look at four keys", n)
		}
		before := calls.total()
		time.Sleep(time.Hour)
		if n := calls.total() - before; n > 0 {
			t.Errorf("%d requests in an hour in which nothing was released", n)
		}
	})
}
