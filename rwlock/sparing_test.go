package rwlock

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// atMost ends the context that it returns after so many calls to etcd, of one that asks on and on.
func (g *gate) atMost(f fixture, n int64) context.Context {
	ctx, cancel := context.WithCancel(f.Context())
	f.Cleanup(cancel)
	count := func(context.Context) error {
		if g.calls.Load() > n {
			cancel()
		}
		return ctx.Err()
	}
	g.calls.Store(0)
	g.hang.Store(&count)
	return ctx
}

// A waiter that finds the watch of a key that was deleted before, and put again, waits for the
// next deletion, and reads nothing meanwhile.
func TestKeyThatWasDeletedEarlier(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, other *clientv3.Client) {
		s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
		NeverMirror(f.client, f.name)
		holder, m := others.NewRWMutex(f.name), s.NewRWMutex(f.name)
		var key string
		for range 2 { // within a second
			f.must(holder.RWLock(f.soon()))
			if key == "" {
				key = holder.Key()
			} else if key != holder.Key() {
				t.Fatal("the holder has another key")
			}
			ctx := g.atMost(f, 10)
			waiter := start(func() error { return m.RWLock(ctx) })
			synctest.Wait()
			f.must(holder.Unlock())
			f.must(f.await(waiter))
			f.must(m.Unlock())
		}
		f.must(s.Close())
		f.must(others.Close())
	})
}

// Requests of nested locks that hide the one that a waiter waits for have it read the whole queue,
// once.
func TestHiddenBehindNestedLocks(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Write, Slot} {
		inBubble(t, func(f fixture, g *gate, other *clientv3.Client) {
			s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
			NeverMirror(f.client, f.name)
			lock := []LockRequest{{Name: f.name, Mode: mode, Permits: 1}}
			holder, m := others.NewSet(lock), s.NewSet(lock)
			f.must(holder.Lock(f.soon()))
			for i := range maxPredecessors {
				_, err := other.Put(f.soon(), fmt.Sprintf("%s/%s/read/%d", f.name, mode, i), "")
				f.must(err)
			}
			ctx := g.atMost(f, 10)
			waiter := start(func() error { return m.Lock(ctx) })
			synctest.Wait()
			f.waiting(waiter)
			f.must(holder.Unlock())
			f.must(f.await(waiter))
			f.must(m.Unlock())
			f.must(s.Close())
			f.must(others.Close())
		})
	}
}

// The code of a proxy says nothing about whether the request was carried out: what it may have put
// is deleted.
func TestRefusalOfAProxy(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.PermissionDenied, codes.InvalidArgument, codes.NotFound} {
		inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
			s := f.bubbleSession(time.Hour)
			count(f.client).once(status.Error(code, "a proxy's"))
			if err := s.NewRWMutex(f.name).RWLock(f.soon()); status.Code(err) != code {
				t.Errorf("acquired with %v, want the code %v", err, code)
			}
			f.mustHaveNoKeys()
			f.must(s.Close())
		})
	}
}

// A client looks at ten thousand released keys again, at most.
func TestReleasedKeysAreBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		var released releasedKeys
		for i := range maxReleased + 10 {
			released.note(s, []*entry{{key: fmt.Sprint(i)}})
		}
		if n := len(released.keys); n != maxReleased {
			t.Errorf("%d keys", n)
		}
		f.must(s.Close())
	})
}

// lagging is a member that does not know what etcd has done since a revision, before which there
// was nothing. It answers what any member may answer.
type lagging struct {
	clientv3.KV
	since int64
}

func (l lagging) Txn(ctx context.Context) clientv3.Txn {
	return &laggingTxn{Txn: l.KV.Txn(ctx), since: l.since}
}

type laggingTxn struct {
	clientv3.Txn
	since int64
	stale int // number of gets that the member answers
}

func (t *laggingTxn) If(cs ...clientv3.Cmp) clientv3.Txn   { t.Txn = t.Txn.If(cs...); return t }
func (t *laggingTxn) Else(ops ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Else(ops...); return t }
func (t *laggingTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	if ops[0].IsSerializable() {
		t.stale = len(ops)
	}
	t.Txn = t.Txn.Then(ops...)
	return t
}

func (t *laggingTxn) Commit() (*clientv3.TxnResponse, error) {
	if t.stale == 0 {
		return t.Txn.Commit()
	}
	resp := &clientv3.TxnResponse{Header: &etcdserverpb.ResponseHeader{Revision: t.since}, Succeeded: true}
	for range t.stale {
		resp.Responses = append(resp.Responses, &etcdserverpb.ResponseOp{
			Response: &etcdserverpb.ResponseOp_ResponseRange{ResponseRange: &etcdserverpb.RangeResponse{}},
		})
	}
	return resp, nil
}

// beginsAt has the watches of a client say that they begin at a revision.
type beginsAt struct {
	clientv3.Watcher
	rev    int64
	before func() // is called before a watch is opened
}

