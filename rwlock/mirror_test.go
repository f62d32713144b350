package rwlock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
)

// mirrorOf is a mirror of the lock /a that is fed by hand. Its queue is loaded, with keys at
// a revision.
func mirrorOf(t *testing.T, rev int64, keys ...keyRev) *mirror {
	t.Helper()
	m := newMirror(clientv3.NewCtxClient(t.Context()), "/a", nil, func(error) {})
	m.loadKeys(t, rev, 0, keys...)
	return m
}

func (m *mirror) loadKeys(t *testing.T, rev int64, begun int, keys ...keyRev) {
	t.Helper()
	q := newLineup()
	for _, k := range keys {
		addKey(q, m.name, k.key, k.rev)
	}
	if err := m.endLoad(q, rev, 0, begun); err != nil {
		t.Fatal(err)
	}
}

// begin joins a waiter for a key that was created at a revision.
func (m *mirror) begin(key string, rev int64) *mirrored {
	parsed, _ := keyspace.ParseRWLock(key)
	w := &mirrored{key: key, mode: Mode(parsed.Mode), rev: rev, queued: make(chan struct{}, 1), done: make(chan error, 1)}
	m.join(w)
	return w
}

func created(key string, rev int64) *clientv3.Event {
	return &clientv3.Event{Type: clientv3.EventTypePut, Kv: &mvccpb.KeyValue{Key: []byte(key), CreateRevision: rev, ModRevision: rev}}
}

func deleted(key string, rev int64) *clientv3.Event {
	return &clientv3.Event{Type: clientv3.EventTypeDelete, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: rev}}
}

// waits, held and lost are what became of a waiter.
const (
	waits = "waits"
	held  = "held"
	gone  = "lost"
)

func (w *mirrored) fate() string {
	select {
	case err := <-w.done:
		w.done <- err
		switch {
		case err == nil:
			return held
		case errors.Is(err, ErrLost):
			return gone
		default:
			return err.Error()
		}
	default:
		return waits
	}
}

