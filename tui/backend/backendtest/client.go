package backendtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
)

// Client implements Locker.
func (c *Cluster) Client(label string, ttl time.Duration) backend.Client {
	return &Client{c: c, label: label, ttl: ttl}
}

// firstLabel is that of the client that takes locks where none was chosen.
const firstLabel = "tui"

// Client is a client of a cluster. Its lease never expires by itself.
type Client struct {
	c     *Cluster
	label string
	ttl   time.Duration

	mu    sync.Mutex
	state backend.ClientState
	Fail  error // of Open and Close
}

// Open opens a session, unless Fail is set.
func (f *Client) Open(ctx context.Context) error {
	f.c.Calls.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(ctx.Err(), f.Fail); err != nil || f.state.Life == backend.Alive || f.state.Life == backend.Paused {
		return err
	}
	lease := int64(0x694d8f9b0a1c2d3e)
	if f.state.Lease > 0 || f.label != firstLabel {
		lease = f.c.grant()
	}
	f.state = backend.ClientState{Lease: lease, Life: backend.Alive, TTL: max(f.ttl, f.c.LeastTTL), Until: f.c.now().Add(f.ttl)}
	return nil
}

// Request opens a session and returns a ticket.
func (f *Client) Request(ctx context.Context, name string, mode keyspace.Mode) (backend.Ticket, error) {
	if err := f.Open(ctx); err != nil {
		return nil, err
	}
	return &ticket{c: f.c, client: f, id: inspect.LockID{Layout: layout.RWLock, Name: name}, mode: mode, lease: f.State().Lease, label: f.label}, ctx.Err()
}

func (f *Client) turn(life backend.Life) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Life = life
}

// Pause changes the state only.
func (f *Client) Pause() { f.turn(backend.Paused) }

// Resume undoes Pause.
func (f *Client) Resume() { f.turn(backend.Alive) }

// Crash leaves the requests in their queues.
func (f *Client) Crash() { f.turn(backend.Crashed) }

// Close revokes the lease.
func (f *Client) Close() error {
	f.turn(backend.Closed)
	f.c.Revoke(f.State().Lease)
	return f.Fail
}

// Expire ends the session for that reason.
func (f *Client) Expire(why error) {
	f.mu.Lock()
	f.state.Life, f.state.Why = backend.Expired, why
	f.mu.Unlock()
	f.c.Revoke(f.State().Lease)
}

// State returns the state that was set last.
func (f *Client) State() backend.ClientState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (c *Cluster) grant() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leases++
	return 0x694d8f9b0a1d0000 + c.leases
}

// Revoke removes what hangs on a lease.
func (c *Cluster) Revoke(lease int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, q := range maps.Clone(c.queues) {
		rest := slices.DeleteFunc(slices.Clone(q), func(r inspect.Request) bool { return r.Lease == lease })
		if len(rest) < len(q) {
			c.revision++
			c.change(id, rest)
		}
	}
}

// ticket is a request in a cluster's queue.
type ticket struct {
	c      *Cluster
	client *Client
	id     inspect.LockID
	mode   keyspace.Mode
	lease  int64
	label  string

	mu  sync.Mutex
	key string
	rev int64
}

// Lost closes when the key goes.
func (t *ticket) Lost() <-chan struct{} {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if t.c.lost == nil {
		t.c.lost = map[string]chan struct{}{}
	}
	key, lost := t.Key(), make(chan struct{})
	if !slices.ContainsFunc(t.c.queues[t.id], func(r inspect.Request) bool { return r.Key == key }) {
		close(lost)
		return lost
	}
	t.c.lost[key] = lost
	return lost
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
	r := t.c.Put(inspect.Request{
		Lock: t.id, Mode: t.mode, Lease: t.lease, Since: t.c.now(), Owned: true,
		Owner: t.owner().Ref(),
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
			if t.client.State().Life != backend.Crashed { // else it is past taking anything back
				t.c.Remove(t.id, r.Key)
			}
			return ctx.Err()
		}
	}
}

func (t *ticket) owner() keyspace.Owner {
	o := keyspace.Owner{Host: "laptop", PID: 4711, Program: "etcd-lock"}
	if t.label != firstLabel {
		o.Label = t.label
	}
	return o
}

func (t *ticket) Release() error {
	if !t.c.Remove(t.id, t.Key()) {
		return backend.ErrLost
	}
	return nil
}

// NewTicket is a ticket for a request that is in a queue already.
func NewTicket(key string, revision int64) backend.Ticket { return &ticket{key: key, rev: revision} }

// ClientIn is a client whose session is in that state.
func ClientIn(state backend.ClientState) backend.Client { return &Client{state: state} }

// NewStuckTicket is a ticket whose release fails.
func NewStuckTicket(key string, err error) *stuckTicket { return &stuckTicket{key: key, err: err} }
