package inspect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/layout"
)

func TestWatch(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)

	t.Run("FirstASnapshot", func(t *testing.T) {
		revision := put(t, client, "/first/write/1", "/first/data")
		u := <-watch(t, s, "/first/").updates
		if u.Err != nil || u.Resynced.Happened() || len(u.Events) != 0 || u.Snapshot.Revision < revision || len(u.Snapshot.Locks) != 1 || u.Snapshot.Other != 1 {
			t.Errorf("first update: %+v", u)
		}
	})
	t.Run("TwoWaiters", func(t *testing.T) {
		v := watch(t, s, "/two/")
		v.untilRevision(1)
		put(t, client, "/two/write/1", "/two/write/2", "/two/read/3")
		v.untilRevision(del(t, client, "/two/write/1"))
		want := []string{"granted /two/write/1", "waiting /two/write/2", "waiting /two/read/3", "released /two/write/1", "granted /two/write/2"}
		if got := v.lines(); !slices.Equal(got, want) {
			t.Errorf("events = %q, want %q", got, want)
		}
		if q := v.last.Snapshot.Locks[0].Queue; len(q) != 2 || q[0].Since.IsZero() || q[1].Holding {
			t.Errorf("queue = %+v", q)
		}
	})
	t.Run("RevokeIsOneChange", func(t *testing.T) {
		lease := grant(t, client, 60)
		for i := range 20 {
			if _, err := client.Put(t.Context(), fmt.Sprint("/revoke/read/", i), "", clientv3.WithLease(lease)); err != nil {
				t.Fatal(err)
			}
		}
		put(t, client, "/revoke/write/1")
		v := watch(t, s, "/revoke/")
		v.untilRevision(1)
		if _, err := client.Revoke(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
		u := v.until("events", func(u Update) bool { return len(u.Events) > 0 })
		if len(u.Events) != 21 || u.Events[20].Kind != EventGranted || len(u.Snapshot.Locks[0].Queue) != 1 {
			t.Errorf("%d events, queue %+v", len(u.Events), u.Snapshot.Locks[0].Queue)
		}
	})
	t.Run("RevisionGoesOnElsewhere", func(t *testing.T) {
		v := watch(t, s, "/quiet/")
		v.untilRevision(1)
		v.untilRevision(put(t, client, "/elsewhere/1"))
		v.untilRevision(put(t, client, "/elsewhere/2"))
		if len(v.events) > 0 || v.last.Snapshot.Other > 0 {
			t.Errorf("saw %+v", v.last)
		}
	})
	t.Run("RealMutex", func(t *testing.T) {
		v := watch(t, s, "/mutex/")
		v.untilRevision(1)
		m := concurrency.NewMutex(etcdtest.Session(t, client, 60), "/mutex/a")
		if err := m.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		key := m.Key()
		if err := m.Unlock(t.Context()); err != nil {
			t.Fatal(err)
		}
		v.until("the release", func(Update) bool { return len(v.events) == 2 })
		if got, want := v.lines(), []string{"granted " + key, "released " + key}; !slices.Equal(got, want) {
			t.Errorf("events = %q, want %q", got, want)
		}
		if id := v.events[0].Request.Lock; id != (LockID{Layout: layout.Mutex, Name: "/mutex/a"}) {
			t.Errorf("lock = %+v", id)
		}
	})
	t.Run("SlowReceiver", func(t *testing.T) {
		v := watch(t, s, "/slow/")
		v.untilRevision(1)
		var revision int64
		for i := range 200 {
			revision = put(t, client, fmt.Sprintf("/slow/%d/write/1", i))
		}
		received := 0
		v.until("all", func(u Update) bool { received++; return len(u.Snapshot.Locks) == 200 })
		if len(v.events) != 200 || v.last.Snapshot.Revision < revision || received > 100 {
			t.Errorf("%d events in %d updates", len(v.events), received)
		}
	})
}

