package inspect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/keyspace"
)

// History is the changes of the locks below a prefix, as far back as etcd has them.
type History struct {
	Floor int64    // the oldest revision that etcd has: earlier ones are compacted
	Begin Snapshot // the locks at the beginning
	End   int64    // the last revision: the current one when History was called

	source *Source
}

// History returns the changes from the revision since on, or as far back as etcd has
// them when since is 0. Its events are read when Events is used.
//
// It makes etcd read everything that was written since then, whatever the prefix,
// again for every 1000 revisions, and writes wait meanwhile (etcd issue 22264). So
// read history only on a user's request, and as little of it as will do.
//
// It fails with ErrCompacted or ErrFuture when etcd has no such revision.
func (s *Source) History(ctx context.Context, prefix string, since int64) (*History, error) {
	available, err := s.revisionRange(ctx, prefix)
	if err != nil {
		return nil, err
	}
	if since == 0 {
		since = available.floor
	}
	if err := available.check(since); err != nil {
		return nil, err
	}
	begin, err := s.SnapshotAt(ctx, prefix, since)
	if err != nil {
		return nil, err
	}
	return &History{Floor: available.floor, Begin: begin, End: available.current, source: s}, nil
}

// Events returns the changes after Begin, oldest first, up to and including End.
// What etcd sends faster than the caller takes it is kept in memory. An error is
// the last item: ErrCompacted when etcd compacts what has not been read yet.
func (h *History) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if h.Begin.Revision >= h.End {
			return
		}
		ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
		watcher := clientv3.NewWatcher(h.source.client) // so that its progress is that of one watch
		var asking sync.WaitGroup
		defer asking.Wait()
		defer cancel()
		defer func() { _ = watcher.Close() }()
		created := func() { asking.Go(func() { requestProgress(ctx, watcher) }) }
		if err := h.read(ctx, watcher, created, yield); err != nil {
			yield(Event{}, err)
		}
	}
}

// read yields until the end is reached, yield returns false, or it fails. It calls
// created once the watch exists: before that, etcd would report the progress of a
// stream without a watch.
func (h *History) read(ctx context.Context, watcher clientv3.Watcher, created func(), yield func(Event, error) bool) error {
	past := newPast(h.Begin)
	start, end := keyspace.PrefixRange(h.Begin.Prefix)
	for resp := range watcher.Watch(ctx, start, clientv3.WithRange(end),
		clientv3.WithRev(h.Begin.Revision+1), clientv3.WithCreatedNotify()) {
		if err := resp.Err(); err != nil {
			return compactedAt(resp.CompactRevision, err)
		}
		if resp.Created {
			created()
		}
		for revision := range revisions(resp.Events) {
			at := revision[0].Kv.ModRevision
			if at > h.End || !yieldAll(past.apply(revision, time.Time{}), yield) || at == h.End {
				return nil
			}
		}
		if resp.IsProgressNotify() && resp.Header.Revision >= h.End {
			return nil // every event up to End has been received
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("inspect: history: %w", err)
	}
	return errWatchEnded
}

func yieldAll(events []Event, yield func(Event, error) bool) bool {
	for _, e := range events {
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// compactedAt says that etcd compacted what was being read, if that is what err is.
func compactedAt(floor int64, err error) error {
	if errors.Is(err, rpctypes.ErrCompacted) {
		return fmt.Errorf("%w while it was being read; the oldest one now is %d", ErrCompacted, floor)
	}
	return fmt.Errorf("inspect: history: %w", err)
}

// newPast returns a state to apply past events to, from a snapshot on.
func newPast(begin Snapshot) *state {
	l := listing{revision: begin.Revision, keys: begin.keys, other: begin.Other}
	for _, lock := range begin.Locks {
		lock.Queue = slices.Clone(lock.Queue)
		l.locks = append(l.locks, lock)
	}
	return newState(begin.Prefix, l, nil)
}

// requestProgress requests the watch's progress repeatedly until ctx ends: etcd does
// not answer while the watch has yet to catch up.
func requestProgress(ctx context.Context, watcher clientv3.Watcher) {
	for pause := 20 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, time.Second) {
		// If this fails, the watch does not advance either, and reports why.
		_ = watcher.RequestProgress(ctx)
		backoff.Pause(ctx, pause)
	}
}
