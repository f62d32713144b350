package rwlock

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// playing is a test that feeds mirrors by hand.
type playing struct{ *testing.T }

// mirrorOf is a mirror of the lock /a. Its queue is loaded, with keys at a revision.
func (p playing) mirrorOf(rev int64, keys ...keyRev) *mirror {
	p.Helper()
	m := newMirror(clientv3.NewCtxClient(p.Context()), queueID{name: "/a"}, nil, func(error) {})
	m.loadKeys(p.T, rev, 0, keys...)
	return m
}

func (p playing) must(errs ...error) {
	p.Helper()
	if err := errors.Join(errs...); err != nil {
		p.Fatal(err)
	}
}

func (m *mirror) loadKeys(t *testing.T, rev int64, begun int, keys ...keyRev) {
	t.Helper()
	q := newLineup()
	for _, k := range keys {
		q.addKey(m.name, k.key, k.rev)
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
		play func(p playing) *mirrored
		want string
	}{
		{"the only request", func(p playing) *mirrored {
			return p.mirrorOf(5, at(own, 5)).begin(own, 5)
		}, held},
		{"behind a writer", func(p playing) *mirrored {
			return p.mirrorOf(5, at(a, 4), at(own, 5)).begin(own, 5)
		}, waits},
		{"a reader behind a reader", func(p playing) *mirrored {
			return p.mirrorOf(5, at("/a/read/x", 4), at(reader, 5)).begin(reader, 5)
		}, held},
		{"a writer behind a reader", func(p playing) *mirrored {
			return p.mirrorOf(5, at("/a/read/x", 4), at(own, 5)).begin(own, 5)
		}, waits},
		{"beside a request of its own transaction", func(p playing) *mirrored {
			return p.mirrorOf(5, at(reader, 5), at(own, 5)).begin(own, 5)
		}, held},
		{"beside requests of nested locks", func(p playing) *mirrored {
			return p.mirrorOf(5, at("/a/write/x/write/1", 3), at("/a/write/", 3), at(own, 5)).begin(own, 5)
		}, held},
		{"all ahead were deleted", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(a, 3), at(b, 4), at(own, 5))
			w := m.begin(own, 5)
			p.must(m.apply([]*clientv3.Event{deleted(b, 6)}), m.apply([]*clientv3.Event{deleted(a, 7)}))
			return w
		}, held},
		{"the last ahead was deleted, and another one was not", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(a, 3), at(b, 4), at(own, 5))
			w := m.begin(own, 5)
			p.must(m.apply([]*clientv3.Event{deleted(b, 6)}))
			return w
		}, waits},
		{"a request ahead was deleted and made again", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			p.must(m.apply([]*clientv3.Event{deleted(a, 6), created(a, 7)}))
			return w
		}, held},
		{"a write to a request ahead does not move it", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			put := created(a, 6)
			put.Kv.CreateRevision = 3
			p.must(m.apply([]*clientv3.Event{put}))
			return w
		}, waits},
		{"its key was deleted with the one ahead", func(p playing) *mirrored { // as with their lease
			m := p.mirrorOf(5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			p.must(m.apply([]*clientv3.Event{deleted(a, 6), deleted(own, 6)}))
			return w
		}, gone},
		{"an event is older than the queue", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(a, 4), at(own, 5))
			w := m.begin(own, 5)
			p.must(m.apply([]*clientv3.Event{deleted(a, 3)})) // an earlier request with the same key
			return w
		}, waits},
		{"the mirror does not know it yet", func(p playing) *mirrored {
			return p.mirrorOf(5).begin(own, 6)
		}, waits},
		{"the mirror gets to know it", func(p playing) *mirrored {
			m := p.mirrorOf(5)
			w := m.begin(own, 6)
			p.must(m.apply([]*clientv3.Event{created(own, 6)}))
			return w
		}, held},
		{"it was deleted before it joined", func(p playing) *mirrored {
			m := p.mirrorOf(5)
			p.must(m.apply([]*clientv3.Event{created(own, 6)}), m.apply([]*clientv3.Event{deleted(own, 7)}))
			return m.begin(own, 6)
		}, gone},
		{"it was deleted and another one has its key", func(p playing) *mirrored {
			m := p.mirrorOf(5)
			p.must(m.apply([]*clientv3.Event{created(own, 6), deleted(own, 7), created(own, 8)}))
			return m.begin(own, 6)
		}, gone},
		{"the queue was read again, without it", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			m.watchAnew()
			m.beginLoad()
			m.loadKeys(p.T, 4, m.loads, at(a, 3)) // a backup, which has an earlier revision
			return w
		}, gone},
		{"the queue was read before it was put", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(a, 3))
			m.watchAnew()
			m.beginLoad()
			w := m.begin(own, 7)
			m.loadKeys(p.T, 6, m.loads, at(a, 3))
			return w
		}, waits},
		{"the watch is in doubt", func(p playing) *mirrored {
			m, closed := p.mirrorOf(5, at(own, 5)), make(chan struct{})
			close(closed)
			m.doubt = closed
			return m.begin(own, 5)
		}, waits},
		{"the queue is not loaded again", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(own, 5))
			m.watchAnew()
			return m.begin(own, 5)
		}, waits},
		{"the mirror was given up", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(a, 3), at(own, 5))
			w := m.begin(own, 5)
			m.end(errUnsuitable)
			return w
		}, errMirrorEnded.Error()},
		{"the mirror was given up before", func(p playing) *mirrored {
			m := p.mirrorOf(5, at(own, 5))
			m.end(errUnsuitable)
			return m.begin(own, 5)
		}, errMirrorEnded.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.play(playing{t}).fate(); got != tt.want {
				t.Errorf("it %s, want %s", got, tt.want)
			}
		})
	}
}

