package verify

import (
	"context"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
)

// withoutProgress is a stream that drops progress notifications, as etcd's grpc-proxy
// does.
type withoutProgress struct{ grpc.ClientStream }

// RecvMsg implements grpc.ClientStream.
func (s withoutProgress) RecvMsg(m any) error {
	resp, ok := m.(*pb.WatchResponse)
	if !ok {
		return s.ClientStream.RecvMsg(m)
	}
	for {
		next := &pb.WatchResponse{}
		if err := s.ClientStream.RecvMsg(next); err != nil {
			return err
		}
		if len(next.Events) == 0 && !next.Created && !next.Canceled {
			continue
		}
		resp.Header, resp.WatchId, resp.Created, resp.Canceled = next.Header, next.WatchId, next.Created, next.Canceled
		resp.CompactRevision, resp.CancelReason, resp.Events = next.CompactRevision, next.CancelReason, next.Events
		return nil
	}
}

// TestHistoryWithoutProgress: a recording ends although etcd does not say how far it has
// got.
func TestHistoryWithoutProgress(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	drop := func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		s, err := open(ctx, desc, cc, method, opts...)
		return withoutProgress{s}, err
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{etcdtest.Shared(t)}, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainStreamInterceptor(drop)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	began := time.Now()
	rec, err := Record(ctx, client, "/mute/", func() time.Duration { return time.Since(began) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Close)
	put(ctx, t, client, "/mute/write/a")
	put(ctx, t, client, "/mute/write/b")
	remove(ctx, t, client, "/mute/write/a")
	put(ctx, t, client, "/elsewhere")
	if h, err := rec.History(ctx); err != nil || len(h.Changes) != 3 {
		t.Errorf("history = %+v, %v", h, err)
	}
}
