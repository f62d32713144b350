package console

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
	"etcd-lock/tui/backend"
)

// ticket is a request for a lock. It implements backend.Ticket.
type ticket struct {
	*rwlock.RWMutex
	mode       keyspace.Mode
	session    *rwlock.Session
	timeout    time.Duration
	unreleased atomic.Pointer[string] // the key that Release could not delete; nil: none
}

// Wait acquires the lock and blocks until it is held.
func (t *ticket) Wait(ctx context.Context) error {
	if t.mode == keyspace.Write {
		return t.RWLock(ctx)
	}
	return t.RLock(ctx)
}

// Key implements backend.Ticket. A mutex forgets its key also when it could not delete
// it, so the ticket remembers it.
func (t *ticket) Key() string {
	if key := t.unreleased.Load(); key != nil {
		return *key
	}
	return t.RWMutex.Key()
}

// Release implements backend.Ticket.
func (t *ticket) Release() error {
	if key := t.unreleased.Load(); key != nil {
		return t.delete(*key)
	}
	key := t.RWMutex.Key()
	err := t.Unlock()
	switch {
	case err == nil:
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrNotHeld):
		return backend.ErrLost
	default:
		t.unreleased.Store(&key)
	}
	return err
}

// delete deletes the key of a lock that was held. If the key does not exist, an
// earlier attempt has deleted it after all; if the session has ended, the key is
// deleted with the lease.
func (t *ticket) delete(key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
	defer cancel()
	_, err := t.session.Client().Delete(ctx, key)
	if err != nil && t.session.Ctx().Err() != nil {
		return backend.ErrLost
	}
	return err
}
