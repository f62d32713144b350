package rwlock

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// streamCount counts the streams of a client that are open, by method.
type streamCount struct {
	mu         sync.Mutex
	open, most map[string]int
}

// countStreams returns a client of an endpoint, and the count of its streams.
func countStreams(t *testing.T, endpoint string) (*clientv3.Client, *streamCount) {
	t.Helper()
	c := &streamCount{open: map[string]int{}, most: map[string]int{}}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   []string{endpoint},
		Logger:      zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainStreamInterceptor(c.intercept)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, c
}

func (c *streamCount) intercept(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, path string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	method := path[strings.LastIndexByte(path, '/')+1:]
	c.add(method, 1)
	stop := context.AfterFunc(ctx, func() { c.add(method, -1) })
	stream, err := streamer(ctx, desc, cc, path, opts...)
	if err != nil && stop() {
		c.add(method, -1)
	}
	return stream, err
}

func (c *streamCount) add(method string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[method] += n
	c.most[method] = max(c.most[method], c.open[method])
}

// mostOf returns how many streams of a method were open at a time.
func (c *streamCount) mostOf(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most[method]
}

// A client has more sessions than it may have streams, on a server with a limit.
func TestMoreSessionsThanStreams(t *testing.T) {
	t.Parallel()
	client, count := countStreams(t, etcdtest.Start(t, func(c *etcd.EmbeddedConfig) { c.MaxStreams = 50 }))
	f := fixture{T: t, client: client, name: "/" + t.Name()}
	var sessions []*Session
	for range 60 {
		s, err := NewSession(f.soon(), client, 3*time.Second)
		f.must(err)
		sessions = append(sessions, s)
	}
	began := time.Now()
	for i, s := range sessions {
		etcdtest.Eventually(t, "it is renewed for its TTL", func() bool {
			if s.Ctx().Err() != nil {
				t.Fatalf("session %d has ended: %v", i, context.Cause(s.Ctx()))
			}
			return s.Deadline().Sub(began) > 2*s.TTL()
		})
	}
	_, err := client.Get(f.soon(), f.name)
	f.must(err)
	if n := count.mostOf("LeaseKeepAlive"); n > maxStreams {
		t.Errorf("%d streams of renewals at a time, want at most %d", n, maxStreams)
	}
	for _, s := range sessions {
		f.must(s.Close())
	}
}

// Holds outnumber the streams that a client may have. Their watches were ended, by a
// member without a leader, and have come back.
func TestMoreHoldsThanStreamsAfterALeaderlessSpell(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 3, func(c *etcd.EmbeddedConfig) { c.MaxStreams = 100 })
	member := c.Members[0]
	client, count := countStreams(t, member.Endpoint)
	f := fixture{T: t, client: client, name: "/" + t.Name()}
	s, err := NewSession(f.soon(), client, time.Minute)
	f.must(err)
	var holds []*RWMutex
	for range 150 {
		m := s.NewRWMutex(f.name)
		f.must(m.RLock(f.soon()))
		m.Lost()
		holds = append(holds, m)
	}
	first := stateOf(client).watches.join()
	stateOf(client).watches.leave(first)
	member.Isolate()
	etcdtest.Eventually(t, "the watches were ended", func() bool {
		w := &stateOf(client).watches
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.current != first
	})
	member.Rejoin()
	etcdtest.Eventually(t, "all holds watch again", func() bool {
		w := &stateOf(client).watches
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.used) > 0 && w.used[0] != first && w.watches() == len(holds)
	})
	if n := f.keys(); n != len(holds) {
		t.Errorf("%d keys, want %d", n, len(holds))
	}
	for _, m := range holds {
		f.must(m.Unlock())
	}
	f.must(s.Close())
	if n := count.mostOf("Watch"); n > 2*maxWatchStreams {
		t.Errorf("%d streams of watches at a time, want at most %d", n, 2*maxWatchStreams)
	}
}

// watches returns the number of watches. The caller holds w.mu.
func (w *watchStreams) watches() (n int) {
	for _, s := range w.used {
		n += s.watches
	}
	return n
}
