package console

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/gate"
	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
	"etcd-lock/tui/backend"
)

// locker makes clients with which the user of the terminal UI acquires locks.
type locker struct {
	connect func(ctx context.Context, client string, opts ...grpc.DialOption) (*clientv3.Client, error)
	timeout time.Duration // to connect and open a session, and to delete a key

	mu      sync.Mutex
	clients []*client
}

// Client implements backend.Locker.
func (l *locker) Client(label string, ttl time.Duration) backend.Client {
	c := &client{locker: l, label: label, ttl: ttl}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clients = append(l.clients, c)
	return c
}

// close closes the connections of clients whose sessions could not be closed. An
// etcd that does not answer will let their leases expire.
func (l *locker) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		if s := c.latest(); s != nil {
			s.disconnect()
		}
	}
}

// client is a client with one session at a time.
type client struct {
	*locker
	label string
	ttl   time.Duration

	changing sync.Mutex // held while a session is opened or ended

	mu      sync.Mutex
	session *session // the latest; nil: none was opened
}

// session is a session of a client, over a connection of its own.
type session struct {
	*rwlock.Session
	gate   *gate.Gate
	client *clientv3.Client
	life   backend.Life // as far as this program ends or pauses it
}

// Open implements backend.Client.
func (c *client) Open(ctx context.Context) error {
	_, err := c.alive(ctx)
	return err
}

// Request implements backend.Client.
func (c *client) Request(ctx context.Context, name string, mode keyspace.Mode) (backend.Ticket, error) {
	if name == "" {
		return nil, rwlock.ErrInvalidName
	}
	s, err := c.alive(ctx)
	if err != nil {
		return nil, err
	}
	return &ticket{RWMutex: s.NewRWMutex(name, rwlock.WithLabel(c.label)), mode: mode, session: s.Session, timeout: c.timeout}, nil
}

// alive returns a session that is alive, opened now if there is none.
func (c *client) alive(ctx context.Context) (*session, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	if err := ctx.Err(); err != nil { // the client was closed while this waited
		return nil, err
	}
	s := c.latest()
	if s != nil && s.Ctx().Err() == nil {
		return s, nil
	}
	if s != nil {
		s.disconnect()
	}
	s, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	return s, nil
}

// open connects and opens a session.
func (c *client) open(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	s := &session{gate: gate.New(), life: backend.Alive}
	var err error
	if s.client, err = c.connect(ctx, c.label, s.gate.Options()...); err != nil {
		return nil, err
	}
	if s.Session, err = rwlock.NewSession(ctx, s.client, c.ttl); err != nil {
		_ = s.client.Close()
		return nil, err
	}
	return s, nil
}

func (c *client) latest() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Pause implements backend.Client.
func (c *client) Pause() { c.setPaused(backend.Paused, (*gate.Gate).Shut) }

// Resume implements backend.Client.
func (c *client) Resume() { c.setPaused(backend.Alive, (*gate.Gate).Open) }

// setPaused pauses or resumes the session unless it has ended.
func (c *client) setPaused(life backend.Life, move func(*gate.Gate)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.session; s != nil && (s.life == backend.Alive || s.life == backend.Paused) {
		s.life = life
		move(s.gate)
	}
}

// Crash implements backend.Client.
func (c *client) Crash() {
	c.changing.Lock()
	defer c.changing.Unlock()
	if s := c.end(backend.Crashed); s != nil {
		s.disconnect()
	}
}

// Close implements backend.Client.
func (c *client) Close() error {
	c.changing.Lock()
	defer c.changing.Unlock()
	s := c.end(backend.Closed)
	if s == nil {
		return nil
	}
	s.gate.Open()
	err := s.Close()
	s.disconnect()
	return err
}

// end marks the session as ended in the way of life, and returns it. It returns nil
// if there is none or it has been ended before.
func (c *client) end(life backend.Life) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.session
	if s == nil || s.life == backend.Closed || s.life == backend.Crashed {
		return nil
	}
	s.life = life
	return s
}

// disconnect closes the connection, whatever is going on over it. It may be called
// again.
func (s *session) disconnect() {
	s.gate.Crash()
	_ = s.client.Close()
}

// State implements backend.Client.
func (c *client) State() backend.ClientState {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.session
	if s == nil {
		return backend.ClientState{}
	}
	state := backend.ClientState{Lease: int64(s.Lease()), Life: s.life, TTL: s.TTL(), Until: s.Deadline()}
	if state.Life == backend.Alive && s.Ctx().Err() != nil {
		state.Life, state.Why = backend.Expired, context.Cause(s.Ctx())
	}
	return state
}
