package etcdtest

import (
	"context"
	"net"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/proxy/grpcproxy"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/backoff"
)

// StartGRPCProxy runs etcd's grpc-proxy before endpoints until the test ends, as etcd's
// command does, and returns its address. Changes are made to its maintenance service.
func StartGRPCProxy(tb testing.TB, endpoints []string, changes ...func(pb.MaintenanceServer) pb.MaintenanceServer) string {
	tb.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithUnaryInterceptor(grpcproxy.AuthUnaryClientInterceptor),
			grpc.WithStreamInterceptor(grpcproxy.AuthStreamClientInterceptor),
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := grpc.NewServer()
	kv, _ := grpcproxy.NewKvProxy(client) // what it returns never closes
	watch, watchDone := grpcproxy.NewWatchProxy(ctx, zap.NewNop(), client)
	lease, leaseDone := grpcproxy.NewLeaseProxy(ctx, client)
	members, _ := grpcproxy.NewClusterProxy(zap.NewNop(), client, "", "")
	maintenance := grpcproxy.NewMaintenanceProxy(client)
	for _, change := range changes {
		maintenance = change(maintenance)
	}
	pb.RegisterKVServer(server, kv)
	pb.RegisterWatchServer(server, watch)
	pb.RegisterLeaseServer(server, lease)
	pb.RegisterClusterServer(server, members)
	pb.RegisterMaintenanceServer(server, maintenance)
	pb.RegisterAuthServer(server, grpcproxy.NewAuthProxy(client))
	endpoint, stop := serve(tb, server)
	tb.Cleanup(func() {
		stop()
		cancel()
		<-leaseDone
		<-watchDone
		_ = client.Lease.Close() // as Client.Close does, but for that bound
		backoff.Within(backoff.CloseWatch, func() { _ = client.Watcher.Close() })
		_ = client.ActiveConnection().Close()
	})
	return endpoint
}

// serve runs a server on a free port. stop ends it, and waits until it has ended.
func serve(tb testing.TB, server *grpc.Server) (endpoint string, stop func()) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l)
	}()
	return l.Addr().String(), func() {
		server.Stop()
		<-served
	}
}
