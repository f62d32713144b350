package inspect

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
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
	l := newLister(s.client, s.rules, keyspace.NewPrefixes(prefixes...), s.tuning.page, 0)
	l.at = revision
	all, err := l.list(ctx)
	if err != nil {
		return Snapshot{}, s.explain(ctx, l.ranges[0], revision, err)
	}
	return Snapshot{Prefixes: l.prefixes, Revision: all.revision, Locks: all.locks, Other: all.other,
		rules: s.rules, keys: all.keys, beside: all.beside}, nil
}

// Around returns the prefixes of all keys that say something about the locks of a name:
// those below it and, if a key of that name may be a lock, the key itself and keys beside
// it. A user may be allowed to read the former only.
func (s *Source) Around(ctx context.Context, revision int64, name string) ([]string, error) {
	below, all := []string{name + "/"}, s.EverAround(name)
	if len(all) == len(below) {
		return below, nil
	}
	found, err := s.client.Get(ctx, name, clientv3.WithCountOnly(), clientv3.WithRev(revision))
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		return below, nil
	case err != nil:
		return nil, s.explain(ctx, keyspace.NewRange(name), revision, fmt.Errorf("inspect: read %q: %w", name, err))
	case found.Count == 0:
		return below, nil
	}
	return all, nil
}

// EverAround is Around whether there is a key of that name or not.
func (s *Source) EverAround(name string) []string {
	prefixes := []string{name + "/"}
	if name != "" && s.rules.Reads(name) {
		prefixes = append(prefixes, s.rules.Beside(name)...)
	}
	return prefixes
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
