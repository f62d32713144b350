package rwlock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
)

// sent counts what clients send to etcd: reads, writes and new watches, but no renewals.
type sent struct {
	requests atomic.Int64
	mu       sync.Mutex
	watched  []string          // keys at which watches begin
	before   func(from string) // if not nil, called before a watch is sent
}

// watches returns the number of watches that begin at a key.
func (s *sent) watches(key string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.watched {
		if k == key {
			n++
		}
	}
	return n
}

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
		from := string(req.GetCreateRequest().Key)
		if s.sent.before != nil {
			s.sent.before(from)
		}
		s.sent.mu.Lock()
		s.sent.watched = append(s.sent.watched, from)
		s.sent.mu.Unlock()
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
		{2, 2, 2.2}, {10, 10, 3.5}, {leaveShare + 4, leaveShare + 4, 3.5}, {50, 8, 2.2}, {100, 8, 2.2},
	} {
		t.Run(fmt.Sprintf("%d sessions of %d clients", tt.sessions, tt.clients), func(t *testing.T) {
			f := newFixture(t)
			var s sent
			clients := make([]*clientv3.Client, tt.clients)
			for i := range clients {
				clients[i] = s.client(t, etcdtest.Shared(t))
			}
			sessions := make([]*concurrency.Session, tt.sessions)
			for i := range sessions {
				sessions[i] = etcdtest.Session(t, clients[i%tt.clients], 60)
			}
			each, longest := handOffs(f, &s, sessions)
			t.Logf("%.2f requests a hand-off", each)
			switch {
			case each <= tt.most:
			case longest > linger:
				t.Skipf("%.2f requests a hand-off where one took %s: watches were opened again", each, longest)
			default:
				t.Errorf("%.2f requests a hand-off, want at most %.1f", each, tt.most)
			}
		})
	}
}

// handOffs has sessions take a lock in turns. It returns how many requests that takes for each
// hand-off, and the longest time to get the lock.
func handOffs(f fixture, s *sent, sessions []*concurrency.Session) (each float64, longest time.Duration) {
	warmUp := max(6*len(sessions), 100)  // until the clients that were slow to ask have mirrors too
	counted := max(4*len(sessions), 100) // so that requests at the borders weigh little
	var n, before, after, wait atomic.Int64
	var working sync.WaitGroup
	for _, session := range sessions {
		m := NewRWMutex(session, f.name)
		working.Go(func() {
			for after.Load() == 0 {
				began := time.Now()
				err := m.RWLock(f.soon())
				wait.Store(max(wait.Load(), int64(time.Since(began)))) // by one at a time
				switch int(n.Add(1)) {
				case warmUp:
					before.Store(s.requests.Load())
				case warmUp + counted:
					after.Store(s.requests.Load())
				}
				if err := errors.Join(err, m.Unlock()); err != nil {
					f.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
	return float64(after.Load()-before.Load()) / float64(counted), time.Duration(wait.Load())
}
