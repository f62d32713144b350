package rwlock

import (
	"context"
	"slices"
	"sync"
	"testing"

	"etcd-lock/internal/keyspace"
)

func TestReadersShareAndWritersDoNot(t *testing.T) {
	f := newFixture(t)
	r1, r2, w := f.mutex(), f.mutex(), f.mutex()
	f.must(r1.RLock(f.soon()))
	f.must(r2.RLock(f.soon()))
	writer := start(func() error { return w.RWLock(f.soon()) })
	f.queued(3)
	f.waiting(writer)
	f.must(r1.Unlock())
	f.waiting(writer)
	f.must(r2.Unlock())
	f.must(f.await(writer))

	late := start(func() error { return r1.RLock(f.soon()) })
	f.queued(2)
	f.waiting(late)
	f.must(w.Unlock())
	f.must(f.await(late))
	f.must(r1.Unlock())
	f.mustHaveNoKeys()
}

func TestFirstComeFirstServed(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	const n = 8
	var mu sync.Mutex
	var order []int
	var done []<-chan error
	for i := range n {
		m := f.mutex()
		done = append(done, start(func() error {
			if err := m.RWLock(f.soon()); err != nil {
				return err
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			return m.Unlock()
		}))
		f.queued(i + 2)
	}
	f.must(holder.Unlock())
	for _, d := range done {
		f.must(f.await(d))
	}
	for i, got := range order {
		if got != i {
			t.Fatalf("served in the order %v", order)
		}
	}
	f.mustHaveNoKeys()
}

func TestALateReaderDoesNotOvertakeAWriter(t *testing.T) {
	f := newFixture(t)
	r1, w, r2 := f.mutex(), f.mutex(), f.mutex()
	f.must(r1.RLock(f.soon()))
	writer := start(func() error { return w.RWLock(f.soon()) })
	f.queued(2)
	reader := start(func() error { return r2.RLock(f.soon()) })
	f.queued(3)
	f.waiting(reader)
	f.must(r1.Unlock())
	f.must(f.await(writer))
	f.waiting(reader)
	f.must(w.Unlock())
	f.must(f.await(reader))
}

func TestMisuse(t *testing.T) {
	f := newFixture(t)
	t.Run("ErrInvalidName", func(t *testing.T) {
		calls := count(f.client)
		f.mustBe(NewRWMutex(f.session(), "").RLock(f.soon()), ErrInvalidName)
		if n := calls.total(); n != 0 {
			t.Errorf("%d calls to etcd, want none", n)
		}
	})
	t.Run("ErrNotHeld", func(t *testing.T) {
		m := f.mutex()
		f.mustBe(m.Unlock(), ErrNotHeld)
		f.must(m.RWLock(f.soon()))
		f.must(m.Unlock())
		f.mustBe(m.Unlock(), ErrNotHeld)
	})
	t.Run("ErrBusyWhenHeld", func(t *testing.T) {
		m := f.mutex()
		f.must(m.RLock(f.soon()))
		f.mustBe(m.RLock(f.soon()), ErrBusy)
		f.mustBe(m.RWLock(f.soon()), ErrBusy)
		f.must(m.Unlock())
	})
	t.Run("ErrBusyWhenWaiting", func(t *testing.T) {
		holder, m := f.mutex(), f.mutex()
		f.must(holder.RWLock(f.soon()))
		waiter := start(func() error { return m.RWLock(f.soon()) })
		f.queued(2)
		f.mustBe(m.RLock(f.soon()), ErrBusy)
		f.mustBe(m.Unlock(), ErrNotHeld)
		f.must(holder.Unlock())
		f.must(f.await(waiter))
		f.must(m.Unlock())
	})
	f.mustHaveNoKeys()
}

// Two mutexes on one session exclude each other, and the unlock of one does
// not drop the other's hold.
func TestMutexesOfOneSession(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	a, b := NewRWMutex(s, f.name), NewRWMutex(s, f.name)
	f.must(a.RWLock(f.soon()))
	second := start(func() error { return b.RWLock(f.soon()) })
	f.queued(2)
	f.waiting(second)
	f.must(a.Unlock())
	f.must(f.await(second))
	if n := f.keys(); n != 1 {
		t.Errorf("%d keys after one of two unlocked, want 1", n)
	}
	f.must(b.Unlock())
}

// Names are not paths: no two of these wait for each other, where the older
// clients take one name for the prefix of another.
func TestNamesThatNeverCollide(t *testing.T) {
	f := newFixture(t)
	names := []string{"", "/", "/b", "/read", "/write", "/read/", "/write/x", "/read/x/write", "/writers", "/write/read", "\x00", "/\xff\xfe", "/\x1b[2J\n"}
	lockAll := func() (unlock func()) {
		var held []*RWMutex
		for _, suffix := range names {
			m := NewRWMutex(f.session(), f.name+suffix)
			f.must(m.RWLock(f.soon()))
			held = append(held, m)
		}
		return func() {
			for _, m := range held {
				f.must(m.Unlock())
			}
		}
	}
	lockAll()()
	slices.Reverse(names) // what is nested below a name is there before it
	defer lockAll()()
	for _, suffix := range names {
		second := NewRWMutex(f.session(), f.name+suffix)
		ctx, cancel := context.WithCancel(f.soon())
		waiter := start(func() error { return second.RLock(ctx) })
		dir := keyspace.Dir(f.name+suffix, Read.inKeys())
		f.waitForChild(dir)
		f.waiting(waiter)
		cancel()
		f.mustBe(f.await(waiter), context.Canceled)
	}
}

func TestOwnerIsWrittenWithTheKey(t *testing.T) {
	f := newFixture(t)
	m := NewRWMutex(f.session(), f.name, WithLabel("nightly"))
	f.must(m.RLock(f.soon()))
	resp, err := f.client.Get(f.soon(), m.Key())
	f.must(err)
	kv := resp.Kvs[0]
	owner, ok := keyspace.DecodeOwner(kv.Value)
	if !ok || owner.Label != "nightly" || owner.PID == 0 || owner.Time.IsZero() {
		t.Errorf("owner = %+v, %v", owner, ok)
	}
	if kv.CreateRevision != m.Token() || kv.Version != 1 {
		t.Errorf("key of create revision %d, version %d; token is %d", kv.CreateRevision, kv.Version, m.Token())
	}
	f.must(m.Unlock())
	if m.Key() != "" || m.Token() != 0 {
		t.Errorf("after Unlock: key %q, token %d", m.Key(), m.Token())
	}
}

func TestOwnerSaysWhatItsProcessRunsUnder(t *testing.T) {
	t.Setenv(keyspace.UnderEnv, "/a/write/1\n/b/write/1")
	if o := processOwner(); o.Under != "/a/write/1" || o.PID == 0 {
		t.Errorf("owner = %+v", o)
	}
}
