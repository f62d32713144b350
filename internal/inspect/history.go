package inspect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// History is the changes of the locks below some prefixes, as far back as etcd has them.
type History struct {
	Floor int64    // the oldest revision that etcd has: earlier ones are compacted
	Begin Snapshot // the locks at the beginning
	End   int64    // the last revision: the current one when History was called

	// Unproven says, once Events has ended, that this etcd, or a proxy, does not say when
	// it has sent everything: the locks at the end are as the events say, but requests
	// that were made and deleted in between may be missing.
	Unproven bool

	source *Source
}

// History returns the changes from the revision since on, or as far back as etcd has
// them when since is 0. Its events are read when Events is used.
//
// It makes etcd read everything that was written since then, whatever the prefixes,
// again for every 1000 revisions, and writes wait meanwhile (etcd issue 22264). So
// read history only on a user's request, and as little of it as will do.
//
// It fails with ErrCompacted or ErrFuture when etcd has no such revision.
func (s *Source) History(ctx context.Context, since int64, prefixes ...string) (*History, error) {
	available, err := s.revisionRange(ctx, keyspace.NewPrefixes(prefixes...).Ranges()[0])
	if err != nil {
		return nil, err
	}
	if since == 0 {
		since = available.floor
	}
	if err := available.check(since); err != nil {
		return nil, err
	}
	begin, err := s.SnapshotAt(ctx, since, prefixes...)
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
		past := newPast(h.Begin)
		err := h.read(ctx, past, func(revisions iter.Seq[[]*clientv3.Event]) bool {
			for revision := range revisions {
				if !yieldAll(past.apply(revision, time.Time{}), yield) {
					return false
				}
			}
			return true
		})
		if err != nil {
			yield(Event{}, err)
		}
	}
}

// Updates is Events as updates with steps, as WatchSteps sends them. The first one has the
// locks at the beginning.
func (h *History) Updates(ctx context.Context) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		if !yield(Update{Snapshot: h.Begin, Steps: []Step{{Revision: h.Begin.Revision, Other: h.Begin.Other, Read: &h.Begin}}}, nil) {
			return
		}
		past := newPast(h.Begin)
		past.noteSteps()
		err := h.read(ctx, past, func(revisions iter.Seq[[]*clientv3.Event]) bool {
			var u Update
			for revision := range revisions {
				u.Events = append(u.Events, past.apply(revision, time.Time{})...)
			}
			u.Snapshot, u.Steps = past.snapshot(), past.takeSteps()
			return yield(u, nil)
		})
		if err != nil {
			yield(Update{}, err)
		}
	}
}

// read applies what happened to past, by yield.
func (h *History) read(ctx context.Context, past *state, yield func(iter.Seq[[]*clientv3.Event]) bool) error {
	if h.Begin.Revision >= h.End {
		return nil
	}
	r := reading{History: h, past: past, yield: yield, trust: newProgressTrust(h.source.client)}
	return r.read(ctx)
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
	l := listing{rules: begin.rules, ranges: begin.ranges, partial: begin.Partial, revision: begin.Revision, keys: begin.keys, other: begin.Other, beside: begin.beside.clone()}
	for _, lock := range begin.Locks {
		lock.Queue = slices.Clone(lock.Queue)
		l.locks = append(l.locks, lock)
	}
	return newState(begin.Prefixes, l, nil)
}
