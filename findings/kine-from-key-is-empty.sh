#!/usr/bin/env bash
# github.com/k3s-io/kine v0.17.5 (SQLite), asked by go.etcd.io/etcd/client/v3 v3.7.3: a
# read with WithFromKey, which etcd's API has for "all keys from this one on".
#
# One would guess: kine, which k3s uses as etcd, returns the keys that etcd returns.
# What is: it returns no key and no error. The same range with an end that is text
#   returns all five.
# Why it matters: a tool that lists keys in pages asks for the second page in this way,
#   and sees none of the keys after the first page on k3s.
# Source: pkg/server/list.go takes the end "\x00" for the end of all keys only if the
#   start is "\x00" too; otherwise it is compared as text, and nothing is below it.
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
mkdir client
cat >client/main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Args[1]}, DialTimeout: 20 * time.Second})
	must(err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, key := range []string{"/a", "/b", "/c", "/d", "/e"} { // as Kubernetes writes: created, if not there
		_, err := c.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).Then(clientv3.OpPut(key, "v")).Commit()
		must(err)
	}
	open, err := c.Get(ctx, "/a", clientv3.WithFromKey())
	must(err)
	closed, err := c.Get(ctx, "/a", clientv3.WithRange("/f"))
	must(err)
	fmt.Printf("of 5 keys, %d from /a on, %d from /a to /f\n", len(open.Kvs), len(closed.Kvs))
}
GO
(cd client && go mod init finding && go get go.etcd.io/etcd/client/v3@v3.7.3) >go.log 2>&1 || { cat go.log; exit 1; }
(cd client && go mod tidy >../go.log 2>&1 && go build -o ../ask .) || { cat go.log; exit 1; }
mkdir kine && (cd kine && go mod init k && go get github.com/k3s-io/kine@v0.17.5 && CGO_ENABLED=1 go build -o ../server github.com/k3s-io/kine) >go.log 2>&1 || { cat go.log; exit 1; }
port=$((10000 + RANDOM % 20000))
./server --listen-address "tcp://127.0.0.1:$port" --endpoint "sqlite://$work/db?_journal=WAL&cache=shared" --metrics-bind-address 0 >kine.log 2>&1 &
for _ in $(seq 100); do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.2; done
./ask "127.0.0.1:$port" | tee seen
diff - seen <<'WANT'
of 5 keys, 0 from /a on, 5 from /a to /f
WANT
