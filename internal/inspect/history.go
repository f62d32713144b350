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
)

// History is what etcd remembers of the locks below a prefix.
type History struct {
	Floor int64    // the oldest revision that etcd remembers: nobody knows what was before
	Begin Snapshot // the locks where it begins
	End   int64    // the revision where it ends: the current one when it was asked for

	source *Source
}

// History looks into etcd's past: from the revision since on, or as far back as
// etcd remembers when that is 0. Its events are read as they are asked for.
//
// It costs etcd a reading of everything that was written to it since then,
// whatever the prefix, again for every 1000 revisions that it tells of, and
// writes wait meanwhile (etcd issue 22264): ask for it when somebody wants to
// know, never as a matter of course, and for as little as will do.
//
// It fails with ErrForgotten or ErrFuture when etcd has no such revision.
func (s *Source) History(ctx context.Context, prefix string, since int64) (*History, error) {
	m, err := s.memory(ctx, prefix)
	if err != nil {
		return nil, err
	}
	if since == 0 {
		since = m.floor
	}
	if err := m.check(since); err != nil {
		return nil, err
	}
	begin, err := s.SnapshotAt(ctx, prefix, since)
	if err != nil {
		return nil, err
	}
	return &History{Floor: m.floor, Begin: begin, End: m.current, source: s}, nil
}

// Events are what became of the requests after Begin, oldest first, up to and
// with End. What etcd sends faster than the caller takes it is kept in memory.
// An error is the last of them: ErrForgotten when etcd compacts, meanwhile,
// what has not been read.
func (h *History) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if h.Begin.Revision >= h.End {
			return
		}
		ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
		watcher := clientv3.NewWatcher(h.source.client) // whose progress is that of one watch
		var asking sync.WaitGroup
		defer asking.Wait()
		defer cancel()
		defer func() { _ = watcher.Close() }()
		created := func() { asking.Go(func() { askProgress(ctx, watcher) }) }
		if err := h.read(ctx, watcher, created, yield); err != nil {
			yield(Event{}, err)
		}
	}
}

// read yields until the end is reached, somebody has enough, or it fails. It
// calls created once there is a watch: before that, etcd would answer for a
// stream that has none.
func (h *History) read(ctx context.Context, watcher clientv3.Watcher, created func(), yield func(Event, error) bool) error {
	past := newPast(h.Begin)
	start, end := keyRange(h.Begin.Prefix)
	for resp := range watcher.Watch(ctx, start, clientv3.WithRange(end),
		clientv3.WithRev(h.Begin.Revision+1), clientv3.WithCreatedNotify()) {
		if err := resp.Err(); err != nil {
			return forgottenAt(resp.CompactRevision, err)
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
			return nil // every event up to there has come
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

func forgottenAt(floor int64, err error) error {
	if errors.Is(err, rpctypes.ErrCompacted) {
		return fmt.Errorf("%w while it was read; the oldest that it remembers now is %d", ErrForgotten, floor)
	}
	return fmt.Errorf("inspect: history: %w", err)
}

// newPast is a state to fold the past into, from a snapshot on.
func newPast(begin Snapshot) *state {
	l := listing{revision: begin.Revision, queues: map[LockID][]Request{}, other: begin.Other}
	for _, lock := range begin.Locks {
		l.queues[lock.ID] = slices.Clone(lock.Queue)
	}
	return newState(begin.Prefix, l, nil)
}

// askProgress asks again and again how far the watch is, until ctx ends: etcd
// does not answer while the watch has yet to catch up.
func askProgress(ctx context.Context, watcher clientv3.Watcher) {
	for pause := 20 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, time.Second) {
		// That the watch cannot be asked shows by its not getting anywhere.
		_ = watcher.RequestProgress(ctx)
		sleep(ctx, pause)
	}
}
