package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

func snapshot(t *testing.T, s *Source, prefix string) Snapshot {
	t.Helper()
	snap, err := s.Snapshot(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func TestSnapshot(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)

	t.Run("Empty", func(t *testing.T) {
		got := snapshot(t, s, "")
		if got.Revision != 1 || got.Locks == nil || len(got.Locks) != 0 || got.Other != 0 {
			t.Errorf("Snapshot = %+v", got)
		}
	})
	t.Run("Pages", func(t *testing.T) {
		for i := range 40 {
			put(t, client, fmt.Sprintf("/p/%02d/write/1", i), fmt.Sprintf("/p/%02d/data", i), fmt.Sprintf("/p/%02d/read/2", i))
		}
		for _, page := range []int64{1, 2, 7, 40, 119, 120, 121, 1000} {
			s.tuning.page = page
			got := snapshot(t, s, "/p/")
			if len(got.Locks) != 40 || got.Other != 40 || got.Locks[39].ID.Name != "/p/39" || len(got.Locks[39].Queue) != 2 {
				t.Errorf("pages of %d: %d locks, %d others", page, len(got.Locks), got.Other)
			}
		}
	})
	t.Run("PrefixIsOfKeys", func(t *testing.T) {
		put(t, client, "/x/a/write/1", "/x/ab/write/1", "/x/b/write/1")
		if got := snapshot(t, s, "/x/a"); len(got.Locks) != 2 || got.Prefixes[0] != "/x/a" {
			t.Errorf("locks = %+v", got.Locks)
		}
	})
	t.Run("Mutexes", func(t *testing.T) {
		lease := grant(t, client, 60)
		id := strconv.FormatInt(int64(lease), 16)
		for _, key := range []string{"/m/" + id, "/m/read/" + id} {
			if _, err := client.Put(t.Context(), key, "", clientv3.WithLease(lease)); err != nil {
				t.Fatal(err)
			}
		}
		put(t, client, "/m/x/"+id, "/m/1f", "/m/x/read/"+id)
		got := snapshot(t, s, "/m/")
		var ids []string
		for _, l := range got.Locks {
			ids = append(ids, l.ID.Layout.String()+" "+l.ID.Name)
		}
		if want := []string{"mutex /m", "mutex /m/read", "rwlock /m/x"}; !slices.Equal(ids, want) || got.Other != 2 {
			t.Errorf("locks = %q and %d others, want %q", ids, got.Other, want)
		}
	})
	t.Run("PrefixOfOnlyFF", func(t *testing.T) {
		put(t, client, "\xff\xff/write/1")
		if got := snapshot(t, s, "\xff"); len(got.Locks) != 1 {
			t.Errorf("locks = %+v", got.Locks)
		}
	})
	t.Run("Owner", func(t *testing.T) {
		owner := keyspace.Owner{Host: "h", PID: 7, Time: epoch}
		for key, value := range map[string]string{"/o/write/1": owner.Encode(), "/o/write/2": "data", "/o/write/3": strings.Repeat("x", 100<<10)} {
			if _, err := client.Put(t.Context(), key, value); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range snapshot(t, s, "/o/").Locks[0].Queue {
			want := Request{Key: r.Key, Lock: r.Lock, Mode: keyspace.Write, Revision: r.Revision, Modified: r.Revision, Holding: r.Holding}
			if r.Key == "/o/write/1" {
				want.Owner, want.Owned, want.Since = owner.Ref(), true, epoch
			}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("%s:\n%s", r.Key, diff)
			}
		}
	})
	t.Run("StrangeNames", func(t *testing.T) {
		names := []string{"/s/\x1b[31m", "/s/a\nb", "/s/\xff\xfe", "/s/" + strings.Repeat("n", 4<<10), "/s/ ", "/s//", "/s/read/write"}
		for _, name := range names {
			put(t, client, keyspace.Encode(name, keyspace.Read, "1"))
		}
		got := snapshot(t, s, "/s/")
		if len(got.Locks) != len(names) || got.Other != 0 {
			t.Errorf("%d locks, want %d", len(got.Locks), len(names))
		}
		for _, name := range names {
			if _, ok := got.Find(LockID{Layout: layout.RWLock, Name: name}); !ok {
				t.Errorf("no lock %.40q", name)
			}
		}
	})
	t.Run("CtxCanceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Snapshot(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want context.Canceled", err)
		}
	})
}

