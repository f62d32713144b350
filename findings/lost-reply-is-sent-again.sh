#!/usr/bin/env bash
# go.etcd.io/etcd/client/v3 v3.7.3: a write whose reply is lost.
#
# One would guess: a transaction is sent at most once, as the client's comments on
#   mutable requests say, and a lost reply is an error.
# What is: when something between client and etcd answers DeadlineExceeded or
#   Canceled, while the caller's context lives, the client sends the transaction
#   again without a word. Put-if-absent was carried out, and says that it was not.
# Why it matters: a lock that goes by that answer takes its own key for another's.
# Source: client/v3/retry_interceptor.go, unaryClientInterceptor: isContextError is
#   looked at before isSafeRetry.
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

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// server puts a key if it is absent, and loses the first reply as code.
type server struct {
	pb.UnimplementedKVServer
	code  codes.Code
	calls int
}

func (s *server) Txn(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error) {
	s.calls++
	if s.calls == 1 {
		return nil, status.Error(s.code, "the reply was lost")
	}
	return &pb.TxnResponse{Header: &pb.ResponseHeader{}, Succeeded: false}, nil // it is there since the first call
}

func main() {
	for _, code := range []codes.Code{codes.DeadlineExceeded, codes.Canceled, codes.Unavailable, codes.Unknown} {
		s := &server{code: code}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		g := grpc.NewServer()
		pb.RegisterKVServer(g, s)
		go g.Serve(l)
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{l.Addr().String()}})
		if err != nil {
			panic(err)
		}
		resp, err := c.Txn(context.Background()).
			If(clientv3.Compare(clientv3.CreateRevision("k"), "=", 0)).Then(clientv3.OpPut("k", "v")).Commit()
		fmt.Printf("%s: sent %d times, error %v, answer %v\n", code, s.calls, err != nil, resp != nil && !resp.Succeeded)
		c.Close()
		g.Stop()
	}
}
GO
go mod init finding >/dev/null 2>&1
go get go.etcd.io/etcd/client/v3@v3.7.3 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run . 2>/dev/null | tee seen
diff - seen <<'WANT'
DeadlineExceeded: sent 2 times, error false, answer true
Canceled: sent 2 times, error false, answer true
Unavailable: sent 1 times, error true, answer false
Unknown: sent 1 times, error true, answer false
WANT
