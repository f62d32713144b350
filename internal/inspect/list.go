package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

const (
	// listTries bounds how often a listing starts over because its revision
	// was compacted under it.
	listTries = 5

	// maxTxnRuns bounds the ranges that a transaction reads: etcd allows 128
	// operations by default.
	maxTxnRuns = 64

	// valueReads is how many reads of values run at once, each of a part of valueKeys keys.
	valueReads = 3
	valueKeys  = 4 * maxValues

	// mostPatience is how much longer than usually a read may take.
	mostPatience = 8
)

// Snapshot reads all locks whose keys have one of the prefixes, at one revision. Without
// prefixes, it reads all keys. It reads in pages, and only the values of lock requests.
func (s *Source) Snapshot(ctx context.Context, prefixes ...string) (Snapshot, error) {
	return s.SnapshotAt(ctx, 0, prefixes...)
}

// lister reads a listing. It reads keys first, and then with leases and values only
// those that may be lock requests: other values may be huge.
type lister struct {
	kv       clientv3.KV
	rules    *layout.Set
	prefixes keyspace.Prefixes
	ranges   []keyspace.Range // of the prefixes, and of what is evidence for locks there
	partial  []Partial
	page     int64
	patience time.Duration // timeout of each read; 0 leaves that to the context
	at       int64         // the revision to read; 0 is the current one
	each     []int64       // of each range, the revision to read, in place of at; nil: at
}

func newLister(kv clientv3.KV, rules *layout.Set, prefixes keyspace.Prefixes, page int64, patience time.Duration) lister {
	return lister{kv: kv, rules: rules, prefixes: prefixes, ranges: withEvidence(rules, prefixes), page: page, patience: patience}
}

// list reads all pages of all ranges at one revision: l.at, or else the revision of the
// first page. When etcd compacts the latter meanwhile, it starts over.
func (l lister) list(ctx context.Context) (listing, error) {
	var all listing
	var err error
	for range listTries {
		if all, err = l.pages(ctx); err == nil {
			if err = l.readLeases(ctx, &all); err != nil {
				err = fmt.Errorf("leases of keys: %w", err)
			}
		}
		if l.isPast() || !errors.Is(err, rpctypes.ErrCompacted) {
			break
		}
	}
	if err != nil {
		return listing{}, fmt.Errorf("inspect: list %w", err)
	}
	return all, nil
}

// isPast reports whether the revision to read was chosen by the caller.
func (l lister) isPast() bool { return l.at > 0 || l.each != nil }

// batch is keys: a page of them, or some with their leases and values.
type batch struct {
	kvs    []*mvccpb.KeyValue
	names  []string // of a page, the keys
	values bool
	more   int64 // of a page, the number of keys of the range from it on
}

// pages reads at one revision. It parses one read while etcd works on the next.
func (l lister) pages(ctx context.Context) (listing, error) {
	all := newListing(l.prefixes, l.rules)
	all.ranges, all.partial = l.ranges, l.partial
	batches := make(chan batch)
	var err error
	go func() {
		defer close(batches)
		all.revision, err = l.read(ctx, batches)
	}()
	for b := range batches {
		if b.values {
			all.addValues(b.kvs)
		} else {
			all.addKeys(b.names, b.kvs, b.more)
		}
	}
	all.makeLocks()
	return all, err
}

// read reads all ranges, and returns the newest revision that it has read.
func (l lister) read(ctx context.Context, batches chan<- batch) (revision int64, err error) {
	revision = l.at
	for i, r := range l.ranges {
		at := revision
		if l.each != nil {
			at = l.each[i]
		}
		if at, err = l.readRange(ctx, r, at, batches); err != nil {
			return 0, fmt.Errorf("%s: %w", allWith(r.Prefix), err)
		}
		revision = max(revision, at)
	}
	return revision, nil
}