// TestSnapshotOfRealClients reads what etcd's own clients write.
func TestSnapshotOfRealClients(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	first, second := etcdtest.Session(t, client, 60), etcdtest.Session(t, client, 60)
	if err := concurrency.NewMutex(first, "/m").Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = concurrency.NewMutex(second, "/m").Lock(ctx) }()
	rw := recipe.NewRWMutex(first, "/rw")
	if err := rw.RLock(); err != nil {
		t.Fatal(err)
	}
	if err := recipe.NewRWMutex(second, "/rw").RLock(); err != nil {
		t.Fatal(err)
	}
	s := newSource(client)
	etcdtest.Eventually(t, "the second mutex waits", func() bool {
		l, _ := snapshot(t, s, "/").Find(LockID{Layout: layout.Mutex, Name: "/m"})
		return l.State() == StateContended
	})
	got := snapshot(t, s, "/")
	mutex, _ := got.Find(LockID{Layout: layout.Mutex, Name: "/m"})
	if want := (Counts{Writers: 1, Waiters: 1}); mutex.Count() != want || mutex.Queue[0].Lease != int64(first.Lease()) {
		t.Errorf("mutex: %+v", mutex)
	}
	readers, _ := got.Find(LockID{Layout: layout.RWLock, Name: "/rw"})
	if want := (Counts{Readers: 2}); readers.Count() != want || got.Other != 0 {
		t.Errorf("readers: %+v; %d others", readers, got.Other)
	}
}

// compacting is a KV on which things happen between the pages.
type compacting struct {
	clientv3.KV
	between func()
}

func (c compacting) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	resp, err := c.KV.Get(ctx, key, opts...)
	c.between()
	return resp, err
}

func TestListWhileCompacted(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	put(t, client, "/a/write/1", "/a/write/2", "/a/write/3", "/a/write/4")
	compact := func() {
		if _, err := client.Compact(t.Context(), put(t, client, "/other")); err != nil {
			t.Fatal(err)
		}
	}
	list := func(between func()) (listing, error) {
		return newLister(compacting{KV: client, between: between}, layout.Builtin(), nil, 2, time.Minute).list(t.Context())
	}
	t.Run("Once", func(t *testing.T) {
		reads := 0
		got, err := list(func() {
			if reads++; reads == 1 {
				compact()
			}
		})
		if err != nil || requests(got) != 4 || got.other != 1 || reads < 3 {
			t.Errorf("list = %+v, %v after %d reads", got, err, reads)
		}
	})
	t.Run("OneRevision", func(t *testing.T) {
		revision := put(t, client, "/z/write/1")
		got, err := list(func() { put(t, client, "/z/write/2") })
		if err != nil || got.revision != revision || requests(got) != 5 {
			t.Errorf("list = %+v, %v; want 5 requests at %d", got, err, revision)
		}
	})
	t.Run("Always", func(t *testing.T) {
		reads := 0
		_, err := list(func() { reads++; compact() })
		if !errors.Is(err, rpctypes.ErrCompacted) || reads > 2*listTries {
			t.Errorf("err = %v after %d reads", err, reads)
		}
	})
}

// requests is how many requests a listing has.
func requests(l listing) int {
	n := 0
	for _, lock := range l.locks {
		n += len(lock.Queue)
	}
	return n
}

