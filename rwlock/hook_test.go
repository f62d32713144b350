package rwlock

import (
	"errors"
	"testing"
)

func TestHook(t *testing.T) {
	f := newFixture(t)
	events := make(chan Event, 10)
	m := NewRWMutex(f.session(), f.name, WithHook(func(e Event) { events <- e }))
	next := func() Event {
		t.Helper()
		select {
		case e := <-events:
			if len(e.Locks) != 1 || e.Locks[0] != (LockRequest{Name: f.name, Mode: Write}) {
				t.Errorf("event %+v is not of the request", e)
			}
			return e
		case <-f.soon().Done():
			t.Fatal("no event")
			return Event{}
		}
	}
	expect := func(kinds ...EventKind) (last Event) {
		t.Helper()
		for _, k := range kinds {
			if last = next(); last.Kind != k {
				t.Fatalf("event %+v, want %s", last, k)
			}
		}
		return last
	}
	f.must(m.RWLock(f.soon()))
	token := m.Token()
	f.must(m.Unlock())
	if e := expect(EventWaiting, EventGranted, EventReleased); e.Token != token || e.Held <= 0 || e.Err != nil {
		t.Errorf("released = %+v, want token %d", e, token)
	}
	other := f.mutex()
	f.must(other.RWLock(f.soon()))
	waited := make(chan error, 1)
	go func() { waited <- m.RWLock(f.soon()) }()
	if e := expect(EventWaiting, EventQueued); e.Token != 0 {
		t.Errorf("queued = %+v", e)
	}
	f.must(other.Unlock())
	expect(EventGranted)
	f.must(<-waited)
	f.must(m.Unlock())
	expect(EventReleased)
	f.must(m.RWLock(f.soon()))
	_, err := f.client.Delete(f.soon(), m.Key())
	f.must(err)
	if e := expect(EventWaiting, EventGranted, EventLost); !errors.Is(e.Err, ErrLost) {
		t.Errorf("lost = %+v", e)
	}
	f.mustBe(m.Unlock(), ErrLost)
	expect(EventReleased)

	holder := f.mutex()
	f.must(holder.RLock(f.soon()))
	f.mustBe(m.TryRWLock(f.soon()), ErrLocked)
	if e := expect(EventWaiting, EventFailed); !errors.Is(e.Err, ErrLocked) || e.Token != 0 {
		t.Errorf("failed = %+v", e)
	}
	f.must(holder.Unlock())
}
