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

	// maxTxnRuns bounds the ranges that a transaction reads: etcd allows 128
	// operations by default.
	maxTxnRuns = 64

	// readBytes bounds the size of a read, which a slow network has to carry
	// within a watch's patience. Values may be unexpectedly huge, so few are read
	// before their length is known.
	readBytes   = 1 << 20
	keyBytes    = 64 // overhead of a key
	firstValues = 16
	maxValues   = 1000
)

// Snapshot reads all locks whose keys begin with prefix, at one revision. The empty
// prefix means all keys. It reads in pages, and only the values of lock requests.
func (s *Source) Snapshot(ctx context.Context, prefix string) (Snapshot, error) {
	return s.SnapshotAt(ctx, prefix, 0)
}

// listing is the keys below a prefix at one revision.
type listing struct {
	revision int64
	queues   map[LockID][]Request // not sorted
	other    int
}

// add adds those keys that are requests to their queues. Requests of one lock mostly
// follow each other, and are added together.
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

// locks returns the listing's locks, sorted. It takes ownership of the queues.
func (l *listing) locks() []Lock {
	locks := make([]Lock, 0, len(l.queues))
	for id, queue := range l.queues {
		locks = append(locks, NewLock(id, queue))
	}
	slices.SortFunc(locks, func(a, b Lock) int { return a.ID.Compare(b.ID) })
	return locks
}

// lister reads a listing. It reads keys first, and then with leases and values only
// those that may be lock requests: other values may be huge.
type lister struct {
	kv         clientv3.KV
	prefix     string
	start, end string
	page       int64
	patience   time.Duration // timeout of each read; 0 leaves that to the context
	at         int64         // the revision to read; 0 is the current one
}

func newLister(kv clientv3.KV, prefix string, page int64, patience time.Duration) lister {
	start, end := keyspace.PrefixRange(prefix)
	return lister{kv: kv, prefix: prefix, start: start, end: end, page: page, patience: patience}
}

// list reads all pages at one revision: l.at, or else the revision of the first
// page. When etcd compacts the latter meanwhile, it starts over.
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

// pages reads at one revision. It parses one read while etcd works on the next.
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

// readPage reads limit keys from start on, at revision unless that is 0. Pages are
// long, because etcd also counts all keys after a page.
func (l lister) readPage(ctx context.Context, start string, limit, revision int64) (*clientv3.GetResponse, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return l.kv.Get(ctx, start, clientv3.WithRange(l.end), clientv3.WithRev(revision),
		clientv3.WithKeysOnly(), clientv3.WithLimit(limit))
}

// readValues reads the values of those keys of a page that may be requests.
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

// run is a range of keys all of which may be lock requests.
type run struct{ first, last string }

// nextRuns finds keys that may be lock requests, at most limit of them, and returns
// the keys after those.
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

// pace is the number of keys of the next read.
type pace struct{ keys, most int64 }

// learn adapts the pace to the size of what has been read, at most doubling it.
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