// TestListingRoom wants a listing to have room for the keys that the server says there are,
// and not to believe just any number.
func TestListingRoom(t *testing.T) {
	kvs := []*mvccpb.KeyValue{{Key: []byte("a")}, {Key: []byte("b")}}
	for _, tt := range []struct {
		left        int64
		least, most int
	}{
		{2, 2, 8}, {100_000, 100_000, 110_000}, {-1, 2, 8}, {math.MaxInt64, maxRoom, maxRoom + maxRoom/8}, {math.MinInt64, 2, 8},
	} {
		l := newListing(nil, layout.Builtin())
		l.addKeys(namesOf(kvs), kvs, tt.left)
		if room := cap(l.keys); room < tt.least || room > tt.most || len(l.keys) != 2 {
			t.Errorf("%d keys left: room for %d, want %d to %d", tt.left, room, tt.least, tt.most)
		}
		before := cap(l.keys)
		if l.addKeys(namesOf(kvs), kvs, tt.left-2); tt.left > 2 && cap(l.keys) != before {
			t.Errorf("%d keys left: room for %d, then %d", tt.left, before, cap(l.keys))
		}
	}
}

func TestRuns(t *testing.T) {
	keys := strings.Fields
	t.Run("OK", func(t *testing.T) {
		got, rest := nextRuns(layout.Builtin(), keys("a a/read/1 a/read/2 b c d/1f d/x/write/1 e"), 4)
		want := []run{{first: "a/read/1", last: "a/read/2"}, {first: "d/1f", last: "d/x/write/1"}}
		if !reflect.DeepEqual(got, want) || len(rest) != 0 {
			t.Errorf("runs = %+v, want %+v; %d keys left", got, want, len(rest))
		}
	})
	t.Run("NoMoreKeys", func(t *testing.T) {
		got, rest := nextRuns(layout.Builtin(), keys("a a/read/1 b a/read/2 a/read/3 c a/read/4"), 2)
		want := []run{{first: "a/read/1", last: "a/read/1"}, {first: "a/read/2", last: "a/read/2"}}
		if !reflect.DeepEqual(got, want) || rest[0] != "a/read/3" {
			t.Errorf("runs = %+v, want %+v; left: %s", got, want, rest)
		}
	})
	t.Run("NoMoreRuns", func(t *testing.T) {
		got, rest := nextRuns(layout.Builtin(), keys(strings.Repeat("a/read/1 b ", maxTxnRuns+1)), math.MaxInt64)
		if len(got) != maxTxnRuns || len(rest) != 2 {
			t.Errorf("%d runs, want %d; %d keys left, want 2", len(got), maxTxnRuns, len(rest))
		}
	})
}

func TestPace(t *testing.T) {
	// read is what comes of a read at that pace, of values of size bytes.
	read := func(p *pace, size int) {
		kvs := make([]*mvccpb.KeyValue, p.keys)
		for i := range kvs {
			kvs[i] = &mvccpb.KeyValue{Value: make([]byte, size-keyBytes)}
		}
		p.learn(kvs, 0)
	}
	tests := []struct {
		name  string
		sizes []int
		want  []int64
	}{
		{"small", []int{100, 100, 100, 100}, []int64{20, 40, 50, 50}},
		{"huge", []int{readBytes, 100, 100}, []int64{1, 2, 4}},
		{"larger than a read", []int{2 * readBytes}, []int64{1}},
		{"as much as a read holds", []int{readBytes / 16, readBytes / 16, readBytes / 16}, []int64{16, 16, 16}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pace := newPace(10, 50, readBytes)
			p := &pace
			for i, size := range tt.sizes {
				if read(p, size); p.keys != tt.want[i] {
					t.Errorf("after read %d: %d keys, want %d", i, p.keys, tt.want[i])
				}
			}
			before := p.keys
			if p.learn(nil, 0); p.keys != before {
				t.Errorf("an empty read changed the pace to %d", p.keys)
			}
		})
	}
}

