package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"etcd-lock/internal/inspect"
)

// force is a Releaser over a cluster.
type force struct {
	*cluster
	others []string
	mu     sync.Mutex
	fail   error         // of the next Carry
	hold   chan struct{} // plans wait until it is closed; nil: they do not
	done   atomic.Int64  // plans that were carried out
}

func (f *force) Request(ctx context.Context, key string) (Release, error) {
	return f.plan(ctx, 0, func(r inspect.Request) bool { return r.Key == key })
}

func (f *force) Session(ctx context.Context, lease int64) (Release, error) {
	return f.plan(ctx, lease, func(r inspect.Request) bool { return r.Lease == lease })
}

func (f *force) plan(ctx context.Context, lease int64, goes func(inspect.Request) bool) (Release, error) {
	f.calls.Add(1)
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return Release{}, ctx.Err()
		}
	}
	f.cluster.mu.Lock()
	defer f.cluster.mu.Unlock()
	s := f.snapshot()
	var keys []string
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			if goes(r) {
				keys = append(keys, r.Key)
			}
		}
	}
	if len(keys) == 0 {
		return Release{}, errors.New("release: nothing to release")
	}
	p := s.Without(keys...)
	plan := Release{Lease: lease, Revision: s.Revision, Gone: p.Gone, Granted: p.Granted, Others: f.others}
	plan.Carry = func(context.Context) (int64, error) { return f.carry(plan) }
	return plan, nil
}

func (f *force) carry(p Release) (int64, error) {
	f.calls.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fail; err != nil {
		f.fail = nil
		return 0, err
	}
	f.done.Add(1)
	for _, r := range p.Gone {
		f.remove(r.Lock, r.Key)
	}
	f.cluster.mu.Lock()
	defer f.cluster.mu.Unlock()
	return f.revision, nil
}

// chronicle is the Past of a cluster, told by its events.
type chronicle struct {
	*cluster
	floor     int64
	mu        sync.Mutex
	reads     []string // of Changes
	snapshots int      // calls of At
}

func (c *chronicle) At(_ context.Context, _ string, revision int64) (inspect.Snapshot, int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snapshots++
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	switch {
	case revision < c.floor:
		return inspect.Snapshot{}, 0, fmt.Errorf("inspect: etcd has forgotten that revision: %d; the oldest that it remembers is %d", revision, c.floor)
	case revision > c.revision:
		return inspect.Snapshot{}, 0, fmt.Errorf("inspect: etcd has not come to that revision yet: %d", revision)
	}
	then := newCluster(c.now)
	for _, e := range c.past {
		q := slices.DeleteFunc(slices.Clone(then.queues[e.Request.Lock]), func(r inspect.Request) bool { return r.Key == e.Request.Key })
		if e.Revision > revision {
			break
		}
		if !e.Kind.Gone() {
			q = append(q, e.Request)
		}
		slices.SortStableFunc(q, func(a, b inspect.Request) int { return int(a.Revision - b.Revision) })
		then.queues[e.Request.Lock] = q
		if len(q) == 0 {
			delete(then.queues, e.Request.Lock)
		}
	}
	then.revision = revision
	return then.snapshot(), c.floor, nil
}

func (c *chronicle) Changes(_ context.Context, _ string, since, until int64) (Changes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	c.reads = append(c.reads, fmt.Sprint(since, "-", until))
	all := Changes{Floor: c.floor, Since: max(since, c.floor), Until: min(until, c.revision)}
	for _, e := range c.past {
		if e.Revision > all.Since && e.Revision <= all.Until {
			all.Events = append(all.Events, e)
		}
	}
	return all, nil
}

func (c *chronicle) Granted(_ context.Context, r inspect.Request) (int64, error) {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	for _, e := range c.past {
		if e.Request.Key == r.Key && e.Kind == inspect.EventAcquired {
			return e.Revision, nil
		}
	}
	return 0, nil
}

// recorderFunc is a Recorder whose work is a function.
type recorderFunc func(ctx context.Context, path string) (string, error)

func (f recorderFunc) Record(ctx context.Context, path string) (string, error) { return f(ctx, path) }
