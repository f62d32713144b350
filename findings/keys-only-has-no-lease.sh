#!/usr/bin/env bash
# go.etcd.io/etcd server and client v3.7.3 and v3.6.1: a read with WithKeysOnly.
#
# One would guess: the answer lacks the values, and has all else.
# What is: 3.7.3 leaves out the lease too, which 3.6.1 returns. It says 0, which
#   is also what a key without a lease says.
# Why it matters: whoever lists keys only, to be gentle with a large etcd, takes
#   keys on a lease for keys that nothing ever removes.
# Source: server/etcdserver/txn/range.go of 3.7 asks for FastKeysOnly, which
#   server/storage/mvcc/kvstore_txn.go answers from the index; that knows no leases.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/api/v3/version"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = os.Args[1], "fatal"
	anywhere, _ := url.Parse("http://127.0.0.1:0")
	cfg.ListenClientUrls, cfg.ListenPeerUrls = []url.URL{*anywhere}, []url.URL{*anywhere}
	e, err := embed.StartEtcd(cfg)
	must(err)
	<-e.Server.ReadyNotify()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{e.Clients[0].Addr().String()}, DialTimeout: 5 * time.Second})
	must(err)
	ctx := context.Background()
	lease, err := client.Grant(ctx, 60)
	must(err)
	_, err = client.Put(ctx, "k", "v", clientv3.WithLease(lease.ID))
	must(err)
	whole, err := client.Get(ctx, "k")
	must(err)
	keys, err := client.Get(ctx, "k", clientv3.WithKeysOnly())
	must(err)
	fmt.Printf("%s whole: lease is there: %v; keys only: lease is there: %v\n", version.Version,
		whole.Kvs[0].Lease == int64(lease.ID), keys.Kvs[0].Lease == int64(lease.ID))
	must(client.Close())
	e.Close()
}
GO
go mod init finding >/dev/null 2>&1
for v in v3.7.3 v3.6.1; do
  go get go.etcd.io/etcd/server/v3@$v go.etcd.io/etcd/client/v3@$v go.etcd.io/etcd/api/v3@$v >/dev/null 2>&1
  go mod tidy >/dev/null 2>&1
  go run . "$work/data-$v" 2>/dev/null
  rm -f go.mod go.sum; go mod init finding >/dev/null 2>&1
done | tee seen
diff - seen <<'WANT'
3.7.3 whole: lease is there: true; keys only: lease is there: false
3.6.1 whole: lease is there: true; keys only: lease is there: true
WANT
