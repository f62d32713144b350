package backendtest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// Releaser is a Releaser over a cluster.
type Releaser struct {
	*Cluster
	Others []inspect.Request
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
	plan := backend.Release{Lease: lease, Revision: s.Revision, Gone: inspect.Values(p.Gone), Granted: p.Granted, Others: f.Others}
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

// Recorder is a Recorder whose work is a function.
type Recorder func(ctx context.Context, path string) (string, error)

// Record calls the function.
func (f Recorder) Record(ctx context.Context, path string) (string, error) { return f(ctx, path) }