// TestPaceOfQuickReads: reads grow while they are quick, and shrink when they are slow.
func TestPaceOfQuickReads(t *testing.T) {
	p, kv := newPace(16, math.MaxInt64, 4*readBytes), &mvccpb.KeyValue{Value: make([]byte, readBytes/16-keyBytes)}
	var got []int64
	for _, took := range []time.Duration{0, 0, 0, quickRead, 3 * quickRead, quickRead * 8 / 5, 0} {
		p.learn(slices.Repeat([]*mvccpb.KeyValue{kv}, int(p.keys)), took)
		got = append(got, p.keys/16)
	}
	if diff := cmp.Diff([]int64{2, 4, 4, 4, 2, 2, 4}, got); diff != "" {
		t.Errorf("in units of a read (-want +got):\n%s", diff)
	}
}

// weighing counts the bytes of values that are read. Reads of more than most keys take longer
// than they may.
type weighing struct {
	clientv3.KV
	bytes *atomic.Int64
	most  int
}

func (w weighing) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	resp, err := w.KV.Get(ctx, key, opts...)
	if err == nil {
		err = w.weigh(resp.Kvs)
	}
	return resp, err
}

func (w weighing) Txn(ctx context.Context) clientv3.Txn {
	return weighingTxn{Txn: w.KV.Txn(ctx), weighing: w}
}

func (w weighing) weigh(kvs []*mvccpb.KeyValue) error {
	for _, kv := range kvs {
		w.bytes.Add(int64(len(kv.Value)))
	}
	if len(kvs) > w.most {
		return context.DeadlineExceeded
	}
	return nil
}

type weighingTxn struct {
	clientv3.Txn
	weighing weighing
}

func (t weighingTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	t.Txn = t.Txn.Then(ops...)
	return t
}

func (t weighingTxn) Commit() (*clientv3.TxnResponse, error) {
	resp, err := t.Txn.Commit()
	for _, part := range resp.Responses {
		if err == nil {
			err = t.weighing.weigh(part.GetResponseRange().GetKvs())
		}
	}
	return resp, err
}

// TestListReadsNoOtherValues: what else lies below the prefix may be huge.
func TestListReadsNoOtherValues(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	huge := strings.Repeat("x", 100<<10)
	for i := range 10 {
		for _, key := range []string{"/%d/data", "/%d/read", "/%d/write/1", "/%d/z"} {
			value := huge
			if strings.HasSuffix(key, "1") {
				value = "owner"
			}
			if _, err := client.Put(t.Context(), fmt.Sprintf(key, i), value); err != nil {
				t.Fatal(err)
			}
		}
	}
	var read atomic.Int64
	got, err := newLister(weighing{KV: client, bytes: &read, most: math.MaxInt}, layout.Builtin(), nil, 7, time.Minute).list(t.Context())
	if err != nil || requests(got) != 10 || got.other != 30 {
		t.Fatalf("%d requests, %d others, %v", requests(got), got.other, err)
	}
	if want := int64(10 * len("owner")); read.Load() != want {
		t.Errorf("read %d bytes of values, want %d", read.Load(), want)
	}
}

// TestListOnASlowNetwork: what takes too long, keys or values, is read again with fewer keys;
// and a network that carries not even few is an error.
func TestListOnASlowNetwork(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	const keys = 40
	for i := range keys {
		put(t, client, fmt.Sprintf("/a/write/%d", i))
	}
	for most, ok := range map[int]bool{keys: true, firstValues / 4: true, 0: false} {
		kv := weighing{KV: client, bytes: new(atomic.Int64), most: most}
		got, err := newLister(kv, layout.Builtin(), nil, firstValues, time.Minute).list(t.Context())
		if errors.Is(err, context.DeadlineExceeded) == ok || ok && requests(got) != keys {
			t.Errorf("reads of up to %d keys in time: %d requests, %v", most, requests(got), err)
		}
	}
}