// Whatever happens to a queue, and whenever waiters join, a mirror grants the lock to those
// that the rule grants it to, and to nobody else.
func TestMirrorFollowsTheRule(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		m := playing{t}.mirrorOf(1)
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

// A mirror is given up where most of what happens is not about requests for its lock.
func TestMirrorOfOthersKeys(t *testing.T) {
	m := playing{t}.mirrorOf(1)
	rev := int64(1)
	apply := func(key string) error {
		rev++
		return m.apply([]*clientv3.Event{created(fmt.Sprintf("%s%d", key, rev), rev)})
	}
	const nested, request = "/a/read/x/write/", "/a/read/"
	for range 2 * maxIrrelevantEvents {
		m.local.Add(1) // so that it is not too long
		if err := errors.Join(apply(nested), apply(request)); err != nil {
			t.Fatalf("every second key is a request: %v", err)
		}
	}
	for range maxIrrelevantEvents - m.noise {
		if err := apply(nested); err != nil {
			t.Fatalf("given up too early: %v", err)
		}
	}
	if err := apply(nested); !errors.Is(err, errUnsuitable) {
		t.Errorf("%v after %d keys that are no requests, want %v", err, m.noise, errUnsuitable)
	}
	m.end(nil)
}

// A mirror ends when it had no waiters for a while, and not before.
func TestMirrorEndsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, waited := range []bool{false, true} {
			ended := make(chan error, 1)
			m := newMirror(clientv3.NewCtxClient(t.Context()), queueID{name: "/a"}, nil, func(reason error) { ended <- reason })
			if waited {
				w := m.begin("/a/write/own", 5)
				time.Sleep(10 * linger)
				if !m.isAlive() {
					t.Error("it has ended with a waiter")
				}
				m.leave(w)
			}
			if !m.isAlive() {
				t.Error("it has not lingered")
			}
			time.Sleep(2 * linger)
			if m.isAlive() || len(ended) != 1 || m.ctx.Err() == nil {
				t.Errorf("it lives without waiters, which had some before: %t", waited)
			}
			m.stop()
		}
	})
}
