package rwlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/backoff"
)

// RWMutex is one client of a read/write lock. It holds the lock for reading or for
// writing, waits for it, or neither; it holds it once at most. Two RWMutexes of the
// same name exclude each other, on the same session or on two. It is safe for
// concurrent use.
type RWMutex struct {
	hold hold
	name string
}

// NewRWMutex returns a mutex for the lock called name. Its requests live on
// session s: when the session ends, its locks are released. Names are not paths:
// /a, /a/ and /a/b are different locks that never wait for each other.
//
// It makes no call to etcd. RLock and RWLock return ErrInvalidName for an empty
// name.
func NewRWMutex(s *concurrency.Session, name string, opts ...Option) *RWMutex {
	return newRWMutex(s, name, opts)
}

func newRWMutex(s session, name string, opts []Option) *RWMutex {
	return &RWMutex{hold: hold{session: s, options: newOptions(opts), names: []string{name}}, name: name}
}

// RLock acquires the lock for reading, shared with other readers. It waits for
// every writer that requested the lock before.
//
// ctx bounds the wait only: once RLock has returned nil, the lock is held until
// Unlock or the end of the session. When ctx ends first, RLock returns an error
// that wraps ctx.Err, and the request is removed: at once if etcd answers, else in
// the background. It returns ErrSessionExpired or ErrSessionClosed as soon as the
// session ends, ErrLost when the waiting request was deleted, and ErrBusy when this
// RWMutex already holds the lock or waits for it.
func (m *RWMutex) RLock(ctx context.Context) error {
	_, err := m.lock(ctx, Read)
	return err
}

// RWLock acquires the lock for writing, exclusively. It waits for every reader and
// every writer that requested the lock before. Otherwise it is like RLock.
func (m *RWMutex) RWLock(ctx context.Context) error {
	_, err := m.lock(ctx, Write)
	return err
}

// TryRLock acquires the lock for reading if no writer holds it or waits for it,
// and returns ErrLocked otherwise. A try that is refused never enters the queue.
func (m *RWMutex) TryRLock(ctx context.Context) error {
	_, err := m.try(ctx, Read)
	return err
}

// TryRWLock acquires the lock for writing if no client holds it or waits for it,
// and returns ErrLocked otherwise. A try that is refused never enters the queue.
func (m *RWMutex) TryRWLock(ctx context.Context) error {
	_, err := m.try(ctx, Write)
	return err
}

// TryRDo is RDo with TryRLock: it returns ErrLocked without calling f when a writer holds the
// lock or waits for it.
func (m *RWMutex) TryRDo(ctx context.Context, f func(context.Context) error) error {
	return m.hold.do(ctx, func(ctx context.Context) (*loss, error) { return m.try(ctx, Read) }, f)
}

// TryRWDo is RWDo with TryRWLock: it returns ErrLocked without calling f when a client holds
// the lock or waits for it.
func (m *RWMutex) TryRWDo(ctx context.Context, f func(context.Context) error) error {
	return m.hold.do(ctx, func(ctx context.Context) (*loss, error) { return m.try(ctx, Write) }, f)
}

// RDo calls f while holding the lock for reading. Otherwise it is like RWDo.
func (m *RWMutex) RDo(ctx context.Context, f func(context.Context) error) error {
	return m.hold.do(ctx, func(ctx context.Context) (*loss, error) { return m.lock(ctx, Read) }, f)
}

// RWDo acquires the lock for writing, calls f, and unlocks, also when f panics.
// The context of f ends with ctx, or when the lock is lost; then its cause is
// ErrLost, ErrSessionExpired or ErrSessionClosed, or either of the first two after a
// lease was revoked. RWDo returns the error of the acquisition, or else the errors of
// f and of Unlock, joined. A loss that f returns, wrapped or not, as the cause of its
// context is not joined a second time.
func (m *RWMutex) RWDo(ctx context.Context, f func(context.Context) error) error {
	return m.hold.do(ctx, func(ctx context.Context) (*loss, error) { return m.lock(ctx, Write) }, f)
}

// keepPauses are those of Keep before it starts again.
var keepPauses = backoff.Exponential{First: 250 * time.Millisecond, Max: 15 * time.Second}

// Keep runs f while holding the lock name for writing, on a session of ttl of its own, and
// starts again when the session or the lock was lost: with a new session, and after a pause
// that grows from 250 ms to 15 s and is short again after each grant. The context of f ends
// with ctx, or when the lock is lost, with the cause that RWDo gives; token is the fencing
// token of the hold. Keep never calls f while an earlier call goes on, so f must return when
// its context ends.
//
// If f returns while it holds the lock, or after ctx has ended, Keep releases the lock and
// returns the error of f, also nil. What f returns after its hold was lost is dropped, and f
// is called again when the lock is granted again: so f must bear being repeated. Another
// process that runs Keep on the same name is granted the lock then, and calls its f: work that
// is to be done once has to look first whether it is done.
//
// Before f is called, Keep returns an error that wraps that of ctx when ctx has ended, and what
// trying again does not mend: an empty name, a ttl that is not possible, a refusal by etcd (such
// as a missing permission), and a closed client. An error of Unlock after f is not returned:
// closing the session gives up the lock too, or its lease expires.
func Keep(ctx context.Context, client *clientv3.Client, ttl time.Duration, name string, f func(ctx context.Context, token int64) error, opts ...Option) error {
	for pauses := keepPauses; ; {
		granted, done, err := keepOnce(ctx, client, ttl, name, f, opts)
		switch {
		case done:
			return err
		case client.Ctx().Err() != nil, errors.Is(err, ErrInvalidName), errors.Is(err, errInvalidTTL), isRefused(err):
			return err
		case granted:
			pauses = keepPauses
		}
		if !pauses.Pause(ctx) {
			return keepEnded(ctx, name, err)
		}
	}
}

