package inspect

import (
	"context"
	"errors"
	"fmt"
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

	// A transaction reads the values of so many keys at most, in so many
	// ranges: etcd takes 128 operations unless told otherwise.
	maxTxnKeys = 256
	maxTxnRuns = 64
)

// Snapshot reads all locks whose keys begin with prefix, as of one revision.
// The empty prefix means all of etcd. It reads in pages, and the values of
// lock requests only.
func (s *Source) Snapshot(ctx context.Context, prefix string) (Snapshot, error) {
	l, err := newLister(s.client, prefix, s.tuning.page, 0).list(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	return newState(prefix, l, nil).snapshot(), nil
}

// listing is what etcd holds below a prefix at one revision.
type listing struct {
	revision int64
	requests []Request
	other    int
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

// list reads all pages at the revision of the first. It starts over when that
// revision is compacted meanwhile.
func (l lister) list(ctx context.Context) (listing, error) {
	var all listing
	var err error
	for range listTries {
		all, err = l.pages(ctx)
		if !errors.Is(err, rpctypes.ErrCompacted) {
			break
		}
	}
	if err != nil {
		return listing{}, fmt.Errorf("inspect: list %q: %w", l.prefix, err)
	}
	return all, nil
}

func (l lister) pages(ctx context.Context) (listing, error) {
	var all listing
	for start, more := l.start, true; more; {
		page, err := l.readPage(ctx, start, all.revision)
		if err != nil {
			return listing{}, err
		}
		if all.revision == 0 {
			all.revision = page.Header.Revision
		}
		requests, err := l.readRequests(ctx, runs(page.Kvs), all.revision)
		if err != nil {
			return listing{}, err
		}
		all.requests = append(all.requests, requests...)
		all.other += len(page.Kvs) - len(requests)
		if more = page.More && len(page.Kvs) > 0; more {
			start = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		}
	}
	return all, nil
}

// readPage reads the keys from start on, at revision unless that is 0.
func (l lister) readPage(ctx context.Context, start string, revision int64) (*clientv3.GetResponse, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return l.kv.Get(ctx, start, clientv3.WithRange(l.end), clientv3.WithRev(revision),
		clientv3.WithKeysOnly(), clientv3.WithLimit(l.page))
}

// readRequests reads the requests that lie in runs.
func (l lister) readRequests(ctx context.Context, runs []run, revision int64) ([]Request, error) {
	var requests []Request
	for len(runs) > 0 {
		n := batch(runs)
		kvs, err := l.readRuns(ctx, runs[:n], revision)
		if err != nil {
			return nil, err
		}
		for _, kv := range kvs {
			if r, ok := newRequest(kv); ok {
				requests = append(requests, r)
			}
		}
		runs = runs[n:]
	}
	return requests, nil
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
type run struct {
	first, last string
	keys        int
}

// runs finds what may be lock requests among the keys of a page.
func runs(kvs []*mvccpb.KeyValue) []run {
	var found []run
	open := false
	for _, kv := range kvs {
		switch {
		case !keyspace.Candidate(string(kv.Key)):
			open = false
		case open && found[len(found)-1].keys < maxTxnKeys:
			r := &found[len(found)-1]
			r.last = string(kv.Key)
			r.keys++
		default:
			open = true
			found = append(found, run{first: string(kv.Key), last: string(kv.Key), keys: 1})
		}
	}
	return found
}

// batch is how many of runs fit into one transaction, one at least.
func batch(runs []run) int {
	n, keys := 0, 0
	for n < len(runs) && n < maxTxnRuns && (n == 0 || keys+runs[n].keys <= maxTxnKeys) {
		keys += runs[n].keys
		n++
	}
	return n
}
