package tui

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// cluster is an etcd of the tests' own: a Source and a Locker over queues in
// memory.
type cluster struct {
	now func() time.Time

	mu       sync.Mutex
	revision int64
	down     error
	queues   map[inspect.LockID][]inspect.Request
	watchers []*watcher
	wake     chan struct{} // closed and made anew by every change
	ttlCalls [][]int64
	ttl      time.Duration
	lease    map[int64]inspect.Lease // that are not as ttl says
	calls    atomic.Int64            // of Leases, Request, Status, Load and Save
	past     []inspect.Event
}

// watcher keeps what its reader has not read yet.
type watcher struct {
	events []inspect.Event
	dirty  bool
}

func newCluster(now func() time.Time) *cluster {
	return &cluster{
		now: now, revision: 100, ttl: 9 * time.Second,
		queues: map[inspect.LockID][]inspect.Request{}, wake: make(chan struct{}),
	}
}

// put adds a request at the end of a queue.
func (c *cluster) put(r inspect.Request) inspect.Request {
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

// remove deletes a key and reports whether it was there.
func (c *cluster) remove(id inspect.LockID, key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.queues[id])
	c.revision++
	c.change(id, slices.DeleteFunc(slices.Clone(c.queues[id]), func(r inspect.Request) bool { return r.Key == key }))
	return len(c.queues[id]) < before
}

func (c *cluster) setDown(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = err
	c.notify(nil)
}

// change puts a queue in place and tells what that meant.
func (c *cluster) change(id inspect.LockID, queue []inspect.Request) {
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
			add(inspect.EventAcquired, r)
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
	}
	if len(queue) == 0 {
		delete(c.queues, id)
	}
	c.past = append(c.past, events...)
	c.notify(events)
}

func (c *cluster) notify(events []inspect.Event) {
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

func (c *cluster) snapshot() inspect.Snapshot {
	s := inspect.Snapshot{Revision: c.revision}
	for id, q := range c.queues {
		s.Locks = append(s.Locks, inspect.Lock{ID: id, Queue: q})
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int {
		return strings.Compare(a.ID.Name+"\x00"+string(a.ID.Layout), b.ID.Name+"\x00"+string(b.ID.Layout))
	})
	return s
}

// Watch implements Source.
func (c *cluster) Watch(ctx context.Context, _ string) <-chan inspect.Update {
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
func (c *cluster) Leases(_ context.Context, leases []int64) (map[int64]inspect.Lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Add(1)
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
	}
	return found, nil
}

// Status implements Health.
func (c *cluster) Status(context.Context) (Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Add(1)
	return Status{Revision: c.revision, Leader: "etcd-0", Members: 3}, c.down
}

// Request implements Locker.
func (c *cluster) Request(ctx context.Context, name string, mode keyspace.Mode) (Ticket, error) {
	c.calls.Add(1)
	return &ticket{c: c, id: inspect.LockID{Layout: keyspace.RWLock, Name: name}, mode: mode}, ctx.Err()
}

// ticket is a request in a cluster's queue.
type ticket struct {
	c    *cluster
	id   inspect.LockID
	mode keyspace.Mode

	mu  sync.Mutex
	key string
	rev int64
}

func (t *ticket) Token() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rev
}

func (t *ticket) Key() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.key
}

func (t *ticket) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := t.c.put(inspect.Request{
		Lock: t.id, Mode: t.mode, Lease: 0x694d8f9b0a1c2d3e, Since: t.c.now(), Owned: true,
		Owner: keyspace.Owner{Host: "laptop", PID: 4711, Program: "etcd-lock"},
	})
	t.mu.Lock()
	t.key, t.rev = r.Key, r.Revision
	t.mu.Unlock()
	for {
		t.c.mu.Lock()
		wake := t.c.wake
		i := slices.IndexFunc(t.c.queues[t.id], func(q inspect.Request) bool { return q.Key == r.Key })
		held := i >= 0 && t.c.queues[t.id][i].Holding
		t.c.mu.Unlock()
		switch {
		case i < 0:
			return errors.New("session expired")
		case held:
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			t.c.remove(t.id, r.Key)
			return ctx.Err()
		}
	}
}

func (t *ticket) Release() error {
	if !t.c.remove(t.id, t.Key()) {
		return errors.New("lost")
	}
	return nil
}

// play is Scenarios whose run is a function.
type play struct {
	list []Scenario
	run  func(ctx context.Context, name string, log func(string)) error
}

func (p play) List() []Scenario { return p.list }

func (p play) Run(ctx context.Context, name string, log func(string)) error {
	return p.run(ctx, name, log)
}
