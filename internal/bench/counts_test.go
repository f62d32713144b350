package bench

import (
	"context"
	"sync/atomic"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// counts counts the requests that clients send to etcd and the events they get.
type counts struct {
	requests atomic.Int64 // reads, transactions, new watches
	events   atomic.Int64
}

// watch makes c count the requests and events of client.
func (c *counts) watch(client *clientv3.Client) {
	client.KV = countedKV{KV: client.KV, counts: c}
	client.Watcher = countedWatcher{Watcher: client.Watcher, counts: c}
}

type countedKV struct {
	clientv3.KV
	counts *counts
}

func (k countedKV) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	k.counts.requests.Add(1)
	return k.KV.Get(ctx, key, opts...)
}

func (k countedKV) Delete(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.DeleteResponse, error) {
	k.counts.requests.Add(1)
	return k.KV.Delete(ctx, key, opts...)
}

func (k countedKV) Txn(ctx context.Context) clientv3.Txn {
	k.counts.requests.Add(1)
	return k.KV.Txn(ctx)
}

type countedWatcher struct {
	clientv3.Watcher
	counts *counts
}

func (w countedWatcher) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	w.counts.requests.Add(1)
	in, out := w.Watcher.Watch(ctx, key, opts...), make(chan clientv3.WatchResponse)
	go func() {
		defer close(out)
		for resp := range in {
			w.counts.events.Add(int64(len(resp.Events)))
			select {
			case out <- resp:
			case <-ctx.Done():
			}
		}
	}()
	return out
}
