#!/usr/bin/env bash
# go.etcd.io/etcd server and client v3.7.3: renewals of a lease that pass etcd's grpc-proxy.
#
# One would guess: the proxy hands each renewal on to etcd, as it does with a put, and the
#   client has its answer after two hops.
# What is: the first one is. Those that follow wait until the proxy's own client renews the
#   lease, a third of its TTL later, and all of them are answered from that one renewal:
#   of ten renewals, etcd sees two.
# Why it matters: a client that holds a lock takes a late answer for a lost renewal, and
#   one that measures from its oldest unanswered renewal gives up a lock that etcd has
#   renewed. The last one sent is the one to count.
# Source: server/proxy/grpcproxy/lease.go, keepAliveLoop.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/proxy/grpcproxy"
	"google.golang.org/grpc"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

const ttl, renewals = 15, 10

// renewed is how many renewals etcd has counted.
func renewed() (n int) {
	all, err := prometheus.DefaultGatherer.Gather()
	must(err)
	for _, f := range all {
		if strings.HasSuffix(f.GetName(), "lease_renewed_total") {
			n += int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return n
}

// renew sends a renewal, and after its answer the others, one right after the other. It
// returns how many answers came within a second, how many at all, and how many renewals
// etcd has counted.
func renew(endpoint string) (soon, answers, asked int) {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	must(err)
	defer c.Close()
	lease, err := c.Grant(context.Background(), ttl)
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), ttl*time.Second)
	defer cancel()
	stream, err := pb.NewLeaseClient(c.ActiveConnection()).LeaseKeepAlive(ctx)
	must(err)
	before, began := renewed(), time.Now()
	exchange := func(n int) {
		for range n {
			must(stream.Send(&pb.LeaseKeepAliveRequest{ID: int64(lease.ID)}))
		}
		for range n {
			_, err := stream.Recv()
			must(err)
			if answers++; time.Since(began) < time.Second {
				soon++
			}
		}
	}
	exchange(1)
	exchange(renewals - 1)
	return soon, answers, renewed() - before
}

func main() {
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = os.Args[1], "fatal"
	anywhere, _ := url.Parse("http://127.0.0.1:0")
	cfg.ListenClientUrls, cfg.ListenPeerUrls = []url.URL{*anywhere}, []url.URL{*anywhere}
	e, err := embed.StartEtcd(cfg)
	must(err)
	<-e.Server.ReadyNotify()
	direct := e.Clients[0].Addr().String()
	behind, err := clientv3.New(clientv3.Config{Endpoints: []string{direct}})
	must(err)
	leases, _ := grpcproxy.NewLeaseProxy(context.Background(), behind)
	server := grpc.NewServer()
	pb.RegisterLeaseServer(server, leases)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go server.Serve(listener)

	soon, answers, asked := renew(direct)
	fmt.Printf("direct:  %d of %d renewals answered at once, %d at all; etcd renewed %d times\n", soon, renewals, answers, asked)
	soon, answers, asked = renew(listener.Addr().String())
	fmt.Printf("proxied: %d of %d renewals answered at once, %d at all; etcd renewed %d times\n", soon, renewals, answers, asked)
	server.Stop()
	behind.Close()
	e.Close()
}
GO
go mod init finding >/dev/null 2>&1
go get go.etcd.io/etcd/server/v3@v3.7.3 go.etcd.io/etcd/client/v3@v3.7.3 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run . "$work/data" 2>err | tee seen || { cat err >&2; exit 1; }
diff - seen <<'WANT'
direct:  10 of 10 renewals answered at once, 10 at all; etcd renewed 10 times
proxied: 1 of 10 renewals answered at once, 10 at all; etcd renewed 2 times
WANT
