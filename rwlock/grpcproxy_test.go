package rwlock

import (
	"context"
	"net"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/proxy/grpcproxy"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
)

// etcd's grpc-proxy answers a renewal when it renews the lease itself, which is up to
// a third of the TTL later. Sessions live on nevertheless.
func TestSessionThroughProxy(t *testing.T) {
	upstream := etcdtest.Client(t, etcdtest.Shared(t))
	client := etcdtest.Client(t, serveProxy(t, upstream))
	for _, ttl := range []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second} {
		t.Run(ttl.String(), func(t *testing.T) {
			t.Parallel()
			f := fixture{T: t, client: client}
			s, err := NewSession(f.soon(), client, ttl)
			f.must(err)
			defer func() { _ = s.Close() }()
			began := s.Deadline()
			etcdtest.Eventually(t, "it is renewed for thrice its TTL", func() bool {
				if s.Ctx().Err() != nil {
					t.Fatalf("the session has ended, with %s left", time.Until(s.Deadline()))
				}
				return s.Deadline().Sub(began) > 3*s.TTL()
			})
		})
	}
}

// serveProxy runs a grpc-proxy of a client until the test ends, and returns its address.
func serveProxy(t *testing.T, client *clientv3.Client) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := grpc.NewServer()
	kv, kvDone := grpcproxy.NewKvProxy(client)
	lease, leaseDone := grpcproxy.NewLeaseProxy(ctx, client)
	etcdserverpb.RegisterKVServer(server, kv)
	etcdserverpb.RegisterLeaseServer(server, lease)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		cancel()
		server.Stop()
		<-served
		<-leaseDone
		_ = kvDone // it never closes
	})
	return l.Addr().String()
}
