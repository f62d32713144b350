package backendtest

import (
	"context"
	"sync"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
)

// Locker makes clients that only ever make requests.
type Locker func() (backend.Ticket, error)

// Client makes a client that makes such requests.
func (f Locker) Client(string, time.Duration) backend.Client { return StuckClient{request: f} }

// StuckClient is a client whose Close blocks or fails.
type StuckClient struct {
	backend.Client
	request func() (backend.Ticket, error)
	Err     error
	Block   chan struct{}
}

// Request returns what the locker makes.
func (c StuckClient) Request(context.Context, string, keyspace.Mode) (backend.Ticket, error) {
	return c.request()
}

// State is that of a client without a session.
func (c StuckClient) State() backend.ClientState { return backend.ClientState{} }

// Close waits for Block, if that is set, and returns Err.
func (c StuckClient) Close() error {
	if c.Block != nil {
		<-c.Block
	}
	return c.Err
}

// stuckTicket is granted at once; releasing it may fail.
type stuckTicket struct {
	key string

	mu  sync.Mutex
	err error
}

func (s *stuckTicket) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *stuckTicket) Release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stuckTicket) Key() string                { return s.key }
func (s *stuckTicket) Token() int64               { return 1 }
func (s *stuckTicket) Wait(context.Context) error { return nil }
func (s *stuckTicket) Lost() <-chan struct{}      { return nil }
