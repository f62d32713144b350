package cli

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/gate"
	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
	"etcd-lock/tui/backend"
)

// locker makes clients for the user of the terminal UI.
type locker struct {
	connect func(ctx context.Context, client string, opts ...grpc.DialOption) (*clientv3.Client, error)
	timeout time.Duration // with the opening of a session

	mu      sync.Mutex
	clients []*lockClient
}

// Client implements backend.Locker.
func (l *locker) Client(label string, ttl time.Duration) backend.Client {
	c := &lockClient{locker: l, label: label, ttl: ttl}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clients = append(l.clients, c)
	return c
}

// close ends the connections of clients whose sessions could not be closed: an
// etcd that does not answer will let them run out.
func (l *locker) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		c.cut()
	}
}

// lockClient is a client of the terminal UI's user.
type lockClient struct {
	*locker
	label string
	ttl   time.Duration

	turning sync.Mutex // held while a session is opened or ended

	mu   sync.Mutex
	turn *turn // the latest; nil: there was none
}

// turn is one session of a client, and its own way to etcd.
type turn struct {
	gate    *gate.Gate
	client  *clientv3.Client
	session *rwlock.Session
	life    backend.Life // as far as it is our doing
}

// Open implements backend.Client.
func (c *lockClient) Open(ctx context.Context) error {
	_, err := c.live(ctx)
	return err
}

// Request implements backend.Client.
func (c *lockClient) Request(ctx context.Context, name string, mode keyspace.Mode) (backend.Ticket, error) {
	if name == "" {
		return nil, rwlock.ErrInvalidName
	}
	s, err := c.live(ctx)
	if err != nil {
		return nil, err
	}
	return &ticket{RWMutex: s.NewRWMutex(name, rwlock.WithLabel(c.label)), mode: mode, session: s, timeout: c.timeout}, nil
}

// live is a session that has not ended so far.
func (c *lockClient) live(ctx context.Context) (*rwlock.Session, error) {
	c.turning.Lock()
	defer c.turning.Unlock()
	if err := ctx.Err(); err != nil { // it was closed meanwhile
		return nil, err
	}
	t := c.latest()
	if t != nil && t.session.Ctx().Err() == nil {
		return t.session, nil
	}
	if t != nil {
		t.cut()
	}
	next, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn = next
	return next.session, nil
}

func (c *lockClient) begin(ctx context.Context) (*turn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	t := &turn{gate: gate.New(), life: backend.Alive}
	var err error
	if t.client, err = c.connect(ctx, c.label, t.gate.Options()...); err != nil {
		return nil, err
	}
	if t.session, err = rwlock.NewSession(ctx, t.client, c.ttl); err != nil {
		_ = t.client.Close()
		return nil, err
	}
	return t, nil
}

func (c *lockClient) latest() *turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn
}

// Pause implements backend.Client.
func (c *lockClient) Pause() { c.became(backend.Paused, (*gate.Gate).Shut) }

// Resume implements backend.Client.
func (c *lockClient) Resume() { c.became(backend.Alive, (*gate.Gate).Open) }

// became pauses a session or lets it go on, unless it has ended.
func (c *lockClient) became(life backend.Life, move func(*gate.Gate)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.turn; t != nil && (t.life == backend.Alive || t.life == backend.Paused) {
		t.life = life
		move(t.gate)
	}
}

// Crash implements backend.Client.
func (c *lockClient) Crash() {
	c.turning.Lock()
	defer c.turning.Unlock()
	if t := c.end(backend.Crashed); t != nil {
		t.cut()
	}
}

// Close implements backend.Client.
func (c *lockClient) Close() error {
	c.turning.Lock()
	defer c.turning.Unlock()
	t := c.end(backend.Closed)
	if t == nil {
		return nil
	}
	t.gate.Open()
	err := t.session.Close()
	t.cut()
	return err
}

// end makes life the end of a session, and returns nil if it had one before.
func (c *lockClient) end(life backend.Life) *turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.turn
	if t == nil || t.life == backend.Closed || t.life == backend.Crashed {
		return nil
	}
	t.life = life
	return t
}

// cut ends the connection, whatever goes on over it.
func (c *lockClient) cut() {
	if t := c.latest(); t != nil {
		t.cut()
	}
}

func (t *turn) cut() {
	t.gate.Crash()
	_ = t.client.Close() // which may have been done before
}

// State implements backend.Client.
func (c *lockClient) State() backend.ClientState {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.turn
	if t == nil {
		return backend.ClientState{}
	}
	life := t.life
	if life == backend.Alive && t.session.Ctx().Err() != nil {
		life = backend.Expired
	}
	return backend.ClientState{Lease: int64(t.session.Lease()), Life: life, TTL: t.session.TTL(), Until: t.session.Deadline()}
}

// ticket is one request for a lock.
type ticket struct {
	*rwlock.RWMutex
	mode    keyspace.Mode
	session *rwlock.Session
	timeout time.Duration
	left    atomic.Pointer[string] // the key that Release could not remove; nil: none
}

// Wait asks for the lock and blocks until it is held.
func (t *ticket) Wait(ctx context.Context) error {
	if t.mode == keyspace.Write {
		return t.RWLock(ctx)
	}
	return t.RLock(ctx)
}

// Key implements backend.Ticket. A mutex forgets its key also where it could not
// remove it.
func (t *ticket) Key() string {
	if left := t.left.Load(); left != nil {
		return *left
	}
	return t.RWMutex.Key()
}

// Release implements backend.Ticket.
func (t *ticket) Release() error {
	if left := t.left.Load(); left != nil {
		return t.remove(*left)
	}
	key := t.RWMutex.Key()
	err := t.Unlock()
	switch {
	case err == nil:
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrNotHeld):
		return backend.ErrLost
	default:
		t.left.Store(&key)
	}
	return err
}

// remove removes the key of what was held. When it is not there, an earlier try
// has removed it after all; when its session has ended, it goes with the lease.
func (t *ticket) remove(key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
	defer cancel()
	_, err := t.session.Client().Delete(ctx, key)
	if err != nil && t.session.Ctx().Err() != nil {
		return backend.ErrLost
	}
	return err
}
