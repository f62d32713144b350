package inspect

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/etcdtest"
)

// reluctant is a client of an etcd of another version, or behind a proxy: its streams
// answer as the fields say.
type reluctant struct {
	version string      // etcd's; empty: its own
	mute    bool        // no progress is told
	early   bool        // progress is told of revisions whose events have not been sent, once the watch exists
	deaf    atomic.Bool // no events are sent
	drops   atomic.Bool // the next stream that told progress early is lost before the events
}

func (r *reluctant) client(t *testing.T, endpoint string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(r.unary), grpc.WithChainStreamInterceptor(r.stream)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (r *reluctant) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := call(ctx, method, req, reply, cc, opts...)
	if s, ok := reply.(*pb.StatusResponse); ok && r.version != "" {
		s.Version = r.version
	}
	return err
}

func (r *reluctant) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := open(ctx, desc, cc, method, opts...)
	return &reluctantStream{ClientStream: s, r: r}, err
}

type reluctantStream struct {
	grpc.ClientStream
	r     *reluctant
	early bool // progress has been told early
	held  *pb.WatchResponse
}

// RecvMsg implements grpc.ClientStream.
func (s *reluctantStream) RecvMsg(m any) error {
	resp, ok := m.(*pb.WatchResponse)
	if !ok {
		return s.ClientStream.RecvMsg(m)
	}
	if s.held != nil {
		if s.r.drops.Swap(false) {
			return status.Error(codes.Unavailable, "dropped")
		}
		resp.Header, resp.WatchId, resp.Events = s.held.Header, s.held.WatchId, s.held.Events
		s.held = nil
		return nil
	}
	for {
		next := &pb.WatchResponse{}
		if err := s.ClientStream.RecvMsg(next); err != nil {
			return err
		}
		switch progress := len(next.Events) == 0 && !next.Created && !next.Canceled; {
		case progress && s.r.mute, len(next.Events) > 0 && s.r.deaf.Load():
			continue
		case len(next.Events) > 0 && s.r.early && (!s.early || s.r.drops.Load()):
			s.early, s.held = true, next
			resp.Header, resp.WatchId = next.Header, -1 // etcd's progress of all watches
			return nil
		}
		resp.Header, resp.WatchId, resp.Created, resp.Canceled = next.Header, next.WatchId, next.Created, next.Canceled
		resp.CompactRevision, resp.CancelReason, resp.Events = next.CompactRevision, next.CancelReason, next.Events
		return nil
	}
}

// TestHistoryWithoutProgress: servers that tell progress too early, and proxies that
// tell none, are not believed: the history ends with a read, and says so.
func TestHistoryWithoutProgress(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	writer := etcdtest.Client(t, endpoint)
	put(t, writer, "/a/write/1", "/a/write/2")
	put(t, writer, "/else/1", "/else/2")
	for name, r := range map[string]*reluctant{
		"3.4.23": {version: "3.4.23", early: true},
		"3.5.7":  {version: "3.5.7", early: true},
		"Proxy":  {mute: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource(r.client(t, endpoint))
			for _, since := range []int64{1, 3} {
				h, events := remembered(t, s, "/a/", since)
				want := []string{"granted /a/write/1", "waiting /a/write/2"}[since/2:]
				if since == 3 {
					want = nil
				}
				if got := lines(events); !slices.Equal(got, want) || !h.Unproven {
					t.Errorf("since %d: events = %q, unproven: %v; want %q", since, got, h.Unproven, want)
				}
			}
		})
	}
	if h, _ := remembered(t, newSource(writer), "/a/", 1); h.Unproven {
		t.Error("this etcd tells progress")
	}
	t.Run("Busy", func(t *testing.T) { // what is written after the end does not put it off
		begin := put(t, writer, "/busy/write/1")
		put(t, writer, "/busy/write/2") // a history that ends where it begins needs no progress
		ctx, stop := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		busy.Go(func() {
			for ctx.Err() == nil {
				_, _ = writer.Put(ctx, "/busy/write/2", "")
			}
		})
		defer busy.Wait()
		defer stop()
		s := newSource((&reluctant{mute: true}).client(t, endpoint))
		if h, _ := rememberedAll(t, s, begin, "/busy/", "/quiet/"); !h.Unproven {
			t.Error("no progress was told")
		}
	})
}

// TestWatchWithoutProgress: the watch gets on without progress, and is opened again
// when it sends nothing although keys have changed.
func TestWatchWithoutProgress(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	writer := etcdtest.Client(t, endpoint)
	for name, r := range map[string]*reluctant{"3.5.7": {version: "3.5.7", early: true}, "Proxy": {mute: true}} {
		t.Run(name, func(t *testing.T) {
			prefix := "/" + name + "/"
			s := newSource(r.client(t, endpoint))
			s.tuning.trust = 300 * time.Millisecond
			v := watch(t, s, prefix)
			v.untilRevision(put(t, writer, prefix+"write/1"))
			v.untilRevision(put(t, writer, "/else")) // nothing is sent of it
			r.deaf.Store(true)
			put(t, writer, prefix+"write/2")
			v.until("a resync", func(u Update) bool {
				return u.Resynced.Cause == ResyncSilent && len(u.Snapshot.Locks) == 1 && len(u.Snapshot.Locks[0].Queue) == 2
			})
			r.deaf.Store(false)
			v.untilRevision(put(t, writer, prefix+"write/3"))
		})
	}
}

// TestIdleWatch: while nothing is written, etcd tells no progress of a watch, which is no
// reason to doubt it and to read all keys again.
func TestIdleWatch(t *testing.T) {
	t.Parallel()
	var probes, reads atomic.Int64
	count := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if r, ok := req.(*pb.RangeRequest); ok && r.CountOnly {
			probes.Add(1)
		} else if ok {
			reads.Add(1)
		}
		return call(ctx, method, req, reply, cc, opts...)
	}
	endpoint := etcdtest.Start(t)
	revision := put(t, etcdtest.Client(t, endpoint), "/a/write/1")
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop(), DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(count)}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	s := newSource(client)
	s.tuning.trust = time.Nanosecond
	v := watch(t, s, "/a/")
	v.untilRevision(revision)
	began, first := probes.Load(), reads.Load()
	etcdtest.Eventually(t, "probes", func() bool { return probes.Load() > began+10 })
	if again := reads.Load() - first; again > 0 {
		t.Errorf("%d reads while nothing happened", again)
	}
}

// TestWatchDropsAfterEarlyProgress: progress that is told before the events, and a
// connection that is lost in between, hide no request: the watch goes on behind the last
// event, and not behind what it was told.
func TestWatchDropsAfterEarlyProgress(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	writer := etcdtest.Client(t, endpoint)
	for _, version := range []string{"3.4.23", "3.5.7"} {
		t.Run(version, func(t *testing.T) {
			prefix := "/" + version + "/"
			r := &reluctant{version: version, early: true}
			v := watch(t, newSource(r.client(t, endpoint)), prefix)
			v.untilRevision(put(t, writer, prefix+"write/1"))
			r.drops.Store(true)
			u := v.untilRevision(put(t, writer, prefix+"write/2"))
			n := 0
			for _, l := range u.Snapshot.Locks {
				n += len(l.Queue)
			}
			if n != 2 || r.drops.Load() {
				t.Errorf("%d requests; whether the connection was lost: %v", n, !r.drops.Load())
			}
		})
	}
}