// remaining is what etcd says of a lease's remaining time.
func remaining(t *testing.T, client *clientv3.Client, id clientv3.LeaseID) time.Duration {
	t.Helper()
	resp, err := client.TimeToLive(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(resp.TTL) * time.Second
}

func TestLeases(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	alive, dead := grant(t, client, 100), grant(t, client, 100)
	if _, err := client.Revoke(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	t.Run("OK", func(t *testing.T) {
		before := remaining(t, client, alive)
		got, err := s.Leases(t.Context(), []int64{int64(alive), int64(dead), 0, 12345, int64(alive)}, Snapshot{})
		after := remaining(t, client, alive)
		lease := got[int64(alive)]
		if err != nil || len(got) != 3 || lease.State != LeaseAlive || lease.Granted != 100*time.Second ||
			lease.Remaining > before || lease.Remaining < after {
			t.Errorf("Leases = %v, %v; %s remained before, %s after", got, err, before, after)
		}
		if got[int64(dead)].State != LeaseGone || got[12345].State != LeaseGone {
			t.Errorf("Leases = %v; want the dead one and the one that never was gone", got)
		}
	})
	t.Run("Bounded", func(t *testing.T) {
		var leases []int64
		for range MaxLeases + 10 {
			leases = append(leases, int64(grant(t, client, 100)))
		}
		got, err := s.Leases(t.Context(), leases, Snapshot{})
		if err != nil || len(got) != len(leases) {
			t.Fatalf("%d leases, %v; want %d", len(got), err, len(leases))
		}
		for i, id := range leases {
			if asked := got[id].State == LeaseAlive; asked != (i < MaxLeases) {
				t.Errorf("lease %d is %v", i, got[id])
			}
		}
	})
	t.Run("CtxCanceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := s.Leases(ctx, []int64{int64(alive)}, Snapshot{}); !errors.Is(err, context.Canceled) || !cmp.Equal(got[int64(alive)], Lease{}) {
			t.Errorf("Leases = %v, %v; want context.Canceled", got, err)
		}
	})
}

// TestPaceOfMany: reads of keys grow while etcd counts for most of the time, which takes as long
// for fewer keys, and not where their size is what takes time.
func TestPaceOfMany(t *testing.T) {
	const size = 80
	key := &mvccpb.KeyValue{Key: []byte(strings.Repeat("k", size))}
	read := func(keys int, took func(n int) time.Duration) (reads int, longest time.Duration) {
		p := newPace(8000, math.MaxInt64, pageBytes)
		for ; keys > 0; reads++ {
			n := int(min(p.keys, int64(keys)))
			d := took(n)
			longest = max(longest, d)
			p.learn(slices.Repeat([]*mvccpb.KeyValue{key}, n), d)
			keys -= n
		}
		return reads, longest
	}
	for name, tt := range map[string]struct {
		each, count time.Duration // for a key that is returned, and for one that is only counted
		most        int           // reads
	}{
		"QuickAndIdle":  {4 * time.Microsecond, 100 * time.Nanosecond, 25},
		"Counting":      {2 * time.Microsecond, 300 * time.Nanosecond, 25},
		"CountingBusy":  {2 * time.Microsecond, 350 * time.Nanosecond, 25}, // the first read is not quick
		"BusyProcessor": {20 * time.Microsecond, 600 * time.Nanosecond, 50},
		"SlowNetwork":   {100 * time.Microsecond, 100 * time.Nanosecond, 300},
	} {
		left := 1_000_000
		reads, longest := read(left, func(n int) time.Duration {
			d := time.Duration(n)*tt.each + time.Duration(left-n)*tt.count
			left -= n
			return d
		})
		if reads > tt.most || longest > 2*slowRead {
			t.Errorf("%s: %d reads, at most %d wanted; the longest takes %v", name, reads, tt.most, longest)
		}
	}
}
