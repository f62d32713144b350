package backendtest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// History is the Past of a cluster, rebuilt from its events.
type History struct {
	*Cluster
	Floor     int64
	mu        sync.Mutex
	Reads     []string        // of Changes
	Snapshots int             // calls of At
	Then      *backend.Moment // what At returns; nil: what the events say
}

// Cost implements backend.Past.
func (c *History) Cost(backend.Place, int) string { return "of etcd" }

// At rebuilds the locks of a revision from the events.
func (c *History) At(_ context.Context, _ []string, at backend.Place) (backend.Moment, error) {
	revision := at.Revision
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Snapshots++
	if c.Then != nil {
		return *c.Then, nil
	}
	c.Cluster.mu.Lock()
	defer c.Cluster.mu.Unlock()
	switch {
	case revision < c.Floor:
		return backend.Moment{}, fmt.Errorf("inspect: etcd has forgotten that revision: %d; the oldest that it remembers is %d", revision, c.Floor)
	case revision > c.revision:
		return backend.Moment{}, fmt.Errorf("inspect: etcd has not come to that revision yet: %d", revision)
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
	return backend.Moment{Snapshot: then.snapshot(), Place: at, Floor: backend.Place{Revision: c.Floor}}, nil
}

// Changes returns the events of up to a thousand revisions before or after one.
func (c *History) Changes(_ context.Context, _ []string, at backend.Place, by int) (backend.Changes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Cluster.mu.Lock()
	defer c.Cluster.mu.Unlock()
	since, until := max(at.Revision-1000, 1), at.Revision
	if by > 0 {
		since, until = at.Revision, at.Revision+1000
	}
	c.Reads = append(c.Reads, fmt.Sprint(since, "-", until))
	since, until = max(since, c.Floor), min(until, c.revision)
	all := backend.Changes{Floor: backend.Place{Revision: c.Floor}, Since: backend.Place{Revision: since}, Until: backend.Place{Revision: until}}
	for _, e := range c.past {
		if e.Revision > since && e.Revision <= until {
			all.Events = append(all.Events, backend.Change{Event: e, Place: backend.Place{Revision: e.Revision}})
		}
	}
	return all, nil
}

// Granted returns the revision at which a request was granted.
func (c *History) Granted(_ context.Context, r inspect.Request) (backend.Place, error) {
	c.Cluster.mu.Lock()
	defer c.Cluster.mu.Unlock()
	for _, e := range c.past {
		if e.Request.Key == r.Key && e.Kind == inspect.EventGranted {
			return backend.Place{Revision: e.Revision}, nil
		}
	}
	return backend.Place{}, nil
}
