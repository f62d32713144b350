package inspect

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// newSource is a source that pages, probes and gives up quickly.
func newSource(client *clientv3.Client) *Source {
	s := NewSource(client)
	s.tuning.page = 7
	s.tuning.patience = 500 * time.Millisecond
	s.tuning.probe = 30 * time.Millisecond
	return s
}

// viewer is a receiver of updates that keeps all it has seen.
type viewer struct {
	t       *testing.T
	updates <-chan Update
	stop    func()

	last     Update
	events   []Event
	resynced int
}

// watch watches until the test ends.
func watch(t *testing.T, s *Source, prefix string) *viewer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	v := &viewer{t: t, updates: s.Watch(ctx, prefix)}
	v.stop = func() {
		cancel()
		for range v.updates {
		}
	}
	t.Cleanup(v.stop)
	return v
}

// until receives updates until one is as wanted, and returns it.
func (v *viewer) until(what string, want func(Update) bool) Update {
	v.t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case u, ok := <-v.updates:
			if !ok {
				v.t.Fatalf("closed before: %s", what)
			}
			v.see(u)
			if want(u) {
				return u
			}
		case <-timeout:
			v.t.Fatalf("not within a minute: %s; last: revision %d, err %v", what, v.last.Snapshot.Revision, v.last.Err)
		}
	}
}

func (v *viewer) see(u Update) {
	v.last = u
	v.events = append(v.events, u.Events...)
	if u.Resynced.Happened() {
		v.resynced++
	}
}

// untilRevision receives updates until they have come to revision, which they
// may have already.
func (v *viewer) untilRevision(revision int64) Update {
	v.t.Helper()
	there := func(u Update) bool { return u.Err == nil && u.Snapshot.Revision >= revision }
	if there(v.last) {
		return v.last
	}
	return v.until("the revision", there)
}

// lines are the events seen, as "kind key".
func (v *viewer) lines() []string { return lines(v.events) }

func lines(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, string(e.Kind)+" "+e.Request.Key)
	}
	return out
}

// untimed is s without the times at which a watch saw something, which a
// snapshot cannot know, and without the leases of other keys, which a watch reads
// later.
func untimed(s Snapshot) Snapshot {
	locks := make([]Lock, 0, len(s.Locks))
	for _, l := range s.Locks {
		l.Queue = append([]Request(nil), l.Queue...)
		for i := range l.Queue {
			l.Queue[i].Since = l.Queue[i].Owner.Time
			l.Queue[i].Seen, l.Queue[i].Saw = time.Time{}, false
		}
		l.Others = append([]Request(nil), l.Others...)
		for i := range l.Others {
			if !l.Others[i].IsRequest() {
				l.Others[i].Lease, l.Others[i].LeaseUnknown = 0, false
			}
		}
		locks = append(locks, l)
	}
	s.Locks, s.keys, s.rules, s.ranges, s.beside = locks, nil, nil, nil, beside{}
	return s
}

// put writes keys, one after the other, and returns the last revision.
func put(t *testing.T, client *clientv3.Client, keys ...string) int64 {
	t.Helper()
	var revision int64
	for _, key := range keys {
		resp, err := client.Put(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		revision = resp.Header.Revision
	}
	return revision
}

// del deletes a key and returns the revision.
func del(t *testing.T, client *clientv3.Client, key string) int64 {
	t.Helper()
	resp, err := client.Delete(t.Context(), key)
	if err != nil || resp.Deleted != 1 {
		t.Fatalf("Delete(%q) = %v, %v", key, resp, err)
	}
	return resp.Header.Revision
}

func grant(t *testing.T, client *clientv3.Client, ttl int64) clientv3.LeaseID {
	t.Helper()
	resp, err := client.Grant(t.Context(), ttl)
	if err != nil {
		t.Fatal(err)
	}
	return resp.ID
}

// link is a network between a client and a member that can be cut, and that
// can lead elsewhere afterwards.
type link struct {
	addr string

	mu     sync.Mutex
	target string // empty while the link is cut
	conns  []net.Conn
}

func newLink(t *testing.T, target string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{addr: l.Addr().String(), target: target}
	var wg sync.WaitGroup
	wg.Go(func() { k.serve(l, &wg) })
	t.Cleanup(func() {
		_ = l.Close()
		k.cut()
		wg.Wait()
	})
	return k
}

func (k *link) serve(l net.Listener, wg *sync.WaitGroup) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, ok := k.connect(near)
		if !ok {
			_ = near.Close()
			continue
		}
		wg.Go(func() { pipe(near, far) })
		wg.Go(func() { pipe(far, near) })
	}
}

func (k *link) connect(near net.Conn) (net.Conn, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.target == "" {
		return nil, false
	}
	far, err := net.Dial("tcp", k.target)
	if err != nil {
		return nil, false
	}
	k.conns = append(k.conns, near, far)
	return far, true
}

func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

func (k *link) cut() { k.lead("") }

// lead cuts what is connected and leads new connections to target.
func (k *link) lead(target string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.target = target
	for _, c := range k.conns {
		_ = c.Close()
	}
	k.conns = nil
}