// keepEnded returns the error of Keep after ctx has ended, which tells how the last attempt
// failed unless that was because of ctx.
func keepEnded(ctx context.Context, name string, last error) error {
	what := LockRequest{Name: name, Mode: Write}.text()
	if last == nil || errors.Is(last, ctx.Err()) {
		return fmt.Errorf("rwlock: keep %s: %w", what, ctx.Err())
	}
	return fmt.Errorf("rwlock: keep %s: %w; the last attempt failed: %s", what, ctx.Err(), last.Error())
}

// keepOnce runs f once for Keep. It reports whether f was called, and whether what f
// returned is the result.
func keepOnce(ctx context.Context, client *clientv3.Client, ttl time.Duration, name string, f func(context.Context, int64) error, opts []Option) (granted, done bool, err error) {
	s, err := NewSession(ctx, client, ttl)
	if err != nil {
		return false, false, err
	}
	defer func() { _ = s.Close() }()
	m := s.NewRWMutex(name, opts...)
	var result error
	err = m.RWDo(ctx, func(hold context.Context) error {
		granted = true
		result = f(hold, m.Token())
		done = hold.Err() == nil || ctx.Err() != nil
		return nil
	})
	if done {
		return granted, true, result
	}
	return granted, false, err
}

// Unlock releases the lock. It returns ErrNotHeld when the lock is not held, and
// ErrLost when it was lost before, so that another client may have held it since: at
// once if that is known already, and the session's end makes it known.
// It never deletes the request of another client.
//
// When the reply to the removal is lost and etcd then reports that the key does
// not exist, Unlock assumes that its own delete was carried out, unless the session
// is over or the loss was noticed before. It cannot know of a lost reply when
// something else repeats the removal: the client, if the caller has replaced its KV
// by one with a namespace for example, or a proxy in front of etcd. Then it returns
// ErrLost.
//
// When etcd does not answer within five seconds, Unlock returns an error and the
// removal goes on in the background while the session lives. In any case the mutex
// can be used for another acquisition afterwards.
func (m *RWMutex) Unlock() error { return m.hold.unlockInTime(nil) }

// UnlockContext is like Unlock, bounded by ctx instead of five seconds. If ctx has
// ended already, it still tries for half a second, and then in the background as
// Unlock does, so that the lock is not left to its lease.
func (m *RWMutex) UnlockContext(ctx context.Context) error { return m.hold.unlock(ctx, nil) }

// Token returns the fencing token of the lock held: the create revision of its
// key. Of two grants that exclude each other, the later one has the larger token.
// So a store that refuses tokens smaller than the largest it has seen refuses a
// client that lost its lock without knowing. Token returns 0 when the lock is not
// held.
func (m *RWMutex) Token() int64 { return m.hold.token() }

// Lost returns a channel that closes when the lock is lost: when its key is
// deleted other than by Unlock, or the session ends. It is the same channel until
// Unlock, which does not close it. It is nil, and so never closes, when the lock is
// not held. The first call opens a watch; it also detects a loss before the call.
//
// How early a loss is detected depends on the session: see Session.
func (m *RWMutex) Lost() <-chan struct{} { return m.hold.lost() }

// Key returns the etcd key of the request that holds the lock or waits for it, or
// "" when there is none, as while the caller waits in a local queue. For an upgraded or downgradable hold it is the writer's
// key.
func (m *RWMutex) Key() string {
	m.hold.mu.Lock()
	defer m.hold.mu.Unlock()
	if m.hold.req == nil || m.hold.waitsLocally() {
		return ""
	}
	if m.hold.place != nil {
		m.hold.place.taken = true
	}
	return m.hold.req.firstKey()
}

// Guard returns a condition for a transaction of the caller, which is true while
// the lock is held by this hold, so that the transaction is carried out under the
// lock or not at all. When the lock is not held, the condition is never true.
func (m *RWMutex) Guard() clientv3.Cmp {
	if req := m.hold.expose(); req != nil {
		return req.entries[0].guard()
	}
	return never(m.name)
}

// never returns a condition that is never true.
func never(name string) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(name), "<", 0)
}

func (m *RWMutex) lock(ctx context.Context, mode Mode) (*loss, error) {
	if m.name == "" {
		return nil, ErrInvalidName
	}
	if mode == Write && (m.hold.options.passes > 1 || m.hold.options.keep > 0) {
		return m.lockShared(ctx)
	}
	req := m.request(mode)
	return m.hold.acquire(ctx, req, req.acquire)
}

func (m *RWMutex) try(ctx context.Context, mode Mode) (*loss, error) {
	if m.name == "" {
		return nil, ErrInvalidName
	}
	req := m.request(mode)
	return m.hold.acquire(ctx, req, func(ctx context.Context) error {
		if mode == Write {
			if p := m.hold.takeKept(); p != nil {
				m.hold.takeOver(p, req)
				return nil
			}
		}
		return req.tryAcquire(ctx)
	})
}

func (m *RWMutex) request(mode Mode) *request {
	req := newRequest(m.hold.session, []LockRequest{{Name: m.name, Mode: mode}}, newOwner(m.hold.options.label))
	if mode == Write && m.hold.options.downgradable {
		req.add(m.name, Read)
	}
	return req
}
