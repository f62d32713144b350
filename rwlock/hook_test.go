package rwlock

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
)

func TestHook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	events := make(chan Event, 10)
	m := NewRWMutex(f.session(), f.name, WithHook(func(e Event) { events <- e }))
	next := func() Event {
		t.Helper()
		select {
		case e := <-events:
			if len(e.Locks) != 1 || e.Locks[0] != (LockRequest{f.name, Write}) {
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

// The first Tracer that has a traceparent has it stored with the owner, all hooks see all
// later events, and a waiter's event says who is ahead of it, with their traceparents.
func TestTracers(t *testing.T) {
	f := newFixture(t)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var mu sync.Mutex
	kinds := map[string][]EventKind{}
	var queued Event
	type key struct{}
	tracer := func(name, traceparent string) Option {
		return WithTracer(func(ctx context.Context, e Event) (string, func(Event)) {
			if ctx.Value(key{}) != "value" {
				t.Error("not the context of the acquisition")
			}
			saw := func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				kinds[name] = append(kinds[name], e.Kind)
				if e.Kind == EventQueued {
					queued = e
				}
			}
			saw(e)
			return traceparent, saw
		})
	}
	none := WithTracer(func(context.Context, Event) (string, func(Event)) { return "", nil })
	ctx := context.WithValue(f.soon(), key{}, "value")
	s := f.newSession(f.client)
	holder := s.NewRWMutex(f.name, none, tracer("no traceparent", "00-x"), tracer("traceparent", trace), tracer("second", trace[:53]+"00"))
	f.must(holder.RLock(ctx))
	f.must(holder.TryUpgrade(ctx))
	upgraded, err := f.client.Get(ctx, holder.Key())
	f.must(err)
	if owner, _ := keyspace.DecodeOwner(upgraded.Kvs[0].Value); owner.Trace != trace {
		t.Errorf("the owner of an upgraded hold is %+v, want the traceparent %s", owner, trace)
	}
	f.must(holder.Downgrade(ctx))
	waiter := s.NewRWMutex(f.name, tracer("waiter", ""))
	asked := start(func() error { return waiter.RWLock(ctx) })
	var ahead []Ahead
	etcdtest.Eventually(t, "the waiter knows that etcd has its request", func() bool {
		ahead, err = waiter.Ahead(f.soon())
		return err == nil
	})
	if len(ahead) != 1 || ahead[0].Owner.Traceparent != trace {
		t.Errorf("ahead is %+v, want the traceparent %s", ahead, trace)
	}
	f.must(holder.Unlock())
	f.must(f.await(asked))
	f.must(waiter.Unlock())
	want := []EventKind{EventWaiting, EventGranted, EventReleased}
	for _, name := range []string{"no traceparent", "traceparent", "second"} {
		if !slices.Equal(kinds[name], want) {
			t.Errorf("%s: events %v, want %v", name, kinds[name], want)
		}
	}
	if want := slices.Insert(want, 1, EventQueued); !slices.Equal(kinds["waiter"], want) {
		t.Errorf("events of the waiter %v, want %v", kinds["waiter"], want)
	}
	if queued.Position != 1 || !reflect.DeepEqual(queued.Ahead, ahead) {
		t.Errorf("queued %+v, want %+v ahead", queued, ahead)
	}
}

// A hook costs no request while the lock is held for a short time.
func TestHookCostsNothing(t *testing.T) {
	f := newFixture(t)
	calls := count(f.client)
	m := NewRWMutex(f.session(), f.name, WithHook(nil), WithTracer(nil), WithHook(func(Event) {}))
	f.must(m.RWLock(f.soon()))
	f.must(m.Unlock())
	if n := calls.total(); n != 2 {
		t.Errorf("lock and unlock took %d calls, want 2", n)
	}
}

// A session that ends is reported at once.
func TestHookSeesTheEndOfTheSession(t *testing.T) {
	f := newFixture(t)
	s := f.newSession(f.client)
	lost := make(chan error, 1)
	m := s.NewRWMutex(f.name, WithHook(func(e Event) {
		if e.Kind == EventLost {
			lost <- e.Err
		}
	}))
	f.must(m.RWLock(f.soon()))
	f.must(s.Close())
	f.mustBe(f.await(lost), ErrSessionClosed)
}
