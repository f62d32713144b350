#!/usr/bin/env bash
# go.etcd.io/etcd server and client v3.7.3: the progress of a watch while nothing is written.
#
# One would guess: a client that reads at revision R, watches from R+1 and requests the
#   watch's progress is told R: the watch has everything up to there.
# What is: nothing is told, neither then nor later, until something else is written to
#   etcd. A request for progress is left out if any watch of the stream begins after the
#   store's revision. A watch that begins "now" is told.
# Why it matters: who takes silence for a watch that hangs doubts it on each idle etcd. A
#   read that shows R says that there was nothing to tell.
# Source: server/storage/mvcc/watchable_store.go, progressIfSync().
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
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// tells reports whether progress is told within three seconds of being requested each 100 ms.
func tells(c *clientv3.Client, w clientv3.Watcher, events clientv3.WatchChan) bool {
	for range 30 {
		must(w.RequestProgress(context.Background()))
		select {
		case resp := <-events:
			if resp.IsProgressNotify() {
				return true
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	return false
}

func main() {
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = os.Args[1], "fatal"
	anywhere, _ := url.Parse("http://127.0.0.1:0")
	cfg.ListenClientUrls, cfg.ListenPeerUrls = []url.URL{*anywhere}, []url.URL{*anywhere}
	e, err := embed.StartEtcd(cfg)
	must(err)
	<-e.Server.ReadyNotify()
	ctx := context.Background()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{e.Clients[0].Addr().String()}})
	must(err)
	put, err := c.Put(ctx, "k", "")
	must(err)
	now := clientv3.NewWatcher(c)
	fmt.Printf("a watch from now on is told its progress: %v\n", tells(c, now, now.Watch(ctx, "k", clientv3.WithCreatedNotify())))
	next := clientv3.NewWatcher(c)
	events := next.Watch(ctx, "k", clientv3.WithRev(put.Header.Revision+1), clientv3.WithCreatedNotify())
	fmt.Printf("a watch from the next revision on is: %v\n", tells(c, next, events))
	_, err = c.Put(ctx, "other", "")
	must(err)
	fmt.Printf("once another key is written: %v\n", tells(c, next, events))
	must(now.Close())
	must(next.Close())
	must(c.Close())
	e.Close()
}
GO
go mod init finding >/dev/null 2>&1
go get go.etcd.io/etcd/server/v3@v3.7.3 go.etcd.io/etcd/client/v3@v3.7.3 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run . "$work/data" 2>/dev/null | tee seen
diff - seen <<'WANT'
a watch from now on is told its progress: true
a watch from the next revision on is: false
once another key is written: true
WANT
