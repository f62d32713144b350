package rwlock

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// Semaphore is one client of a semaphore: a lock that several clients can hold at once. It has
// a number of permits, of which a request takes its weight. Requests are granted in the order
// in which etcd received them: one that takes many permits waits until they are free, and later
// ones wait behind it, so that it is not overtaken for ever.
//
// A Semaphore holds the permits of one request, waits for them, or neither. Two Semaphores of
// one name share its permits, on the same session or on two. It is safe for concurrent use.
//
// All clients of a name should be told the same number of permits. Where they are not, for
// instance while a change is rolled out, a request counts with the smallest number that it or
// any request ahead of it says: so no client holds permits together with others beyond what
// any of them was told.
//
// Use a name for one kind of lock only. Acquire returns ErrOtherKind when the name is in use as
// a read/write lock. An RWMutex does not look for semaphores.
type Semaphore struct {
	hold    hold
	name    string
	permits int
}

// NewSemaphore returns a client of the semaphore called name, which has a number of permits.
// Its requests live on session s: when the session ends, its permits are released. Names are
// not paths, as those of an RWMutex. Of the options, WithLabel and WithHook apply.
//
// It makes no call to etcd. Acquire returns ErrInvalidName for an empty name, and
// ErrInvalidPermits for less than one permit or more than a billion.
func NewSemaphore(s *concurrency.Session, name string, permits int, opts ...Option) *Semaphore {
	return newSemaphore(s, name, permits, opts)
}

// NewSemaphore returns a client of the semaphore called name, like the function NewSemaphore.
// Its requests live on this session.
func (s *Session) NewSemaphore(name string, permits int, opts ...Option) *Semaphore {
	return newSemaphore(s, name, permits, opts)
}

func newSemaphore(s session, name string, permits int, opts []Option) *Semaphore {
	return &Semaphore{hold: hold{session: s, options: newOptions(opts), names: []string{name}}, name: name, permits: permits}
}

// Acquire acquires weight permits, of which there has to be at least one and at most as many as
// the semaphore has. It waits until they and those of all earlier requests are no more than the
// permits. It waits and fails as RWMutex.RWLock does.
func (s *Semaphore) Acquire(ctx context.Context, weight int) error {
	_, err := s.acquire(ctx, weight)
	return err
}

func (s *Semaphore) acquire(ctx context.Context, weight int) (*loss, error) {
	return s.run(ctx, weight, (*request).acquire)
}

// TryAcquire acquires weight permits if so many are free and no other request waits, and
// returns ErrLocked otherwise. A try that is refused never enters the queue.
func (s *Semaphore) TryAcquire(ctx context.Context, weight int) error {
	_, err := s.tryAcquire(ctx, weight)
	return err
}

func (s *Semaphore) tryAcquire(ctx context.Context, weight int) (*loss, error) {
	return s.run(ctx, weight, (*request).tryAcquire)
}

// run makes a request for weight permits, which f acquires.
func (s *Semaphore) run(ctx context.Context, weight int, f func(*request, context.Context) error) (*loss, error) {
	lock := LockRequest{Name: s.name, Mode: Slot, Weight: weight, Permits: s.permits}
	if weight < 1 {
		return nil, named(ErrInvalidPermits, permitsText(weight, s.permits, s.name))
	}
	if err := lock.check(); err != nil {
		return nil, err
	}
	req := newRequest(s.hold.session, []LockRequest{lock}, newOwner(s.hold.options.label))
	return s.hold.acquire(ctx, req, func(ctx context.Context) error { return f(req, ctx) })
}

// Do acquires weight permits, calls f, and releases them, also when f panics. The context of f
// ends with ctx, or when the permits are lost, as that of RWMutex.RWDo does.
func (s *Semaphore) Do(ctx context.Context, weight int, f func(context.Context) error) error {
	return s.hold.do(ctx, func(ctx context.Context) (*loss, error) { return s.acquire(ctx, weight) }, f)
}

// TryDo is Do with TryAcquire: it returns ErrLocked without calling f when it would have to
// wait.
func (s *Semaphore) TryDo(ctx context.Context, weight int, f func(context.Context) error) error {
	return s.hold.do(ctx, func(ctx context.Context) (*loss, error) { return s.tryAcquire(ctx, weight) }, f)
}

// Release releases the permits, as RWMutex.Unlock does. It returns ErrNotHeld when there are
// none, and ErrLost when they were lost before.
func (s *Semaphore) Release() error { return s.hold.unlockInTime(nil) }

// ReleaseContext is like Release, bounded by ctx as RWMutex.UnlockContext is.
func (s *Semaphore) ReleaseContext(ctx context.Context) error { return s.hold.unlock(ctx, nil) }

// Token returns the create revision of the key by which the permits are held, or 0 when none
// are. Later requests have larger ones, and are granted later. Holders of a semaphore hold it
// together, so a store cannot refuse tokens smaller than the largest it has seen: only if all
// permits are taken at once, as by a lock for writing, is that safe. Use Guard.
func (s *Semaphore) Token() int64 { return s.hold.token() }

// Lost returns a channel that closes when the permits are lost. See RWMutex.Lost.
func (s *Semaphore) Lost() <-chan struct{} { return s.hold.lost() }

// Wanted returns a channel that closes when another request waits for permits of the semaphore,
// as RWMutex.Wanted does: all who hold permits are told, since it is granted when enough of them
// are released. The user needs the permission to read all keys from <name>/slot/.
func (s *Semaphore) Wanted() <-chan struct{} {
	s.hold.mu.Lock()
	defer s.hold.mu.Unlock()
	if !s.hold.held {
		return nil
	}
	return s.hold.loss.wanted(s.hold.req.entries[:1])
}

// Valid reports whether permits are held, as far as is known, as RWMutex.Valid does.
func (s *Semaphore) Valid() bool { return s.hold.isValid() }

// Until returns when the permits are lost unless the session is renewed before, as
// RWMutex.Until does.
func (s *Semaphore) Until() time.Time { return s.hold.until() }

// Key returns the etcd key by which the permits are held or waited for, or "". See RWMutex.Key.
func (s *Semaphore) Key() string {
	if req := s.hold.requested(); req != nil {
		return req.firstKey()
	}
	return ""
}

// Guard returns a condition for a transaction of the caller, which is true while the permits
// are held by this hold. When none are held, the condition is never true.
func (s *Semaphore) Guard() clientv3.Cmp {
	if req, _ := s.hold.current(); req != nil {
		return req.entries[0].guard()
	}
	return never(s.name)
}

// Ahead reads the requests ahead of the waiting one, in the order of the queue, with those that
// hold permits. See RWMutex.Ahead.
func (s *Semaphore) Ahead(ctx context.Context) ([]Ahead, error) { return s.hold.ahead(ctx) }
