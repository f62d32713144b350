package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// Releaser is a Releaser over a cluster.
type Releaser struct {
	*Cluster
	Others []string
	mu     sync.Mutex
	Fail   error         // of the next Apply
	Hold   chan struct{} // plans wait until it is closed; nil: they do not
	Done   atomic.Int64  // plans that were carried out
}

// Request plans to remove one request.
func (f *Releaser) Request(ctx context.Context, key string) (backend.Release, error) {
	return f.plan(ctx, 0, func(r inspect.Request) bool { return r.Key == key })
}

// Session plans to remove the requests of a lease.
func (f *Releaser) Session(ctx context.Context, lease int64) (backend.Release, error) {
	return f.plan(ctx, lease, func(r inspect.Request) bool { return r.Lease == lease })
}

func (f *Releaser) plan(ctx context.Context, lease int64, goes func(inspect.Request) bool) (backend.Release, error) {
	f.Calls.Add(1)
	if f.Hold != nil {
		select {
		case <-f.Hold:
		case <-ctx.Done():
			return backend.Release{}, ctx.Err()
		}
	}
	f.Cluster.mu.Lock()
	defer f.Cluster.mu.Unlock()
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
		return backend.Release{}, errors.New("release: nothing to release")
	}
	p := s.Without(keys...)
	plan := backend.Release{Lease: lease, Revision: s.Revision, Gone: p.Gone, Granted: p.Granted, Others: f.Others}
	plan.Apply = func(context.Context) (int64, error) { return f.carry(plan) }
	return plan, nil
}

func (f *Releaser) carry(p backend.Release) (int64, error) {
	f.Calls.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.Fail; err != nil {
		f.Fail = nil
		return 0, err
	}
	f.Done.Add(1)
	for _, r := range p.Gone {
		f.Remove(r.Lock, r.Key)
	}
	f.Cluster.mu.Lock()
	defer f.Cluster.mu.Unlock()
	return f.revision, nil
}

// History is the Past of a cluster, rebuilt from its events.
type History struct {
	*Cluster
	Floor     int64
	mu        sync.Mutex
	Reads     []string // of Changes
	Snapshots int      // calls of At
}

// At rebuilds the locks of a revision from the events.
func (c *History) At(_ context.Context, _ []string, revision int64) (inspect.Snapshot, int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Snapshots++
	c.Cluster.mu.Lock()
	defer c.Cluster.mu.Unlock()
	switch {
	case revision < c.Floor:
		return inspect.Snapshot{}, 0, fmt.Errorf("inspect: etcd has forgotten that revision: %d; the oldest that it remembers is %d", revision, c.Floor)
	case revision > c.revision:
		return inspect.Snapshot{}, 0, fmt.Errorf("inspect: etcd has not come to that revision yet: %d", revision)
	}
	then := NewCluster(c.now)
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
	return then.snapshot(), c.Floor, nil
}

// Changes returns the events between two revisions.
func (c *History) Changes(_ context.Context, _ []string, since, until int64) (backend.Changes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Cluster.mu.Lock()
	defer c.Cluster.mu.Unlock()
	c.Reads = append(c.Reads, fmt.Sprint(since, "-", until))
	all := backend.Changes{Floor: c.Floor, Since: max(since, c.Floor), Until: min(until, c.revision)}
	for _, e := range c.past {
		if e.Revision > all.Since && e.Revision <= all.Until {
			all.Events = append(all.Events, e)
		}
	}
	return all, nil
}

// Granted returns the revision at which a request was granted.
func (c *History) Granted(_ context.Context, r inspect.Request) (int64, error) {
	c.Cluster.mu.Lock()
	defer c.Cluster.mu.Unlock()
	for _, e := range c.past {
		if e.Request.Key == r.Key && e.Kind == inspect.EventGranted {
			return e.Revision, nil
		}
	}
	return 0, nil
}

// Recorder is a Recorder whose work is a function.
type Recorder func(ctx context.Context, path string) (string, error)

// Record calls the function.
func (f Recorder) Record(ctx context.Context, path string) (string, error) { return f(ctx, path) }
