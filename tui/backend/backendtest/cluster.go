// Package backendtest is an etcd in memory for tests of the UI, with clients,
// scenarios and a history.
package backendtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
)

// Cluster is an etcd of the tests' own: a Source and a Locker over queues in
// memory.
type Cluster struct {
	now      func() time.Time
	LeastTTL time.Duration // that is granted; set it before clients open sessions

	mu       sync.Mutex
	revision int64
	down     error
	queues   map[inspect.LockID][]inspect.Request
	watchers []*watcher
	wake     chan struct{} // closed and replaced by every change
	ttlCalls [][]int64
	ttl      time.Duration
	lease    map[int64]inspect.Lease // that are not as ttl says
	term     uint64
	Calls    atomic.Int64             // of Leases, Open, Request, Status, Load and Save
	leases   int64                    // granted
	lost     map[string]chan struct{} // of tickets that are held, by key
	past     []inspect.Event
	prefixes keyspace.Prefixes
	outside  map[int64]inspect.Outside
}

// watcher keeps what its reader has not read yet.
type watcher struct {
	events []inspect.Event
	dirty  bool
}

// NewCluster returns a cluster without locks, at revision 100.
func NewCluster(now func() time.Time) *Cluster {
	return &Cluster{
		now: now, revision: 100, term: 1, ttl: 9 * time.Second,
		queues: map[inspect.LockID][]inspect.Request{}, wake: make(chan struct{}),
	}
}

// Put adds a request at the end of a queue.
func (c *Cluster) Put(r inspect.Request) inspect.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision++
	r.Revision = c.revision
	if r.Key == "" {
		r.Key = keyspace.Encode(r.Lock.Name, r.Mode, fmt.Sprintf("id-%d", r.Revision))
	}
	c.change(r.Lock, append(slices.Clone(c.queues[r.Lock]), r))
	return r
}

// Remove deletes a key and reports whether it was there.
func (c *Cluster) Remove(id inspect.LockID, key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.queues[id])
	c.revision++
	c.change(id, slices.DeleteFunc(slices.Clone(c.queues[id]), func(r inspect.Request) bool { return r.Key == key }))
	return len(c.queues[id]) < before
}

// SetDown has the watch and all look-ups fail, until it is nil.
func (c *Cluster) SetDown(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = err
	c.notify(nil)
}

// change replaces a queue and notifies the watchers of the events.
func (c *Cluster) change(id inspect.LockID, queue []inspect.Request) {
	before := map[string]inspect.Request{}
	for _, r := range c.queues[id] {
		before[r.Key] = r
	}
	c.queues[id] = holders(queue)
	var events []inspect.Event
	add := func(kind inspect.EventKind, r inspect.Request) {
		events = append(events, inspect.Event{Kind: kind, Request: r, Revision: c.revision, Time: c.now()})
	}
	for _, r := range c.queues[id] {
		old, was := before[r.Key]
		delete(before, r.Key)
		switch {
		case r.Holding && !old.Holding:
			add(inspect.EventGranted, r)
		case !was:
			add(inspect.EventWaiting, r)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(before)) {
		kind := inspect.EventLeft
		if before[k].Holding {
			kind = inspect.EventReleased
		}
		add(kind, before[k])
		if lost := c.lost[k]; lost != nil {
			close(lost)
			delete(c.lost, k)
		}
	}
	if len(queue) == 0 {
		delete(c.queues, id)
	}
	c.past = append(c.past, events...)
	c.notify(events)
}

func (c *Cluster) notify(events []inspect.Event) {
	for _, w := range c.watchers {
		w.events = append(w.events, events...)
		w.dirty = true
	}
	close(c.wake)
	c.wake = make(chan struct{})
}

func holders(queue []inspect.Request) []inspect.Request {
	writer := false
	for i := range queue {
		queue[i].Holding = !writer && (queue[i].Mode == keyspace.Read || i == 0)
		writer = writer || queue[i].Mode == keyspace.Write
	}
	return queue
}

func (c *Cluster) snapshot() inspect.Snapshot {
	s := inspect.Snapshot{Revision: c.revision, Prefixes: c.prefixes}
	for id, q := range c.queues {
		s.Locks = append(s.Locks, inspect.Lock{ID: id, Queue: q})
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	return s
}

// Watch implements Source.
func (c *Cluster) Watch(ctx context.Context, _ ...string) <-chan inspect.Update {
	out := make(chan inspect.Update)
	w := &watcher{dirty: true}
	c.mu.Lock()
	c.watchers = append(c.watchers, w)
	c.mu.Unlock()
	go func() {
		defer close(out)
		for {
			c.mu.Lock()
			u := inspect.Update{Snapshot: c.snapshot(), Events: w.events, Err: c.down}
			send, wake := w.dirty, c.wake
			w.events, w.dirty = nil, false
			c.mu.Unlock()
			to := out
			if !send {
				to = nil
			}
			select {
			case to <- u:
			case <-wake:
				if !send {
					continue
				}
				c.mu.Lock()
				w.events, w.dirty = append(u.Events, w.events...), true
				c.mu.Unlock()
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// Leases implements Source.
func (c *Cluster) Leases(_ context.Context, leases []int64, _ inspect.Snapshot) (map[int64]inspect.Lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Calls.Add(1)
	c.ttlCalls = append(c.ttlCalls, leases)
	if c.down != nil {
		return nil, c.down
	}
	found := map[int64]inspect.Lease{}
	for _, l := range leases {
		found[l] = inspect.Lease{State: inspect.LeaseAlive, Granted: c.ttl, Remaining: c.ttl}
		if other, ok := c.lease[l]; ok {
			found[l] = other
		}
		found[l] = inTerm(found[l], c.term)
	}
	return found, nil
}

// SetOutside has snapshots be of some prefixes, and sessions have keys that have none of
// them.
func (c *Cluster) SetOutside(prefixes keyspace.Prefixes, keys map[int64]inspect.Outside) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prefixes, c.outside = prefixes, keys
}

// Outside implements Source.
func (c *Cluster) Outside(_ context.Context, lease int64, _ keyspace.Prefixes) (inspect.Outside, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Calls.Add(1)
	return c.outside[lease], c.down
}

// inTerm is an answer in a raft term.
func inTerm(l inspect.Lease, term uint64) inspect.Lease {
	l.Term = term
	return l
}

// SetTerm sets the raft term of the answers for leases, as a new leader does.
func (c *Cluster) SetTerm(term uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.term = term
}

// Status implements Health.
func (c *Cluster) Status(context.Context) (backend.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Calls.Add(1)
	return backend.Status{Revision: c.revision, Leader: "etcd-0", Members: 3}, c.down
}

// Queue returns the queue of a lock.
func (c *Cluster) Queue(id inspect.LockID) []inspect.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queues[id]
}

// Current returns the current revision.
func (c *Cluster) Current() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revision
}

// GoTo sets the current revision.
func (c *Cluster) GoTo(revision int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision = revision
}

// SetLease sets the answer for a lease.
func (c *Cluster) SetLease(id int64, l inspect.Lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lease == nil {
		c.lease = map[int64]inspect.Lease{}
	}
	c.lease[id] = l
}

// LookUps returns the leases of each look-up.
func (c *Cluster) LookUps() [][]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ttlCalls
}
