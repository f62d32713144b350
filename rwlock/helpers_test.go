package rwlock

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// fixture is a client of the shared member, and a lock name of the test's own.
type fixture struct {
	*testing.T
	client *clientv3.Client
	name   string
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	return fixture{T: t, client: etcdtest.Client(t, etcdtest.Shared(t)), name: "/" + t.Name()}
}

func (f fixture) session() *concurrency.Session { return etcdtest.Session(f.T, f.client, 60) }

// mutex is a mutex for the fixture's name on a session of its own.
func (f fixture) mutex() *RWMutex { return NewRWMutex(f.session(), f.name) }

// soon bounds what should happen long before.
func (f fixture) soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	f.Cleanup(cancel)
	return ctx
}

func (f fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f fixture) mustBe(err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("error = %v, want %v", err, want)
	}
}

// keys counts the keys below the fixture's name.
func (f fixture) keys() int {
	f.Helper()
	resp, err := f.client.Get(f.soon(), f.name+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	f.must(err)
	return int(resp.Count)
}

func (f fixture) mustHaveNoKeys() {
	f.Helper()
	if n := f.keys(); n != 0 {
		f.Fatalf("%d keys left below %s, want none", n, f.name)
	}
}

// lock takes m in a mode.
func lock(ctx context.Context, m *RWMutex, mode Mode) error {
	if mode == Write {
		return m.RWLock(ctx)
	}
	return m.RLock(ctx)
}

// queued waits until n requests are in the fixture's queue.
func (f fixture) queued(n int) {
	f.Helper()
	etcdtest.Eventually(f.T, "requests in the queue", func() bool { return f.keys() == n })
}

// start runs f in the background and returns where its error comes.
func start(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// waiting fails the test when done has something to say already.
func (f fixture) waiting(done <-chan error) {
	f.Helper()
	select {
	case err := <-done:
		f.Fatalf("returned %v, want it to wait", err)
	default:
	}
}

func (f fixture) await(done <-chan error) error {
	f.Helper()
	select {
	case err := <-done:
		return err
	case <-f.soon().Done():
		f.Fatal("still waiting after 30 s")
		return nil
	}
}

// calls counts what a client asks of etcd, and can make its calls fail.
type calls struct {
	clientv3.KV
	clientv3.Watcher
	reads, writes, watches atomic.Int64
	answered               atomic.Int64          // transactions
	lost                   atomic.Pointer[error] // the reply to the next write is lost, with this error in its place
	mu                     sync.Mutex
	sent                   []func() error // sends a transaction again, of each that was sent
}

// count puts itself between the client and etcd.
func count(client *clientv3.Client) *calls {
	c := &calls{KV: client.KV, Watcher: client.Watcher}
	client.KV, client.Watcher = c, watcher{c}
	return c
}

func (c *calls) total() int64 { return c.reads.Load() + c.writes.Load() + c.watches.Load() }

// last sends the last transaction again.
func (c *calls) last() func() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[len(c.sent)-1]
}

func (c *calls) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	c.reads.Add(1)
	return c.KV.Get(ctx, key, opts...)
}

func (c *calls) Delete(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.DeleteResponse, error) {
	c.writes.Add(1)
	resp, err := c.KV.Delete(ctx, key, opts...)
	if err == nil {
		if lost := c.lost.Swap(nil); lost != nil {
			return nil, *lost
		}
	}
	return resp, err
}

func (c *calls) Txn(ctx context.Context) clientv3.Txn { return &txn{Txn: c.KV.Txn(ctx), calls: c} }

type txn struct {
	clientv3.Txn
	calls *calls
	conds []clientv3.Cmp
	then  []clientv3.Op
	other []clientv3.Op
}

func (t *txn) If(cs ...clientv3.Cmp) clientv3.Txn   { t.conds = cs; return t }
func (t *txn) Then(ops ...clientv3.Op) clientv3.Txn { t.then = ops; return t }
func (t *txn) Else(ops ...clientv3.Op) clientv3.Txn { t.other = ops; return t }

func (t *txn) Commit() (*clientv3.TxnResponse, error) {
	t.calls.writes.Add(1)
	resp, err := t.Txn.If(t.conds...).Then(t.then...).Else(t.other...).Commit()
	t.calls.answered.Add(1)
	t.calls.mu.Lock()
	t.calls.sent = append(t.calls.sent, func() error {
		_, err := t.calls.KV.Txn(context.Background()).If(t.conds...).Then(t.then...).Else(t.other...).Commit()
		return err
	})
	t.calls.mu.Unlock()
	if err == nil {
		if lost := t.calls.lost.Swap(nil); lost != nil {
			return nil, *lost
		}
	}
	return resp, err
}

type watcher struct{ *calls }

func (w watcher) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	w.watches.Add(1)
	return w.Watcher.Watch(ctx, key, opts...)
}

func (w watcher) Close() error                              { return w.Watcher.Close() }
func (w watcher) RequestProgress(ctx context.Context) error { return w.Watcher.RequestProgress(ctx) }

// waitForChild waits until a request is in the directory itself.
func (f fixture) waitForChild(dir string) {
	f.Helper()
	etcdtest.Eventually(f.T, "a request in "+dir, func() bool {
		resp, err := f.client.Get(f.soon(), dir, clientv3.WithPrefix(), clientv3.WithKeysOnly())
		f.must(err)
		for _, kv := range resp.Kvs {
			if string(kv.Key[:len(dir)]) == dir && !strings.Contains(string(kv.Key[len(dir):]), "/") {
				return true
			}
		}
		return false
	})
}

func (f fixture) closes(c <-chan struct{}) {
	f.Helper()
	select {
	case <-c:
	case <-f.soon().Done():
		f.Fatal("not closed after 30 s")
	}
}

func (f fixture) open(c <-chan struct{}) {
	f.Helper()
	select {
	case <-c:
		f.Fatal("closed, want it open")
	default:
	}
}

// once makes the reply to the next call be lost, with an error in its place.
func (c *calls) once(err error) { c.lost.Store(&err) }
