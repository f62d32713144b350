package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

var (
	// ErrCompacted says that etcd has compacted a revision.
	ErrCompacted = errors.New("inspect: etcd has compacted that revision")
	// ErrFuture says that a revision does not exist yet.
	ErrFuture = errors.New("inspect: that revision does not exist yet")
)

// SnapshotAt is Snapshot at a revision, or now when that is 0. In the past, Since is
// known only from owners, and leases cannot be looked up.
//
// It fails with ErrCompacted or ErrFuture, and a text that says which revisions
// there are, when etcd has no such revision.
func (s *Source) SnapshotAt(ctx context.Context, revision int64, prefixes ...string) (Snapshot, error) {
	kv := &identifiedKV{KV: s.client}
	l := newLister(kv, s.rules, keyspace.NewPrefixes(prefixes...), s.tuning.page, 0)
	l.at = revision
	all, err := l.list(ctx)
	if l.narrow(ctx, err) {
		all, err = l.list(ctx)
	}
	if err != nil {
		return Snapshot{}, s.explain(ctx, l.ranges[0], revision, err)
	}
	return Snapshot{Prefixes: l.prefixes, Revision: all.revision, Locks: all.locks, Other: all.other, Partial: l.partial, Unproven: all.unproven,
		rules: s.rules, ranges: l.ranges, keys: all.keys, beside: all.beside, cluster: kv.cluster.Load()}, nil
}

// withEvidence returns the ranges of prefixes and, if one of them may be the key of a lock,
// of the keys beside it that are evidence for that.
func withEvidence(rules *layout.Set, prefixes keyspace.Prefixes) []keyspace.Range {
	all := []string(prefixes)
	for _, p := range prefixes {
		all = append(all, rules.Beside(p)...)
	}
	return keyspace.NewPrefixes(all...).Ranges()
}

// narrow leaves out what the user may not read, if that is why reading failed: of each
// prefix, it keeps the key of that name and, if the user may read them too, the keys below
// that. It reports whether there is something of each prefix to be read.
func (l *lister) narrow(ctx context.Context, failed error) bool {
	if failed == nil || l.partial != nil || l.prefixes.All() || !isDenied(failed) {
		return false
	}
	var ranges []keyspace.Range
	var unread []Partial
	for _, r := range withEvidence(l.rules, l.prefixes) {
		if l.mayRead(ctx, r) {
			ranges = append(ranges, r)
			continue
		}
		if !slices.ContainsFunc(l.prefixes, func(p string) bool { return strings.HasPrefix(p, r.Prefix) }) {
			unread = append(unread, Partial{Prefix: r.Prefix, None: true})
		}
		for _, p := range l.prefixes {
			if !strings.HasPrefix(p, r.Prefix) {
				continue
			}
			some := l.readable(ctx, p)
			if len(some) == 0 {
				return false
			}
			ranges = append(ranges, some...)
			if some[0] == keyspace.KeyRange(p) {
				l.partial = append(l.partial, Partial{Prefix: p, Below: len(some) > 1})
			}
		}
	}
	l.ranges, l.partial = ranges, append(l.partial, unread...)
	return true
}

// readable returns what of a prefix the user may read, if that has its own key.
func (l *lister) readable(ctx context.Context, prefix string) (ranges []keyspace.Range) {
	key, below := keyspace.KeyRange(prefix), keyspace.NewRange(prefix+"/")
	whole := keyspace.NewRange(prefix)
	switch {
	case l.mayRead(ctx, whole):
		return []keyspace.Range{whole}
	case !l.mayRead(ctx, key):
		return nil
	case !strings.HasSuffix(prefix, "/") && l.mayRead(ctx, below):
		return []keyspace.Range{key, below}
	default:
		return []keyspace.Range{key}
	}
}

// mayRead reports whether the user may read the keys of a range. etcd checks the permission
// for both branches of a transaction, and takes the other one.
func (l *lister) mayRead(ctx context.Context, r keyspace.Range) bool {
	_, err := l.kv.Txn(ctx).Else(clientv3.OpGet(r.Start, clientv3.WithRange(r.End))).Commit()
	return err == nil
}

