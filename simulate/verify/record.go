package verify

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// ErrGap is returned when etcd's history was compacted while the recorder was cut off
// from it, so that changes are missing.
var ErrGap = errors.New("verify: etcd's history was compacted before it was recorded")

var errClosed = errors.New("verify: the recording has ended")

// Recorder records all changes below a prefix. It watches all the time, so that
// compactions and failures of members do not interrupt it.
type Recorder struct {
	client *clientv3.Client
	prefix string
	clock  func() time.Duration
	stop   context.CancelFunc
	done   chan struct{} // closed when nothing more is recorded

	mu      sync.Mutex
	history History
	there   map[string]int64 // from keys that were put and not deleted to their leases
	now     map[string]int64 // from all keys to their mod revisions
	told    int64            // the revision of the last event
	seen    int64            // the revision up to which nothing is missing
	news    chan struct{}    // closed and replaced when any of these changes
	err     error
}

// Record starts a recorder of the changes below prefix. It records until ctx ends or
// Close is called. clock returns the time by the clock that the clients use.
func Record(ctx context.Context, client *clientv3.Client, prefix string, clock func() time.Duration) (*Recorder, error) {
	resp, err := client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	r := &Recorder{
		client: client, prefix: prefix, clock: clock, stop: stop,
		done:    make(chan struct{}),
		history: History{Since: resp.Header.Revision},
		there:   map[string]int64{},
		now:     map[string]int64{},
		seen:    resp.Header.Revision,
		news:    make(chan struct{}),
	}
	for _, kv := range resp.Kvs {
		r.now[string(kv.Key)] = kv.ModRevision
		c := newChange(kv, true, clock())
		c.Revision = kv.CreateRevision
		r.history.Before = append(r.history.Before, c)
	}
	go func() {
		defer close(r.done)
		for ctx.Err() == nil && r.watch(ctx) {
		}
	}()
	return r, nil
}

// Close stops the recorder.
func (r *Recorder) Close() {
	r.stop()
	<-r.done
}

// Revision returns the revision up to which everything has been recorded. Compacting
// etcd's history up to it cannot cause a gap, even when members fail.
func (r *Recorder) Revision() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// Drained waits until no key that was put since the recording began exists. It counts
// the keys of these sessions, by lease, or all keys if sessions is nil.
func (r *Recorder) Drained(ctx context.Context, sessions map[int64]string) error {
	return r.await(ctx, func() bool {
		for _, lease := range r.there {
			if counts(sessions, lease) {
				return false
			}
		}
		return true
	})
}

// counts reports whether a key with that lease belongs to sessions; if these are nil,
// every key does.
func counts(sessions map[int64]string, lease int64) bool {
	_, ok := sessions[lease]
	return ok || sessions == nil
}

// await waits until condition returns true. It calls it with r.mu locked.
func (r *Recorder) await(ctx context.Context, condition func() bool) error {
	for {
		r.mu.Lock()
		ok, news, err := condition(), r.news, r.err
		r.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-news:
		case <-r.done:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch records until the watch ends, and reports whether another watch can continue.
func (r *Recorder) watch(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for resp := range r.client.Watch(ctx, r.prefix, clientv3.WithPrefix(), clientv3.WithRev(r.Revision()+1)) {
		if !r.record(resp) {
			return false
		}
	}
	return true
}

// record records a response, and reports whether more can follow.
func (r *Recorder) record(resp clientv3.WatchResponse) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if resp.CompactRevision != 0 {
		r.err = ErrGap
	}
	if resp.IsProgressNotify() {
		r.seen = max(r.seen, resp.Header.Revision)
	}
	for _, ev := range resp.Events {
		r.add(newChange(ev.Kv, ev.Type == clientv3.EventTypePut, r.clock()))
	}
	close(r.news)
	r.news = make(chan struct{})
	return r.err == nil
}

func newChange(kv *mvccpb.KeyValue, put bool, at time.Duration) Change {
	c := Change{Revision: kv.ModRevision, Key: string(kv.Key), Put: put, Create: kv.CreateRevision, Lease: kv.Lease, At: at}
	if _, ok := keyspace.ParseSlot(c.Key); ok && put {
		if o, _ := keyspace.DecodeOwner(kv.Value); o.IsSlots() {
			c.Weight, c.Permits = o.Weight, o.Permits
		}
	}
	return c
}

func (r *Recorder) add(c Change) {
	r.history.Changes = append(r.history.Changes, c)
	r.told, r.seen = c.Revision, max(r.seen, c.Revision)
	if c.Put {
		r.there[c.Key], r.now[c.Key] = c.Lease, c.Revision
	} else {
		delete(r.there, c.Key)
		delete(r.now, c.Key)
	}
}
