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

// GRPCProxy is etcd's grpc-proxy, which can be restarted.
type GRPCProxy struct {
	Addr string

	tb        testing.TB
	endpoints []string
	changes   []func(pb.MaintenanceServer) pb.MaintenanceServer
	stop      func()
}

// StartGRPCProxy runs etcd's grpc-proxy before endpoints until the test ends, as etcd's
// command does, and returns its address. Changes are made to its maintenance service.
func StartGRPCProxy(tb testing.TB, endpoints []string, changes ...func(pb.MaintenanceServer) pb.MaintenanceServer) string {
	tb.Helper()
	return NewGRPCProxy(tb, endpoints, changes...).Addr
}

// NewGRPCProxy is StartGRPCProxy for a proxy that is restarted.
func NewGRPCProxy(tb testing.TB, endpoints []string, changes ...func(pb.MaintenanceServer) pb.MaintenanceServer) *GRPCProxy {
	tb.Helper()
	p := &GRPCProxy{Addr: FreeAddr(tb), tb: tb, endpoints: endpoints, changes: changes}
	p.Start()
	tb.Cleanup(func() { p.Stop() })
	return p
}

// Stop ends the proxy, with all connections.
func (p *GRPCProxy) Stop() {
	p.stop()
	p.stop = func() {}
}

// Start starts the proxy, at the same address as before.
func (p *GRPCProxy) Start() {
	p.tb.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: p.endpoints, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithUnaryInterceptor(grpcproxy.AuthUnaryClientInterceptor),
			grpc.WithStreamInterceptor(grpcproxy.AuthStreamClientInterceptor),
		},
	})
	if err != nil {
		p.tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := grpc.NewServer()
	kv, _ := grpcproxy.NewKvProxy(client) // what it returns never closes
	watch, watchDone := grpcproxy.NewWatchProxy(ctx, zap.NewNop(), client)
	lease, leaseDone := grpcproxy.NewLeaseProxy(ctx, client)
	members, _ := grpcproxy.NewClusterProxy(zap.NewNop(), client, "", "")
	maintenance := grpcproxy.NewMaintenanceProxy(client)
	for _, change := range p.changes {
		maintenance = change(maintenance)
	}
	pb.RegisterKVServer(server, kv)
	pb.RegisterWatchServer(server, watch)
	pb.RegisterLeaseServer(server, lease)
	pb.RegisterClusterServer(server, members)
	pb.RegisterMaintenanceServer(server, maintenance)
	pb.RegisterAuthServer(server, grpcproxy.NewAuthProxy(client))
	_, stop := serve(p.tb, p.Addr, server)
	p.stop = func() {
		stop()
		cancel()
		<-leaseDone
		<-watchDone
		_ = client.Lease.Close() // as Client.Close does, but for that bound
		backoff.Within(backoff.CloseWatch, func() { _ = client.Watcher.Close() })
		_ = client.ActiveConnection().Close()
	}
}

// serve runs a server. stop ends it, and waits until it has ended.
func serve(tb testing.TB, addr string, server *grpc.Server) (endpoint string, stop func()) {
	tb.Helper()
	l, err := net.Listen("tcp", addr)
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
