package rwlock_test

import (
	"context"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// observer records all that happens below a prefix, without a gap.
type observer struct {
	client *clientv3.Client
	prefix string
	since  int64 // the revision before the first that is recorded

	mu      sync.Mutex
	seen    int64 // nothing up to here can still be missing
	changes []change
	err     error
}

// observe begins to record, until ctx ends.
func observe(ctx context.Context, t *testing.T, client *clientv3.Client, prefix string) *observer {
	t.Helper()
	resp, err := client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	o := &observer{client: client, prefix: prefix, since: resp.Header.Revision, seen: resp.Header.Revision}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(done)
		for ctx.Err() == nil && o.watch(ctx) {
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return o
}

// watch records until the watch ends, and reports whether another may go on.
func (o *observer) watch(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for resp := range o.client.Watch(ctx, o.prefix, clientv3.WithPrefix(), clientv3.WithRev(o.revision()+1)) {
		if resp.CompactRevision != 0 {
			o.mu.Lock()
			o.err = resp.Err()
			o.mu.Unlock()
			return false
		}
		o.record(resp.Events)
	}
	return true
}

func (o *observer) record(events []*clientv3.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ev := range events {
		o.changes = append(o.changes, change{
			rev:    ev.Kv.ModRevision,
			key:    string(ev.Kv.Key),
			put:    ev.Type == clientv3.EventTypePut,
			create: ev.Kv.CreateRevision,
			lease:  ev.Kv.Lease,
			seen:   now(),
		})
		o.seen = ev.Kv.ModRevision
	}
}

// revision is up to where everything has been seen.
func (o *observer) revision() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}

// everything waits until all that etcd knows of has been seen, and returns it.
func (o *observer) everything(ctx context.Context, t *testing.T) []change {
	t.Helper()
	resp, err := o.client.Put(ctx, o.prefix+"end", "") // no lock's key
	if err != nil {
		t.Fatal(err)
	}
	etcdtest.Eventually(t, "the observer has seen the end", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.err != nil || o.seen >= resp.Header.Revision
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		t.Fatal("the observer: ", o.err)
	}
	return o.changes
}
