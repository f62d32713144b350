package inspect

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// putAll writes keys in one transaction and returns the revision.
func putAll(t *testing.T, client *clientv3.Client, keys ...string) int64 {
	t.Helper()
	var ops []clientv3.Op
	for _, key := range keys {
		ops = append(ops, clientv3.OpPut(key, ""))
	}
	resp, err := client.Txn(t.Context()).Then(ops...).Commit()
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

// watchAll watches several prefixes until the test ends.
func watchAll(t *testing.T, s *Source, prefixes ...string) *viewer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	v := &viewer{t: t, updates: s.Watch(ctx, prefixes...)}
	v.stop = func() {
		cancel()
		for range v.updates {
		}
	}
	t.Cleanup(v.stop)
	return v
}

func names(s Snapshot) []string {
	var all []string
	for _, l := range s.Locks {
		all = append(all, l.ID.Name)
	}
	return all
}

// TestPrefixes: overlapping prefixes are read once, and what is beside them is not.
func TestPrefixes(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	put(t, client, "/a/b/write/1", "/a/write/1", "/ab/write/1", "/m/write/1", "/z/write/1", "/z/other", "/zz")
	got, err := s.Snapshot(t.Context(), "/z/", "/a/b/", "/a/", "/z/", "/a/")
	if want := []string{"/a", "/a/b", "/z"}; err != nil || !slices.Equal(names(got), want) || got.Other != 1 || !slices.Equal(got.Prefixes, []string{"/a/", "/z/"}) {
		t.Errorf("%+v, %v; want %q", got, err, want)
	}
	if got, err := s.Snapshot(t.Context(), "/z/", ""); err != nil || len(got.Locks) != 5 || !got.Prefixes.All() {
		t.Errorf("with the empty prefix: %+v, %v", got, err)
	}
	h, events := rememberedAll(t, s, 2, "/z/", "/a/")
	want := []string{"blocks /a/b/write/1", "waiting /a/write/1", "granted /z/write/1"} // the second is behind a key below its name
	if got := lines(events); !slices.Equal(got, want) || !slices.Equal(names(h.Begin), []string{"/a/b"}) {
		t.Errorf("history = %q from %q, want %q", got, names(h.Begin), want)
	}
}

func rememberedAll(t *testing.T, s *Source, since int64, prefixes ...string) (*History, []Event) {
	t.Helper()
	ctx := timely(t)
	h, err := s.History(ctx, since, prefixes...)
	if err != nil {
		t.Fatal(err)
	}
	var events []Event
	for e, err := range h.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return h, events
}

