package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

const (
	// listTries bounds how often a listing starts over because its revision
	// was compacted under it.
	listTries = 5

	// A transaction reads so many ranges at most: etcd takes 128 operations
	// unless told otherwise.
	maxTxnRuns = 64

	// A read is to bring so many bytes and no more, as a slow network has to
	// carry them within a watch's patience. Values may be huge where nobody
	// expects it, so few are read before it shows how long they are.
	readBytes   = 1 << 20
	keyBytes    = 64 // that a key takes besides itself and its value
	firstValues = 16
	maxValues   = 1000
)

// Snapshot reads all locks whose keys begin with prefix, as of one revision.
// The empty prefix means all of etcd. It reads in pages, and the values of
// lock requests only.
func (s *Source) Snapshot(ctx context.Context, prefix string) (Snapshot, error) {
	return s.SnapshotAt(ctx, prefix, 0)
}

// listing is what etcd holds below a prefix at one revision.
type listing struct {
	revision int64
	queues   map[LockID][]Request // in no order
	other    int
}

// add adds what are requests to their queues. Those of one lock mostly follow
// each other, and are added together.
func (l *listing) add(kvs []*mvccpb.KeyValue) {
	requests := make([]Request, 0, len(kvs))
	for _, kv := range kvs {
		if r, ok := newRequest(kv); ok {
			requests = append(requests, r)
		}
	}
	l.other -= len(requests)
	for len(requests) > 0 {
		id, n := requests[0].Lock, 1
		for n < len(requests) && requests[n].Lock == id {
			n++
		}
		l.queues[id] = append(l.queues[id], requests[:n]...)
		requests = requests[n:]
	}
}

// locks are the locks of the listing in their order. They take its queues over.
func (l *listing) locks() []Lock {
	locks := make([]Lock, 0, len(l.queues))
	for id, queue := range l.queues {
		locks = append(locks, NewLock(id, queue))
	}
	slices.SortFunc(locks, func(a, b Lock) int { return a.ID.Compare(b.ID) })
	return locks
}

// lister reads a listing. It asks for keys first and then, with their leases and
// values, for what may be lock requests: what else lies below the prefix may
// be huge.
type lister struct {
	kv         clientv3.KV
	prefix     string
	start, end string
	page       int64
	patience   time.Duration // with each read; 0 leaves it to the context
	at         int64         // the revision to read; 0 is the current one
}

func newLister(kv clientv3.KV, prefix string, page int64, patience time.Duration) lister {
	start, end := keyRange(prefix)
	return lister{kv: kv, prefix: prefix, start: start, end: end, page: page, patience: patience}
}

// keyRange is the range of all keys that begin with prefix. etcd has no empty
// key, so the empty prefix starts at the smallest one.
func keyRange(prefix string) (start, end string) {
	if prefix == "" {
		return "\x00", "\x00"
	}
	return prefix, clientv3.GetPrefixRangeEnd(prefix)
}

// list reads all pages at one revision: l.at, or else that of the first page.
// When that one is compacted meanwhile, it starts over.
func (l lister) list(ctx context.Context) (listing, error) {
	var all listing
	var err error
	for range listTries {
		all, err = l.pages(ctx)
		if l.at > 0 || !errors.Is(err, rpctypes.ErrCompacted) {
			break
		}
	}
	if err != nil {
		return listing{}, fmt.Errorf("inspect: list %q: %w", l.prefix, err)
	}
	return all, nil
}

// pages reads at one revision. What has been read becomes requests while etcd
// works on the next read.
func (l lister) pages(ctx context.Context) (listing, error) {
	all := listing{queues: map[LockID][]Request{}}
	candidates := make(chan []*mvccpb.KeyValue)
	var keys int
	var err error
	go func() {
		defer close(candidates)
		all.revision, keys, err = l.read(ctx, candidates)
	}()
	for kvs := range candidates {
		all.add(kvs)
	}
	all.other += keys
	return all, err
}

