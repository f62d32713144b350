package rwlock

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// Set takes several locks at once, each for reading or for writing: all of them
// or none. All requests are made in one transaction and so take their places in
// all queues at the same instant; sets that overlap never deadlock among each
// other, in whatever order they name their locks. (One who holds a lock and then
// waits for a Set can still be part of a deadlock.)
//
// The number of locks is bounded by etcd's --max-txn-ops, 128 by default: a
// write takes three operations, a read two. It is safe for concurrent use.
type Set struct {
	hold
	wants []LockRequest
}

// NewSet returns a set of the locks that are wanted. A name that is wanted twice
// is taken once, for writing if either wants that. It makes no call to etcd;
// empty names and an empty set are reported by Lock.
func NewSet(s *concurrency.Session, wants []LockRequest, opts ...Option) *Set {
	return newSet(s, wants, opts)
}

func newSet(s session, wants []LockRequest, opts []Option) *Set {
	return &Set{hold: hold{session: s, options: newOptions(opts)}, wants: merge(wants)}
}

// Lock takes all locks of the set. It waits and fails as RWMutex.RWLock does.
func (s *Set) Lock(ctx context.Context) error {
	_, err := s.lock(ctx)
	return err
}

func (s *Set) lock(ctx context.Context) (*loss, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	req := s.request()
	return s.take(ctx, req, req.acquire)
}

// TryLock takes all locks of the set if none of them needs waiting, and returns
// ErrLocked otherwise.
func (s *Set) TryLock(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	req := s.request()
	_, err := s.take(ctx, req, req.tryAcquire)
	return err
}

// Do calls f while holding all locks of the set, as RWMutex.RWDo does.
func (s *Set) Do(ctx context.Context, f func(context.Context) error) error {
	return s.do(ctx, s.lock, f)
}

// Guard are conditions for a transaction of the caller's own that are true
// while all locks are held. When nothing is held, they are never true.
func (s *Set) Guard() []clientv3.Cmp {
	req, _ := s.current()
	if req == nil {
		return []clientv3.Cmp{never("set")}
	}
	conds := make([]clientv3.Cmp, 0, len(req.claims))
	for _, c := range req.claims {
		conds = append(conds, c.guard())
	}
	return conds
}

// Keys are the etcd keys of the requests that hold the locks: one for each name,
// in the order in which the names were first wanted. It is nil when nothing is
// held.
func (s *Set) Keys() []string {
	req, _ := s.current()
	if req == nil {
		return nil
	}
	keys := make([]string, 0, len(req.claims))
	for _, c := range req.claims {
		keys = append(keys, c.key)
	}
	return keys
}

func (s *Set) request() *request {
	return newRequest(s.session, s.wants, newOwner(s.options.label))
}

func (s *Set) check() error {
	if len(s.wants) == 0 {
		return ErrInvalidName
	}
	for _, w := range s.wants {
		if w.Name == "" {
			return ErrInvalidName
		}
		if w.Mode != Read && w.Mode != Write {
			return ErrInvalidMode
		}
	}
	return nil
}

// merge makes one want of those for one name.
func merge(wants []LockRequest) []LockRequest {
	var merged []LockRequest
	at := map[string]int{}
	for _, w := range wants {
		i, twice := at[w.Name]
		if !twice {
			at[w.Name] = len(merged)
			merged = append(merged, w)
			continue
		}
		merged[i].Mode = max(merged[i].Mode, w.Mode)
	}
	return merged
}