func (w beginsAt) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	if w.before != nil {
		w.before()
	}
	in, out := w.Watcher.Watch(ctx, key, opts...), make(chan clientv3.WatchResponse)
	go func() {
		defer close(out)
		for resp := range in {
			if resp.Created {
				h := resp.Header // which the client uses too
				resp.Header = &etcdserverpb.ResponseHeader{ClusterId: h.ClusterId, MemberId: h.MemberId, Revision: w.rev, RaftTerm: h.RaftTerm}
			}
			select {
			case out <- resp:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// A member that lags behind does not know the key of a hold: that is no loss, for the leader knows
// it.
func TestLaggingMemberLosesNoHold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		resp, err := f.client.Put(f.soon(), "/before", "")
		f.must(err)
		since := resp.Header.Revision
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		f.client.KV = lagging{KV: f.client.KV, since: since}
		f.client.Watcher = beginsAt{Watcher: f.client.Watcher, rev: since}
		lost := m.Lost()
		time.Sleep(time.Second)
		f.open(lost)
		f.mustDelete(other, m.Key())
		f.closes(lost)
		f.must(s.Close())
	})
}

// A release before a watch has begun is not missed either where etcd does not say at which revision
// it has, as its grpc-proxy does.
func TestWatchOfAProxy(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Read, Write, Slot} {
		inBubble(t, func(f fixture, _ *gate, other *clientv3.Client) {
			s, others := f.bubbleSession(time.Hour), fixture{T: f.T, client: other}.bubbleSession(time.Hour)
			NeverMirror(f.client, f.name)
			first := LockRequest{Name: f.name, Mode: max(mode, Write), Permits: 1}
			holder, m := others.NewSet([]LockRequest{first}), s.NewSet([]LockRequest{{Name: f.name, Mode: mode, Permits: 1}})
			f.must(holder.Lock(f.soon()))
			f.client.Watcher = beginsAt{Watcher: f.client.Watcher, before: func() { _ = holder.Unlock() }}
			d, err := took(func() error { return m.Lock(f.Context()) })
			f.must(err)
			if d > time.Second {
				t.Errorf("%v: granted after %s", mode, d)
			}
			f.must(m.Unlock())
			f.must(s.Close())
			f.must(others.Close())
		})
	}
}

// What happens to the key or the session after the release is no loss.
func TestNoLossAfterTheRelease(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		m := s.NewRWMutex(f.name)
		f.must(m.RWLock(f.soon()))
		_, loss := m.hold.current()
		lost := m.Lost()
		f.must(m.Unlock())
		loss.report(loss.ctx, ErrLost) // as by a read that was answered at the same time
		f.must(s.Close())
		synctest.Wait()
		f.open(lost)
	})
}

// counted has all calls to etcd counted from now on.
func (g *gate) counted() {
	count := func(context.Context) error { return nil }
	g.calls.Store(0)
	g.hang.Store(&count)
}

// The keys of a session that has ended cost no request: they go with its lease.
func TestEndedSessionCostsNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, g *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour)
		f.usedKey(s.NewRWMutex(f.name+"/released"), Write)
		kept := s.NewRWMutex(f.name+"/kept", WithKeep(time.Minute))
		for range 2 * keptGrants {
			f.must(kept.RWLock(f.soon()))
			f.must(kept.Unlock())
		}
		g.counted()
		f.must(s.Close())
		closing := g.calls.Load()
		time.Sleep(2 * time.Minute)
		if n := g.calls.Load() - closing; closing != 1 || n > 0 {
			t.Errorf("%d requests to close the session, and %d after that", closing, n)
		}
	})
}

// ofKeys returns the watches of keys, and how many of them nobody uses.
func (w *localWaits) ofKeys() (watches map[string]*keyWatch, idle int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.keys), w.idle
}

// A watch of a key that nobody uses any more serves the next waiter for a second, and a client
// has a bounded number of them.
func TestIdleWatchesOfKeys(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f fixture, _ *gate, _ *clientv3.Client) {
		s := f.bubbleSession(time.Hour) // the client is connected
		waits := stateOf(f.client).waits
		first := waits.watchKey("/0")
		waits.unwatchKey(first)
		for i := range maxIdleKeys + 10 {
			k := waits.watchKey(fmt.Sprint("/", i))
			synctest.Wait() // until it is open
			waits.unwatchKey(k)
		}
		time.Sleep(linger / 2)
		if watches, _ := waits.ofKeys(); len(watches) != maxIdleKeys || waits.watchKey("/0") != first {
			t.Errorf("%d watches, want %d, and the first one again", len(watches), maxIdleKeys)
		}
		time.Sleep(2 * linger)
		if watches, _ := waits.ofKeys(); len(watches) != 1 || watches["/0"] != first {
			t.Errorf("%d watches are left, want the one that is used", len(watches))
		}
		waits.unwatchKey(first)
		time.Sleep(2 * linger)
		if watches, idle := waits.ofKeys(); len(watches) != 0 || idle != 0 {
			t.Errorf("%d watches are left, %d of them idle", len(watches), idle)
		}
		f.must(s.Close())
	})
}
