package rwlock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
)

// sent counts what clients send to etcd: reads, writes and new watches, but no renewals.
type sent struct{ requests, watches atomic.Int64 }

func (s *sent) client(t *testing.T, endpoint string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint},
		Logger:    zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithChainUnaryInterceptor(s.unary), grpc.WithChainStreamInterceptor(s.stream),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (s *sent) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if strings.HasPrefix(method, "/etcdserverpb.KV/") {
		s.requests.Add(1)
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

func (s *sent) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, cc, method, opts...)
	return sentOn{stream, s}, err
}

type sentOn struct {
	grpc.ClientStream
	sent *sent
}

func (s sentOn) SendMsg(m any) error {
	if req, ok := m.(*etcdserverpb.WatchRequest); ok && req.GetCreateRequest() != nil {
		s.sent.requests.Add(1)
		s.sent.watches.Add(1)
	}
	return s.ClientStream.SendMsg(m)
}

// What a hand-off costs when sessions take one lock in turns, as in a queue that never is
// empty: the request, the release, and a read where the queue is not mirrored.
func TestRequestsPerHandOff(t *testing.T) {
	for _, tt := range []struct {
		sessions, clients int
		most              float64
	}{
		{2, 2, 2.2}, {10, 10, 3.5}, {40, 40, 3.5}, {50, 8, 2.2}, {200, 8, 2.2},
	} {
		t.Run(fmt.Sprintf("%d sessions of %d clients", tt.sessions, tt.clients), func(t *testing.T) {
			f := newFixture(t)
			var s sent
			clients := make([]*clientv3.Client, tt.clients)
			for i := range clients {
				clients[i] = s.client(t, etcdtest.Shared(t))
			}
			const warmUp, counted = 4, 10 // rounds of all sessions
			var handOffs atomic.Int64
			var before, after atomic.Int64
			var working sync.WaitGroup
			for i := range tt.sessions {
				m := NewRWMutex(etcdtest.Session(t, clients[i%tt.clients], 60), f.name)
				working.Go(func() {
					for after.Load() == 0 {
						if err := errors.Join(m.RWLock(f.soon()), m.Unlock()); err != nil {
							t.Error(err)
							return
						}
						switch n := int(handOffs.Add(1)); n {
						case warmUp * tt.sessions:
							before.Store(s.requests.Load())
						case (warmUp + counted) * tt.sessions:
							after.Store(s.requests.Load())
						}
					}
				})
			}
			working.Wait()
			each := float64(after.Load()-before.Load()) / float64(counted*tt.sessions)
			t.Logf("%.2f requests a hand-off", each)
			if each > tt.most {
				t.Errorf("%.2f requests a hand-off, want at most %.1f", each, tt.most)
			}
		})
	}
}