// TestWatchLaw: whatever happens, the watch shows what a reading of that
// revision would.
func TestWatchLaw(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	for _, seed := range []uint64{1, 2, 3} {
		prefix := fmt.Sprintf("/law%d/", seed)
		t.Run(prefix, func(t *testing.T) {
			churn := churn{t: t, client: client, rng: rand.New(rand.NewPCG(seed, 7)), prefix: prefix}
			churn.run(30)
			v := watch(t, s, prefix)
			revision := make(chan int64, 1)
			go func() { revision <- churn.run(150) }()
			standings := standingsOf(v.untilRevision(1).Snapshot)
			v.untilRevision(<-revision)
			want := snapshot(t, s, prefix)
			v.untilRevision(want.Revision)
			got := v.last.Snapshot
			if got.Revision = want.Revision; !reflect.DeepEqual(untimed(got), untimed(want)) {
				t.Errorf("-read +watched:\n%s", cmp.Diff(untimed(want).Locks, untimed(got).Locks))
			}
			for _, e := range v.events {
				track(t, standings, e)
			}
			checkStandings(t, standings, want)
		})
	}
}

// churn changes a real etcd at random.
type churn struct {
	t      *testing.T
	client *clientv3.Client
	rng    *rand.Rand
	prefix string
	leases []clientv3.LeaseID
}

// run makes n changes and returns the last revision.
func (c *churn) run(n int) int64 {
	var revision int64
	for range n {
		if len(c.leases) < 3 {
			c.leases = append(c.leases, grant(c.t, c.client, 60))
		}
		revision = max(revision, c.change())
	}
	return revision
}

func (c *churn) change() int64 {
	if c.rng.IntN(12) == 0 {
		resp, err := c.client.Revoke(context.Background(), c.leases[0])
		if err != nil {
			c.t.Error(err)
			return 0
		}
		c.leases = c.leases[1:]
		return resp.Header.Revision
	}
	ops := map[string]clientv3.Op{}
	for range 1 + c.rng.IntN(4) {
		key, op := c.op()
		ops[key] = op
	}
	txn := make([]clientv3.Op, 0, len(ops))
	for _, op := range ops {
		txn = append(txn, op)
	}
	resp, err := c.client.Txn(context.Background()).Then(txn...).Commit()
	if err != nil {
		c.t.Error(err)
		return 0
	}
	return resp.Header.Revision
}

func (c *churn) op() (key string, op clientv3.Op) {
	lease := c.leases[c.rng.IntN(len(c.leases))]
	name := c.prefix + []string{"a", "a/b", "\x1b[0m", "\xff"}[c.rng.IntN(4)]
	dir := []string{"/read/", "/write/", "/", "/else/"}[c.rng.IntN(4)]
	key = name + dir + []string{"1", "2", fmt.Sprintf("%x", lease)}[c.rng.IntN(3)]
	if c.rng.IntN(3) == 0 {
		return key, clientv3.OpDelete(key)
	}
	return key, clientv3.OpPut(key, "", clientv3.WithLease(lease))
}

// TestWatchLeavesNothing: when the channel is closed, nothing goes on.
func TestWatchLeavesNothing(t *testing.T) {
	t.Run("Connected", func(t *testing.T) {
		client := etcdtest.Client(t, etcdtest.Start(t))
		s := newSource(client)
		snapshot(t, s, "") // the connection stays
		before := goleak.IgnoreCurrent()
		for range 5 {
			v := watch(t, s, "/")
			v.untilRevision(1)
			v.stop()
		}
		goleak.VerifyNone(t, before)
	})
	t.Run("NoEtcd", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{"127.0.0.1:1"}, Logger: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		v := watch(t, newSource(client), "/")
		v.until("the error", func(u Update) bool { return u.Err != nil })
		v.stop()
		_ = client.Close()
		goleak.VerifyNone(t, before)
	})
}

// TestWatchOnASlowEtcd: an etcd that takes longer to count its keys than a watch waits at first
// is waited for longer.
func TestWatchOnASlowEtcd(t *testing.T) {
	endpoint := etcdtest.Start(t)
	put(t, etcdtest.Client(t, endpoint), "/a/write/1")
	const patience = 200 * time.Millisecond
	slow := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if r, ok := req.(*pb.RangeRequest); ok && r.Limit > 0 {
			select {
			case <-time.After(5 * patience / 2):
			case <-ctx.Done():
				return status.FromContextError(ctx.Err()).Err()
			}
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop(), DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(slow)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	s := newSource(client)
	s.tuning.patience = patience
	v := watch(t, s, "/a/")
	v.until("the error", down)
	v.until("the lock", func(u Update) bool { return len(u.Snapshot.Locks) == 1 })
}
