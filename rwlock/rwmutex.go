package rwlock

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// RWMutex is one client's place at a read/write lock. It holds its lock for
// reading or for writing, once, or waits for it, or neither. Another RWMutex of
// the same name excludes it, be it on the same session or another. It is safe
// for concurrent use.
type RWMutex struct {
	hold
	name string
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
	return &RWMutex{hold: hold{session: s, options: newOptions(opts)}, name: name}
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
func (m *RWMutex) RLock(ctx context.Context) error {
	_, err := m.lock(ctx, Read)
	return err
}

// RWLock takes the lock for writing, alone. It waits for every reader and every
// writer that asked before. In all else it is like RLock.
func (m *RWMutex) RWLock(ctx context.Context) error {
	_, err := m.lock(ctx, Write)
	return err
}

// TryRLock takes the lock for reading if that needs no waiting, and returns
// ErrLocked if it does, which a writer that waits is reason enough for. A try
// that is refused never was in the queue.
func (m *RWMutex) TryRLock(ctx context.Context) error { return m.try(ctx, Read) }

// TryRWLock takes the lock for writing if nobody holds it or waits for it, and
// returns ErrLocked otherwise. A try that is refused never was in the queue.
func (m *RWMutex) TryRWLock(ctx context.Context) error { return m.try(ctx, Write) }

// RDo calls f while holding the lock for reading. See RWDo.
func (m *RWMutex) RDo(ctx context.Context, f func(context.Context) error) error {
	return m.do(ctx, func(ctx context.Context) (*loss, error) { return m.lock(ctx, Read) }, f)
}

// RWDo takes the lock for writing, calls f, and unlocks, also when f panics.
// The context that f gets ends with ctx, or when the lock is lost; then
// context.Cause is ErrLost or ErrSessionExpired; a lease that was revoked can show
// as either. It returns the error of the
// acquisition, or else those of f and of Unlock, joined.
func (m *RWMutex) RWDo(ctx context.Context, f func(context.Context) error) error {
	return m.do(ctx, func(ctx context.Context) (*loss, error) { return m.lock(ctx, Write) }, f)
}

// Key is the etcd key of the request that holds the lock or waits for it, or
// empty when there is none. Of an upgraded or downgradable hold it is the
// writer's.
func (m *RWMutex) Key() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.req == nil {
		return ""
	}
	return m.req.firstKey()
}

// Guard is a condition for a transaction of the caller's own: it is true while
// this hold lasts, so that what the transaction does is done under the lock or
// not at all. When nothing is held, it is never true.
func (m *RWMutex) Guard() clientv3.Cmp {
	if req, _ := m.current(); req != nil {
		return req.claims[0].guard()
	}
	return never(m.name)
}

// never is a condition that no transaction meets.
func never(name string) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(name), "<", 0)
}

func (m *RWMutex) lock(ctx context.Context, mode Mode) (*loss, error) {
	if m.name == "" {
		return nil, ErrInvalidName
	}
	req := m.request(mode)
	return m.take(ctx, req, req.acquire)
}

func (m *RWMutex) try(ctx context.Context, mode Mode) error {
	if m.name == "" {
		return ErrInvalidName
	}
	req := m.request(mode)
	_, err := m.take(ctx, req, req.tryAcquire)
	return err
}

func (m *RWMutex) request(mode Mode) *request {
	req := newRequest(m.session, []LockRequest{{Name: m.name, Mode: mode}}, newOwner(m.options.label))
	if mode == Write && m.options.downgradable {
		req.claim(m.name, Read)
	}
	return req
}