// isDenied reports whether etcd denies the user something: of a watch, it says so in text.
func isDenied(err error) bool {
	return errors.Is(err, rpctypes.ErrPermissionDenied) || strings.Contains(err.Error(), "permission denied")
}

// Around returns the prefix of all keys that say something about the locks of a name: of
// those below it or, if a key of that name may be a lock, of that key too. What is beside
// it is read with that.
func (s *Source) Around(ctx context.Context, revision int64, name string) (string, error) {
	below, all := name+"/", s.EverAround(name)
	if all == below {
		return below, nil
	}
	found, err := s.client.Get(ctx, name, clientv3.WithCountOnly(), clientv3.WithRev(revision))
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		return below, nil
	case err != nil:
		return "", s.explain(ctx, keyspace.NewRange(name), revision, fmt.Errorf("inspect: read %q: %w", name, err))
	case found.Count == 0:
		return below, nil
	}
	return all, nil
}

// EverAround is Around whether there is a key of that name or not.
func (s *Source) EverAround(name string) string {
	if name != "" && s.rules.Reads(name) {
		return name
	}
	return name + "/"
}

// explain says which revisions etcd has, if err is that it does not have this one.
func (s *Source) explain(ctx context.Context, keys keyspace.Range, revision int64, err error) error {
	if !errors.Is(err, rpctypes.ErrCompacted) && !errors.Is(err, rpctypes.ErrFutureRev) {
		return err
	}
	available, rangeErr := s.revisionRange(ctx, keys)
	if rangeErr != nil {
		return errors.Join(err, rangeErr)
	}
	if missing := available.check(revision); missing != nil {
		return missing
	}
	return err
}

// revisionRange is the revisions that etcd has.
type revisionRange struct {
	floor   int64 // the oldest
	current int64
}

// check returns an error when etcd has no such revision.
func (m revisionRange) check(revision int64) error {
	switch {
	case revision < m.floor:
		return fmt.Errorf("%w: %d; the oldest one is %d", ErrCompacted, revision, m.floor)
	case revision > m.current:
		return fmt.Errorf("%w: %d; the current one is %d", ErrFuture, revision, m.current)
	default:
		return nil
	}
}

// revisionRange asks etcd which revisions it has. It reads one of keys, because a user
// may not be allowed to read others.
func (s *Source) revisionRange(ctx context.Context, keys keyspace.Range) (revisionRange, error) {
	resp, err := s.client.Get(ctx, keys.Start, clientv3.WithCountOnly())
	if err != nil {
		return revisionRange{}, fmt.Errorf("inspect: read the current revision: %w", err)
	}
	m := revisionRange{floor: 1, current: resp.Header.Revision}
	_, err = s.client.Get(ctx, keys.Start, clientv3.WithCountOnly(), clientv3.WithRev(m.floor))
	if errors.Is(err, rpctypes.ErrCompacted) {
		m.floor, err = s.compaction(ctx, keys.Start)
	}
	if err != nil {
		return revisionRange{}, fmt.Errorf("inspect: read the oldest revision: %w", err)
	}
	return m, nil
}

// compaction returns the revision of the last compaction, which can still be read.
// There is no call for it, but it is in the answer to a watch that starts earlier.
// Without a compaction such a watch would make etcd read its whole history, so the
// caller has to know that there was one.
func (s *Source) compaction(ctx context.Context, key string) (int64, error) {
	watcher := bounded{clientv3.NewWatcher(s.client)}
	defer func() { _ = watcher.Close() }()
	for resp := range watcher.Watch(ctx, key, clientv3.WithRev(1)) {
		if resp.CompactRevision > 0 {
			return resp.CompactRevision, nil
		}
		if err := resp.Err(); err != nil {
			return 0, err
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return 0, errWatchEnded
}
