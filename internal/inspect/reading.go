package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/keyspace"
)

// For how long a history waits for etcd to say how far it has got, before it compares
// the locks with a read: long where the member is known to say so, and may be busy.
const (
	quietUnbelieved = time.Second
	quietBelieved   = 3 * time.Second
)

// reading reads the events of a history once.
type reading struct {
	*History
	past   *state
	merged *merger
	yield  func(revisions iter.Seq[[]*clientv3.Event]) (more bool)
	trust  *progressTrust
}

// read yields until the end is reached, yield wants no more, or it fails. After a lost
// connection it goes on behind the last event.
func (r *reading) read(ctx context.Context) error {
	ranges := r.Begin.ranges
	last := slices.Repeat([]int64{r.Begin.Revision}, len(ranges))
	for {
		r.merged = newMerger(last)
		done, err := r.watch(ctx, ranges)
		switch {
		case done:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("inspect: history: %w", ctx.Err())
		case !errors.Is(err, errStreamLost):
			return err
		}
		backoff.Pause(ctx, retryMin)
	}
}

// watch is read for one connection. It uses a separate Watcher, so that its progress is
// that of these ranges.
func (r *reading) watch(ctx context.Context, ranges []keyspace.Range) (done bool, err error) {
	ctx, stop := context.WithCancelCause(clientv3.WithRequireLeader(ctx))
	watcher := newOneStreamWatcher(r.source.client, func() { stop(errStreamLost) })
	var asking sync.WaitGroup
	defer asking.Wait()
	defer stop(nil)
	defer func() { _ = watcher.Close() }()
	w := watchRanges(ctx, watcher, ranges, r.merged.applied)
	defer w.close()
	quiet := time.NewTimer(quietBelieved)
	defer quiet.Stop()
	for {
		select {
		case resp, ok := <-w.responses:
			switch {
			case ctx.Err() != nil:
				return false, context.Cause(ctx)
			case !ok:
				return false, errWatchEnded
			case w.created(resp):
				asking.Go(func() { r.requestProgress(ctx, w) })
			}
			if done, err := r.take(resp); done || err != nil {
				return done, err
			}
			if resp.Created || len(resp.Events) > 0 && resp.Events[0].Kv.ModRevision <= r.End {
				quiet.Reset(r.quiet()) // what is written after the end tells nothing
			}
		case <-quiet.C:
			if r.yieldEvents(r.merged.flush()) {
				return true, nil
			}
			if done, err := r.compare(ctx); done || err != nil {
				return done, err
			}
			quiet.Reset(r.quiet())
		}
	}
}

func (r *reading) quiet() time.Duration {
	if r.trust.believes() {
		return quietBelieved
	}
	return quietUnbelieved
}

// take yields the events of a response, and reports whether there is nothing more to
// yield.
func (r *reading) take(resp rangeResponse) (done bool, err error) {
	if err := resp.Err(); err != nil {
		return false, compactedAt(resp.CompactRevision, err)
	}
	r.trust.servedBy(resp.Header.MemberId)
	r.merged.take(resp, r.trust.believes())
	events, upTo := r.merged.ready()
	return r.yieldEvents(events) || upTo >= r.End, nil
}

// yieldEvents yields events, and reports whether the caller wants no more. Those after the
// end are left out.
func (r *reading) yieldEvents(events []*clientv3.Event) (done bool) {
	n, _ := slices.BinarySearchFunc(events, r.End+1, func(e *clientv3.Event, end int64) int { return cmp.Compare(e.Kv.ModRevision, end) })
	return n > 0 && !r.yield(revisions(events[:n]))
}

// compare reads the locks at the end, and reports whether they are as the events say.
func (r *reading) compare(ctx context.Context) (done bool, err error) {
	l := newLister(r.source.client, r.source.rules, r.Begin.Prefixes, r.source.tuning.page, 0)
	l.at, l.ranges = r.End, r.Begin.ranges
	all, err := l.list(ctx)
	if err != nil {
		return false, r.source.explain(ctx, l.ranges[0], r.End, err)
	}
	r.Unproven = r.past.matches(all)
	return r.Unproven, nil
}

// requestProgress requests the watch's progress repeatedly until ctx ends: etcd does
// not answer while the watch has yet to catch up.
func (r *reading) requestProgress(ctx context.Context, w *rangeWatch) {
	for pause := 20 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, time.Second) {
		r.trust.learn(ctx)
		w.requestProgress(ctx)
		backoff.Pause(ctx, pause)
	}
}