func TestMirror(t *testing.T) {
	const a, b, own, reader = "/a/write/a", "/a/write/b", "/a/write/own", "/a/read/own"
	at := func(key string, rev int64) keyRev { return keyRev{key: key, rev: rev} }
	tests := []struct {
		name string
		play func(t *testing.T) *mirrored
		want string
	}{
		{"the only request", func(t *testing.T) *mirrored {
			return mirrorOf(t, 5, at(own, 5)).begin(own, 5)
		}, held},
		{"behind a writer", func(t *testing.T) *mirrored {
			return mirrorOf(t, 5, at(a, 4), at(own, 5)).begin(own, 5)
		}, waits},
		{"a reader behind a reader", func(t *testing.T) *mirrored {
			return mirrorOf(t, 5, at("/a/read/x", 4), at(reader, 5)).begin(reader, 5)
		}, held},
		{"a writer behind a reader", func(t *testing.T) *mirrored {
			return mirrorOf(t, 5, at("/a/read/x", 4), at(own, 5)).begin(own, 5)
		}, waits},
		{"beside a request of its own transaction", func(t *testing.T) *mirrored {
			return mirrorOf(t, 5, at(reader, 5), at(own, 5)).begin(own, 5)
		}, held},
		{"beside requests of nested locks", func(t *testing.T) *mirrored {
			return mirrorOf(t, 5, at("/a/write/x/write/1", 3), at("/a/write/", 3), at(own, 5)).begin(own, 5)
		}, held},
		{"all ahead were deleted", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(a, 3), at(b, 4), at(own, 5))
			w := m.begin(own, 5)
			must(t, m.apply([]*clientv3.Event{deleted(b, 6)}), m.apply([]*clientv3.Event{deleted(a, 7)}))
			return w
		}, held},
		{"the last ahead was deleted, and another one was not", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(a, 3), at(b, 4), at(own, 5))
			w := m.begin(own, 5)
			must(t, m.apply([]*clientv3.Event{deleted(b, 6)}))
			return w
		}, waits},
		{"a request ahead was deleted and made again", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			must(t, m.apply([]*clientv3.Event{deleted(a, 6), created(a, 7)}))
			return w
		}, held},
		{"a write to a request ahead does not move it", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			put := created(a, 6)
			put.Kv.CreateRevision = 3
			must(t, m.apply([]*clientv3.Event{put}))
			return w
		}, waits},
		{"its key was deleted with the one ahead", func(t *testing.T) *mirrored { // as with their lease
			m := mirrorOf(t, 5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			must(t, m.apply([]*clientv3.Event{deleted(a, 6), deleted(own, 6)}))
			return w
		}, gone},
		{"an event is older than the queue", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(a, 4), at(own, 5))
			w := m.begin(own, 5)
			must(t, m.apply([]*clientv3.Event{deleted(a, 3)})) // an earlier request with the same key
			return w
		}, waits},
		{"the mirror does not know it yet", func(t *testing.T) *mirrored {
			return mirrorOf(t, 5).begin(own, 6)
		}, waits},
		{"the mirror gets to know it", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5)
			w := m.begin(own, 6)
			must(t, m.apply([]*clientv3.Event{created(own, 6)}))
			return w
		}, held},
		{"it was deleted before it joined", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5)
			must(t, m.apply([]*clientv3.Event{created(own, 6)}), m.apply([]*clientv3.Event{deleted(own, 7)}))
			return m.begin(own, 6)
		}, gone},
		{"it was deleted and another one has its key", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5)
			must(t, m.apply([]*clientv3.Event{created(own, 6), deleted(own, 7), created(own, 8)}))
			return m.begin(own, 6)
		}, gone},
		{"the queue was read again, without it", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			m.watchAnew()
			m.beginLoad()
			m.loadKeys(t, 4, m.loads, at(a, 3)) // a backup, which has an earlier revision
			return w
		}, gone},
		{"the queue was read before it was put", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(a, 3))
			m.watchAnew()
			m.beginLoad()
			w := m.begin(own, 7)
			m.loadKeys(t, 6, m.loads, at(a, 3))
			return w
		}, waits},
		{"the watch is in doubt", func(t *testing.T) *mirrored {
			m, closed := mirrorOf(t, 5, at(own, 5)), make(chan struct{})
			close(closed)
			m.doubt = closed
			return m.begin(own, 5)
		}, waits},
		{"the queue is not loaded again", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(own, 5))
			m.watchAnew()
			return m.begin(own, 5)
		}, waits},
		{"the mirror was given up", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			m.end(errUnsuitable)
			return w
		}, errMirrorEnded.Error()},
		{"the mirror was given up before", func(t *testing.T) *mirrored {
			m := mirrorOf(t, 5, at(own, 5))
			m.end(errUnsuitable)
			return m.begin(own, 5)
		}, errMirrorEnded.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.play(t).fate(); got != tt.want {
				t.Errorf("it %s, want %s", got, tt.want)
			}
		})
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Whatever happens to a queue, and whenever waiters join, a mirror grants the lock to those
// that the rule grants it to, and to nobody else.
func TestMirrorFollowsTheRule(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		m := mirrorOf(t, 1)
		queue, joined, ever := map[string]int64{}, map[string]*mirrored{}, map[string]bool{}
		late := map[string]int64{} // put, and not joined yet
		for rev := int64(2); rev < 120; rev++ {
			var events []*clientv3.Event
			key := fmt.Sprintf("/a/%s/%d", []string{"read", "write"}[rng.IntN(2)], rng.IntN(12))
			if at, ok := queue[key]; ok {
				events = append(events, deleted(key, rev))
				delete(queue, key)
				if w := joined[key]; w != nil && w.rev == at {
					delete(joined, key)
					if got := w.fate(); !ever[key] && got != waits {
						t.Fatalf("seed %d: %s %s before its turn", seed, key, got)
					}
				}
				delete(late, key)
			} else {
				events, queue[key] = append(events, created(key, rev)), rev
				ever[key] = false
				switch rng.IntN(3) {
				case 0: // the reply comes before the event
					joined[key] = m.begin(key, rev)
				case 1:
					late[key] = rev
				}
			}
			if err := m.apply(events); err != nil {
				t.Fatal(err)
			}
			for key, at := range late {
				if rng.IntN(3) == 0 {
					joined[key] = m.begin(key, at)
					delete(late, key)
				}
			}
			for key, w := range joined {
				want := waits
				if ever[key] = ever[key] || !ruleBlocks(queue, key); ever[key] {
					want = held
				}
				if got := w.fate(); got != want {
					t.Fatalf("seed %d: at %d, %s %s, want %s", seed, rev, key, got, want)
				}
			}
		}
	}
}

// ruleBlocks reports whether a request waits for another one.
func ruleBlocks(queue map[string]int64, key string) bool {
	own, _ := keyspace.ParseRWLock(key)
	for other, rev := range queue {
		parsed, _ := keyspace.ParseRWLock(other)
		if rev < queue[key] && (parsed.Mode == keyspace.Write || own.Mode == keyspace.Write) {
			return true
		}
	}
	return false
}

// However many clients wait for a lock, few of them mirror its queue: a mirror gets an event
// for every request and every release.
func TestFewMirrors(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	const n = leaveShare + 10
	var clients []*clientv3.Client
	var done []<-chan error
	for i := range n {
		client := etcdtest.Client(t, etcdtest.Shared(t))
		m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
		clients = append(clients, client)
		done = append(done, start(func() error { return errors.Join(m.RWLock(f.soon()), m.Unlock()) }))
		f.queued(i + 2)
	}
	etcdtest.Eventually(t, "the mirrors are given up", func() bool { return mirrorsOf(clients, f.name) == 0 })
	f.must(holder.Unlock())
	for _, d := range done {
		f.must(f.await(d))
	}
	f.mustHaveNoKeys()
}

