#!/usr/bin/env bash
# go.etcd.io/etcd/client/v3 v3.7.3 with google.golang.org/grpc v1.83.2: the name that a
# server's certificate is checked for.
#
# One would guess: crypto/tls checks the certificate for tls.Config.ServerName if that is
#   set, so etcd's client does too. `etcdctl --discovery-srv DOMAIN
#   --insecure-discovery=false` sets it to DOMAIN; etcd's guide to DNS discovery has the
#   domain in the certificates for that.
# What is: etcd's resolver gives gRPC the endpoint's own name for each address, and gRPC
#   puts that over the name in the TLS configuration. A certificate for the domain alone is
#   refused; only the dial option grpc.WithAuthority(DOMAIN) has it accepted.
# Why it matters: members behind names or addresses that are not in their certificates
#   cannot be reached by the obvious setting, and the client retries until its timeout
#   without saying why.
# Source: client/v3/internal/endpoint/endpoint.go, Interpret(), and in grpc clientconn.go,
#   getServerName(), and credentials/tls.go, ClientHandshake().
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const domain = "etcd.example"

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// kv answers every read.
type kv struct{ pb.UnimplementedKVServer }

func (kv) Range(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
	return &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 1}}, nil
}

// serve serves with a certificate for the domain alone, and returns its address.
func serve() (string, *x509.CertPool) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{domain}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(der)))
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	s := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})))
	pb.RegisterKVServer(s, kv{})
	go func() { _ = s.Serve(l) }()
	return l.Addr().String(), pool
}

// read reads a key with etcd's client, and reports whether that succeeds.
func read(addr string, cfg *tls.Config, opts ...grpc.DialOption) bool {
	c := must(clientv3.New(clientv3.Config{Endpoints: []string{"https://" + addr}, TLS: cfg, Logger: zap.NewNop(), DialOptions: opts}))
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_, err := c.Get(ctx, "k")
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		fmt.Println("  ", err)
	}
	return err == nil
}

func main() {
	addr, pool := serve()
	cfg := &tls.Config{RootCAs: pool, ServerName: domain}
	conn := must(tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: domain, NextProtos: []string{"h2"}}))
	conn.Close()
	fmt.Println("crypto/tls accepts the certificate")
	plain, with := read(addr, cfg), read(addr, cfg, grpc.WithAuthority(domain))
	fmt.Printf("etcd's client reads: %v; with grpc.WithAuthority: %v\n", plain, with)
	if plain || !with {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
}
GO
cat >go.mod <<'MOD'
module finding

go 1.26

require (
	go.etcd.io/etcd/api/v3 v3.7.3
	go.etcd.io/etcd/client/v3 v3.7.3
	google.golang.org/grpc v1.83.2
)
MOD
export GOFLAGS=-mod=mod
go mod tidy >/dev/null 2>&1
go run .
