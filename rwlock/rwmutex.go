package rwlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/keyspace"
)

// RWMutex is one client's place at a read/write lock. It holds its lock for
// reading or for writing, once, or waits for it, or neither. Another RWMutex of
// the same name excludes it, be it on the same session or another. It is safe
// for concurrent use.
type RWMutex struct {
	session session
	name    string
	label   string

	mu   sync.Mutex
	req  *request // nil while neither held nor waited for
	held bool
}

// NewRWMutex returns a mutex for the lock called name, whose requests hang on
// s: when the session ends, its locks are released. Names are not paths: /a,
// /a/ and /a/b are different locks that never wait for each other.
//
// It makes no call to etcd. An empty name is reported by RLock and RWLock.
func NewRWMutex(s *concurrency.Session, name string, opts ...Option) *RWMutex {
	return newRWMutex(s, name, opts)
}

func newRWMutex(s session, name string, opts []Option) *RWMutex {
	m := &RWMutex{session: s, name: name}
	for _, opt := range opts {
		opt(m)
	}
	return m
}

// RLock takes the lock for reading, together with other readers. It waits for
// every writer that asked before.
//
// ctx bounds the wait only: once RLock has returned nil, the lock is held until
// Unlock or the end of the session. When ctx ends first, RLock returns an error
// that wraps ctx.Err and the request is taken back: at once where etcd answers,
// else in the background. It returns ErrSessionExpired as soon as the session
// ends, ErrLost when somebody deleted the waiting request, ErrBusy when this
// RWMutex holds or waits already.
func (m *RWMutex) RLock(ctx context.Context) error { return m.lock(ctx, keyspace.Read) }

// RWLock takes the lock for writing, alone. It waits for every reader and every
// writer that asked before. In all else it is like RLock.
func (m *RWMutex) RWLock(ctx context.Context) error { return m.lock(ctx, keyspace.Write) }

func (m *RWMutex) lock(ctx context.Context, mode keyspace.Mode) error {
	req, err := m.begin(mode)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s lock %q", mode, m.name)
	if ctx.Err() != nil || m.session.Ctx().Err() != nil {
		m.end()
		return explain(ctx, m.session, what, nil)
	}
	if err := req.acquire(ctx); err != nil {
		req.withdraw()
		m.end()
		return explain(ctx, m.session, what, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = true
	return nil
}

// begin makes the mutex's one request.
func (m *RWMutex) begin(mode keyspace.Mode) (*request, error) {
	if m.name == "" {
		return nil, ErrInvalidName
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.req != nil {
		return nil, ErrBusy
	}
	m.req = newRequest(m.session, m.name, mode, newOwner(m.label))
	return m.req, nil
}

// end forgets the request.
func (m *RWMutex) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.req, m.held = nil, false
}

// unlockPatience bounds Unlock.
const unlockPatience = 5 * time.Second

// Unlock gives the lock back. It returns ErrNotHeld when this RWMutex does not
// hold it, and ErrLost when it was lost before: then somebody else may have
// held it since. It never touches another's request.
//
// When etcd does not answer within five seconds, Unlock returns an error and
// the removal goes on in the background for as long as the session lives. In
// either case the RWMutex is free for another acquisition.
func (m *RWMutex) Unlock() error {
	ctx, cancel := context.WithTimeout(context.Background(), unlockPatience)
	defer cancel()
	return m.UnlockContext(ctx)
}

// UnlockContext is Unlock bounded by ctx. A context that has ended does not
// leave the lock to its lease: UnlockContext still tries for half a second,
// and then in the background as Unlock does.
func (m *RWMutex) UnlockContext(ctx context.Context) error {
	req, err := m.giveUp()
	if err != nil {
		return err
	}
	defer m.end()
	if err := req.release(ctx); err != nil {
		if errors.Is(err, ErrLost) {
			return err
		}
		return fmt.Errorf("rwlock: unlock %q: %w", m.name, err)
	}
	return nil
}

// giveUp takes the hold away from the mutex, which stays busy until end.
func (m *RWMutex) giveUp() (*request, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.held {
		return nil, ErrNotHeld
	}
	m.held = false
	return m.req, nil
}

// Key is the etcd key of the request that holds the lock or waits for it, or
// empty when there is none.
func (m *RWMutex) Key() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.req == nil {
		return ""
	}
	return m.req.key
}

// Token is the fencing token of the held lock: the create revision of its key.
// Of two grants of one lock that exclude each other, the later has the larger
// token, so a store that refuses a token smaller than one it has seen refuses a
// client that lost its lock without knowing. It is 0 when the lock is not held.
func (m *RWMutex) Token() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.held {
		return 0
	}
	return m.req.rev
}