// read reads all keys, and sends those that may be requests, with their values.
func (l lister) read(ctx context.Context, candidates chan<- []*mvccpb.KeyValue) (revision int64, keys int, err error) {
	next, values := pace{keys: l.page, most: math.MaxInt64}, pace{keys: firstValues, most: maxValues}
	revision = l.at
	for start, more := l.start, true; more; {
		page, err := l.readPage(ctx, start, next.keys, revision)
		if err != nil {
			return 0, 0, err
		}
		next.learn(page.Kvs)
		if revision == 0 {
			revision = page.Header.Revision
		}
		if err := l.readValues(ctx, page.Kvs, &values, revision, candidates); err != nil {
			return 0, 0, err
		}
		keys += len(page.Kvs)
		if more = page.More && len(page.Kvs) > 0; more {
			start = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		}
	}
	return revision, keys, nil
}

// readPage reads limit keys from start on, at revision unless that is 0. To
// etcd, a page costs a look at all keys that follow it as well, since it counts
// them; so pages are long.
func (l lister) readPage(ctx context.Context, start string, limit, revision int64) (*clientv3.GetResponse, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return l.kv.Get(ctx, start, clientv3.WithRange(l.end), clientv3.WithRev(revision),
		clientv3.WithKeysOnly(), clientv3.WithLimit(limit))
}

// readValues reads what may be requests among the keys of a page.
func (l lister) readValues(ctx context.Context, page []*mvccpb.KeyValue, values *pace, revision int64, candidates chan<- []*mvccpb.KeyValue) error {
	for {
		runs, rest := nextRuns(page, values.keys)
		if len(runs) == 0 {
			return nil
		}
		kvs, err := l.readRuns(ctx, runs, revision)
		if err != nil {
			return err
		}
		values.learn(kvs)
		candidates <- kvs
		page = rest
	}
}

func (l lister) readRuns(ctx context.Context, runs []run, revision int64) ([]*mvccpb.KeyValue, error) {
	ops := make([]clientv3.Op, 0, len(runs))
	for _, r := range runs {
		ops = append(ops, clientv3.OpGet(r.first, clientv3.WithRange(r.last+"\x00"), clientv3.WithRev(revision)))
	}
	ctx, cancel := l.bound(ctx)
	defer cancel()
	resp, err := l.kv.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return nil, err
	}
	var kvs []*mvccpb.KeyValue
	for _, part := range resp.Responses {
		kvs = append(kvs, part.GetResponseRange().Kvs...)
	}
	return kvs, nil
}

func (l lister) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, l.patience)
}

// run is a stretch of keys that all may be lock requests.
type run struct{ first, last string }

// nextRuns finds what may be lock requests among keys, limit of them at most,
// and returns the keys after those.
func nextRuns(keys []*mvccpb.KeyValue, limit int64) (runs []run, rest []*mvccpb.KeyValue) {
	open := false
	for i, kv := range keys {
		key := string(kv.Key)
		switch {
		case !keyspace.Candidate(key):
			open = false
			continue
		case limit == 0 || !open && len(runs) == maxTxnRuns:
			return runs, keys[i:]
		case !open:
			open = true
			runs = append(runs, run{first: key})
		}
		runs[len(runs)-1].last = key
		limit--
	}
	return runs, nil
}

// pace is how many keys the next read asks for.
type pace struct{ keys, most int64 }

// learn goes by the length of what has been read, and to twice as many keys at
// most.
func (p *pace) learn(kvs []*mvccpb.KeyValue) {
	if len(kvs) == 0 {
		return
	}
	size := 0
	for _, kv := range kvs {
		size += len(kv.Key) + len(kv.Value) + keyBytes
	}
	fit := readBytes * int64(len(kvs)) / int64(size)
	p.keys = max(1, min(fit, 2*p.keys, p.most))
}