func mirrorsOf(clients []*clientv3.Client, name string) (n int) {
	for _, c := range clients {
		w := stateOf(c).waits
		w.mu.Lock()
		if m := w.mirrors[name]; m != nil && m.isAlive() {
			n++
		}
		w.mu.Unlock()
	}
	return n
}

// A queue is read in pages.
func TestMirrorOfALongQueue(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	const n = 2*mirrorPage + 10
	for from := 0; from < n; from += 100 {
		var puts []clientv3.Op
		for i := range 100 {
			puts = append(puts, clientv3.OpPut(fmt.Sprintf("%s/read/%d", f.name, from+i), ""))
		}
		_, err := f.client.Txn(f.soon()).Then(puts...).Commit()
		f.must(err)
	}
	m := newMirror(f.client, f.name, nil, func(error) {})
	q, rev, noise, err := m.read(f.soon())
	f.must(err)
	if len(q.revs) < n || rev == 0 || noise != 0 {
		t.Errorf("%d requests at %d, %d other keys, want all %d", len(q.revs), rev, noise, n)
	}
	_, err = f.client.Delete(f.soon(), f.name+"/read/", clientv3.WithPrefix())
	f.must(err)
	f.must(holder.Unlock())
}

// Waiters that watch the requests ahead of them miss nothing either, whether they open a watch
// or find one that is open, and share it or not.
func TestTightLoopOfKeyWatches(t *testing.T) {
	f := newFixture(t)
	const rounds = 60
	var done []<-chan error
	var client *clientv3.Client
	for i := range 6 {
		if i%2 == 0 {
			client = etcdtest.Client(t, etcdtest.Shared(t))
			NeverMirror(client, f.name)
		}
		m, mode := NewRWMutex(etcdtest.Session(t, client, 60), f.name), Write
		if i == 5 {
			mode = Read
		}
		done = append(done, start(func() error {
			for i := range rounds {
				if err := errors.Join(lock(f.soon(), m, mode), m.Unlock()); err != nil {
					return fmt.Errorf("round %d: %w", i, err)
				}
			}
			return nil
		}))
	}
	for _, d := range done {
		f.must(f.await(d))
	}
	f.mustHaveNoKeys()
}

// A waiter that watches the one ahead is not granted the lock when that one is cancelled, and
// watches its own key after a while, so that it learns that it is deleted.
func TestKeyWatchOfAWaiter(t *testing.T) {
	f := newFixture(t)
	var s sent
	client := s.client(t, etcdtest.Shared(t))
	NeverMirror(client, f.name)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	ctx, cancel := context.WithCancel(f.soon())
	ahead := f.mutex()
	waiting := start(func() error { return ahead.RWLock(ctx) })
	f.queued(2)
	m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
	waiter := start(func() error { return m.RWLock(f.soon()) })
	f.queued(3)
	cancel()
	f.mustBe(f.await(waiting), context.Canceled)
	f.queued(2)
	etcdtest.Eventually(t, "it watches the holder", func() bool { return s.watches(holder.Key()) == 1 })
	etcdtest.Eventually(t, "it watches its own key", func() bool { return s.watches(m.Key()) == 1 })
	f.waiting(waiter)
	_, err := f.client.Delete(f.soon(), m.Key())
	f.must(err)
	f.mustBe(f.await(waiter), ErrLost)
	f.must(holder.Unlock())
	f.mustHaveNoKeys()
}

// A release after the queue was read, and before the watch has begun, is not missed. Without a
// read, it would be when the watch is opened again.
func TestReleaseBeforeTheWatch(t *testing.T) {
	for _, mirrors := range []bool{true, false} {
		t.Run(fmt.Sprint("mirrors ", mirrors), func(t *testing.T) {
			f := newFixture(t)
			holder := f.mutex()
			f.must(holder.RWLock(f.soon()))
			from := holder.Key()
			if mirrors {
				from = keyspace.Dir(f.name, keyspace.Read)
			}
			s := sent{before: func(key string) {
				if key == from {
					_ = holder.Unlock()
				}
			}}
			client := s.client(t, etcdtest.Shared(t))
			if !mirrors {
				NeverMirror(client, f.name)
			}
			m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
			f.must(m.RWLock(f.soon()))
			if n := s.watches(from); n != 1 {
				t.Errorf("%d watches, want one that misses nothing", n)
			}
			f.must(m.Unlock())
		})
	}
}