// TestPrefixesAtOneRevision: what is written between the reads of two ranges is in
// neither, also if etcd compacts the revision.
func TestPrefixesAtOneRevision(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	put(t, client, "/a/write/1", "/z/write/1")
	for name, compacted := range map[string]bool{"Write": false, "Compaction": true} {
		t.Run(name, func(t *testing.T) {
			reads, last := 0, int64(0)
			between := func() {
				if reads++; reads > 1 {
					return
				}
				last = putAll(t, client, "/a/write/2"+name, "/z/write/2"+name)
				if compacted {
					compact(t, client, last)
				}
			}
			kv := compacting{KV: client, between: between}
			got, err := newLister(kv, layout.Builtin(), keyspace.NewPrefixes("/a/", "/z/"), 100, time.Minute).list(t.Context())
			if err != nil || len(got.locks) != 2 || len(got.locks[0].Queue) != len(got.locks[1].Queue) || compacted != (got.revision >= last) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestWatchPrefixes: transactions on two prefixes are seen whole, and events in the order
// of their revisions.
func TestWatchPrefixes(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	writer := etcdtest.Client(t, endpoint)
	v := watchAll(t, newSource(etcdtest.Client(t, endpoint)), "/a/", "/z/")
	v.untilRevision(1)
	go func() {
		for i := range 200 {
			keys := []string{fmt.Sprintf("/a/write/%d", i), fmt.Sprintf("/z/write/%d", i)}
			if i%3 == 0 {
				_, _ = writer.Put(t.Context(), "/a/x/write/1", "")
			}
			_, _ = writer.Txn(t.Context()).Then(clientv3.OpPut(keys[i%2], ""), clientv3.OpPut(keys[1-i%2], "")).Commit()
		}
		_, _ = writer.Put(t.Context(), "/z/last/write/1", "")
	}()
	v.until("the last lock", func(u Update) bool {
		a, _ := u.Snapshot.Find(LockID{Layout: layout.RWLock, Name: "/a"})
		z, _ := u.Snapshot.Find(LockID{Layout: layout.RWLock, Name: "/z"})
		if len(a.Queue) != len(z.Queue) {
			t.Errorf("at %d: %d requests for one lock and %d for the other", u.Snapshot.Revision, len(a.Queue), len(z.Queue))
		}
		_, last := u.Snapshot.Find(LockID{Layout: layout.RWLock, Name: "/z/last"})
		return last
	})
	if len(v.events) != 403 || !slices.IsSortedFunc(v.events, func(a, b Event) int { return int(a.Revision - b.Revision) }) {
		t.Errorf("%d events, in order or not", len(v.events))
	}
}

// TestWatchPrefixesThroughOutage: nothing of either prefix is missed or seen twice, also
// where etcd does not say how far the watch has got.
func TestWatchPrefixesThroughOutage(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*reluctant{"Progress": {}, "Old": {version: "3.5.7"}, "Proxy": {mute: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			member := etcdtest.Start(t)
			k := newLink(t, member)
			writer := etcdtest.Client(t, member)
			v := watchAll(t, newSource(r.client(t, k.addr)), "/a/", "/z/")
			v.untilRevision(1)
			v.untilRevision(putAll(t, writer, "/a/write/1", "/z/write/1"))
			v.untilRevision(put(t, writer, "/a/write/2", "/a/other"))
			k.cut()
			put(t, writer, "/z/write/2")
			revision := putAll(t, writer, "/a/write/3", "/z/write/3")
			v.until("the error", down)
			k.lead(member)
			u := v.untilRevision(revision)
			if v.resynced > 0 || u.Snapshot.Other != 1 || len(v.events) != 7 {
				v.until("all events", func(Update) bool { return v.resynced > 0 || len(v.events) >= 7 })
			}
			want := []string{"granted /a/write/1", "granted /z/write/1", "waiting /a/write/2", "blocks /a/other", "waiting /a/write/3", "waiting /z/write/2", "waiting /z/write/3"}
			got := v.lines()
			slices.Sort(got)
			slices.Sort(want)
			if v.resynced > 0 || !slices.Equal(got, want) || v.last.Snapshot.Other != 1 {
				t.Errorf("%d resyncs, %d other keys, %q", v.resynced, v.last.Snapshot.Other, got)
			}
		})
	}
}

// TestMerger: with any interleaving of what watches send, events come in order, each once,
// and those of one revision together.
func TestMerger(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		watches, total := sentBy(rng, 1+rng.IntN(4))
		m := newMerger(make([]int64, len(watches)))
		var last int64
		for len(watches) > 0 {
			i := rng.IntN(len(watches))
			if len(watches[i]) == 0 {
				watches = slices.Delete(watches, i, i+1)
				continue
			}
			m.take(watches[i][0], true)
			watches[i] = watches[i][1:]
			events, upTo := m.ready()
			total -= len(events)
			for n, e := range events {
				if rev := e.Kv.ModRevision; rev < last || rev > upTo || n == 0 && rev == last {
					t.Fatalf("seed %d: revision %d after %d, up to %d", seed, rev, last, upTo)
				}
				last = e.Kv.ModRevision
			}
		}
		if total != 0 || len(m.held) > 0 {
			t.Fatalf("seed %d: %d events are missing", seed, total)
		}
	}
}

// sentBy returns what some watches send, and how many events that are.
func sentBy(rng *rand.Rand, n int) (watches [][]rangeResponse, events int) {
	watches = make([][]rangeResponse, n)
	const end = 30
	for revision := int64(1); revision <= end; revision++ {
		progress := revision == end || rng.IntN(4) == 0
		for i := range watches {
			if rng.IntN(3) == 0 {
				events++
				watches[i] = append(watches[i], rangeResponse{index: i, WatchResponse: clientv3.WatchResponse{
					Events: []*clientv3.Event{{Kv: &mvccpb.KeyValue{ModRevision: revision}}},
				}})
			}
			if progress {
				watches[i] = append(watches[i], rangeResponse{index: i, WatchResponse: clientv3.WatchResponse{
					Header: &pb.ResponseHeader{Revision: revision},
				}})
			}
		}
	}
	return watches, events
}

// TestWatchListsOnce: a watch reads each range once when it begins.
func TestWatchListsOnce(t *testing.T) {
	endpoint := etcdtest.Start(t)
	writer := etcdtest.Client(t, endpoint)
	revision := put(t, writer, "/a/write/1", "/z/write/1")
	var mu sync.Mutex
	listed := map[string]int{}
	count := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if r, ok := req.(*pb.RangeRequest); ok && !r.CountOnly {
			mu.Lock()
			defer mu.Unlock()
			listed[string(r.Key)]++
		}
		return call(ctx, method, req, reply, cc, opts...)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(count)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	v := watchAll(t, newSource(client), "/a/", "/z/")
	v.untilRevision(revision)
	v.untilRevision(put(t, writer, "/z/write/2"))
	mu.Lock()
	defer mu.Unlock()
	if want := map[string]int{"/a/": 1, "/z/": 1}; !maps.Equal(listed, want) {
		t.Errorf("listed %v, want %v", listed, want)
	}
}