// readRange reads all keys of a range, and the values of those that may be requests, at
// a revision, or now if that is 0. It returns the revision that it has read. It reads the
// values of some keys while it reads the next keys, and several times at once, because etcd
// works on each read with one core.
func (l lister) readRange(ctx context.Context, r keyspace.Range, at int64, batches chan<- batch) (revision int64, err error) {
	revision = at
	pages := make(chan page, 32) // so that etcd reads values while it counts for the next keys
	reads, ctx := errgroup.WithContext(ctx)
	reads.Go(func() (err error) {
		defer close(pages)
		revision, err = l.readKeys(ctx, r, at, batches, pages)
		return err
	})
	for range valueReads {
		reads.Go(func() error {
			values := newPace(firstValues, maxValues, readBytes)
			for page := range pages {
				if err := l.readValues(ctx, page, &values, batches); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = reads.Wait()
	return revision, err
}

// page is keys whose values are not read.
type page struct {
	names    []string
	revision int64 // at which they were read
}

// readKeys reads all keys of a range, as readRange does.
func (l lister) readKeys(ctx context.Context, r keyspace.Range, at int64, batches chan<- batch, pages chan<- page) (revision int64, err error) {
	revision = at
	next := newPace(l.page, math.MaxInt64, pageBytes)
	for start, more := r.Start, true; more; {
		var got *clientv3.GetResponse
		if err := next.try(ctx, func() (err error) {
			began := time.Now()
			if got, err = l.readPage(ctx, start, r.End, next.keys, revision); err == nil {
				next.learn(got.Kvs, time.Since(began))
			}
			return err
		}); err != nil {
			return 0, err
		}
		if revision == 0 {
			revision = got.Header.Revision
		}
		names := namesOf(got.Kvs)
		batches <- batch{kvs: got.Kvs, names: names, more: got.Count}
		for part := range slices.Chunk(names, valueKeys) {
			select {
			case pages <- page{part, revision}:
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		if more = got.More && len(names) > 0; more {
			start = names[len(names)-1] + "\x00"
		}
	}
	return revision, nil
}

// namesOf returns the names of keys.
func namesOf(kvs []*mvccpb.KeyValue) []string {
	names := make([]string, len(kvs))
	for i, kv := range kvs {
		names[i] = string(kv.Key)
	}
	return names
}

// readLeases reads the leases of keys in the way of requests, as far as they are not
// known. There may be many, so it reads a bounded number.
func (l lister) readLeases(ctx context.Context, all *listing) error {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	kvs, err := leaseReader{kv: l.kv, revision: all.revision, past: l.isPast()}.read(ctx, unreadLeases(all.locks))
	if err != nil {
		return err
	}
	for _, kv := range kvs {
		all.learn(kv)
	}
	leases := leasesOf(kvs)
	for _, lock := range all.locks {
		leases.setOn(lock.Others)
	}
	return nil
}

// readPage reads limit keys from start on, at revision unless that is 0. Pages are
// long, because etcd also counts all keys after a page.
func (l lister) readPage(ctx context.Context, start, end string, limit, revision int64) (*clientv3.GetResponse, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return l.kv.Get(ctx, start, clientv3.WithRange(end), clientv3.WithRev(revision),
		clientv3.WithKeysOnly(), clientv3.WithLimit(limit))
}

// current reads a key of a range for etcd's current revision.
func (l lister) current(ctx context.Context, r keyspace.Range) (*pb.ResponseHeader, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	resp, err := l.kv.Get(ctx, r.Start, clientv3.WithCountOnly())
	if err != nil {
		return nil, fmt.Errorf("inspect: list %s: %w", allWith(r.Prefix), err)
	}
	return resp.Header, nil
}

// allWith names the keys with a prefix in an error.
func allWith(prefix string) string {
	if prefix == "" {
		return "all keys"
	}
	return strconv.Quote(prefix)
}

// readValues reads the values of those keys of a page that may be requests.
func (l lister) readValues(ctx context.Context, page page, values *pace, batches chan<- batch) error {
	names := page.names
	for {
		var runs []run
		var rest []string
		var kvs []*mvccpb.KeyValue
		err := values.try(ctx, func() (err error) {
			if runs, rest = nextRuns(l.rules, names, values.keys); len(runs) > 0 {
				kvs, err = l.readRuns(ctx, runs, page.revision)
			}
			return err
		})
		if err != nil || len(runs) == 0 {
			return err
		}
		values.learn(kvs, 0)
		batches <- batch{kvs: kvs, values: true}
		names = rest
	}
}

func (l lister) readRuns(ctx context.Context, runs []run, revision int64) ([]*mvccpb.KeyValue, error) {
	ops := make([]clientv3.Op, 0, len(runs))
	for _, r := range runs {
		ops = append(ops, clientv3.OpGet(r.first, clientv3.WithRange(r.last+"\x00"), clientv3.WithRev(revision)))
	}
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return readOps(ctx, l.kv, ops)
}

// readOps commits gets in one transaction and returns the keys that they found.
func readOps(ctx context.Context, kv clientv3.KV, gets []clientv3.Op) (kvs []*mvccpb.KeyValue, err error) {
	resp, err := kv.Txn(ctx).Then(gets...).Commit()
	if err != nil {
		return nil, err
	}
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

// bear has the next listing wait longer if etcd took too long for this one: of very many
// keys, it takes long even for few, since it counts all.
func (l *lister) bear(err error, usual time.Duration) {
	switch {
	case err == nil:
		l.patience = usual
	case errors.Is(err, context.DeadlineExceeded):
		l.patience = min(2*l.patience, mostPatience*usual)
	}
}

// run is a range of keys all of which may be lock requests.
type run struct{ first, last string }

// nextRuns finds keys that may be lock requests, at most limit of them, and returns
// the keys after those.
func nextRuns(rules *layout.Set, keys []string, limit int64) (runs []run, rest []string) {
	open := false
	for i, key := range keys {
		switch {
		case !rules.Reads(key):
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
