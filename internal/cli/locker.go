package cli

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
	"etcd-lock/tui"
)

// What the locks that the terminal UI takes hang on.
const (
	lockerTTL   = 10 * time.Second
	lockerLabel = "tui"

	// closeTimeout bounds how long leaving waits for etcd.
	closeTimeout = 2 * time.Second
)

// locker takes locks for the user of the terminal UI. They all hang on one
// session, which is opened when it is first needed and again when it has died.
type locker struct {
	client  *clientv3.Client
	timeout time.Duration // with the opening of a session

	mu      sync.Mutex
	session *rwlock.Session
}

// Request prepares a request for a lock.
func (l *locker) Request(ctx context.Context, name string, mode keyspace.Mode) (tui.Ticket, error) {
	if name == "" {
		return nil, rwlock.ErrInvalidName
	}
	s, err := l.live(ctx)
	if err != nil {
		return nil, err
	}
	return &ticket{RWMutex: s.NewRWMutex(name, rwlock.WithLabel(lockerLabel)), mode: mode}, nil
}

// live is a session that has not died so far.
func (l *locker) live(ctx context.Context) (*rwlock.Session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session != nil && l.session.Ctx().Err() == nil {
		return l.session, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	s, err := rwlock.NewSession(ctx, l.client, lockerTTL)
	if err != nil {
		return nil, err
	}
	l.session = s
	return s, nil
}

// close ends the session, and with it whatever is still held or waited for. An
// etcd that does not answer will let it run out: no need to wait for that.
func (l *locker) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session == nil {
		return
	}
	closeSession(l.session)
	l.session = nil
}

// closeSession closes s in a bounded time.
func closeSession(s *rwlock.Session) {
	closed := make(chan struct{})
	go func() { // ends with the client at the latest
		defer close(closed)
		_ = s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
}

// ticket is one request for a lock.
type ticket struct {
	*rwlock.RWMutex
	mode keyspace.Mode
}

// Wait asks for the lock and blocks until it is held.
func (t *ticket) Wait(ctx context.Context) error {
	if t.mode == keyspace.Write {
		return t.RWLock(ctx)
	}
	return t.RLock(ctx)
}

// Release gives the lock back.
func (t *ticket) Release() error { return t.Unlock() }
