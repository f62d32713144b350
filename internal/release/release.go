// Package release removes lock requests of other clients by force. It is the only
// package that writes to keys of other clients.
//
// A release has two steps: a plan lists everything that would be removed, for the
// user to confirm, and Apply then removes exactly that or nothing.
package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
)

var (
	// ErrChanged is returned by Apply when a key has changed since the plan was
	// made. Nothing was removed.
	ErrChanged = errors.New("release: changed since the preview, so nothing was released")
	// ErrUnsure is returned by Apply when etcd's reply was lost and asking again
	// did not show whether the requests were removed.
	ErrUnsure = errors.New("release: etcd's reply was lost, so the requests may or may not have been released")
	// ErrGone is returned when there is nothing to release.
	ErrGone = errors.New("release: nothing to release")
	// ErrNoRequest is returned for a key that is neither a lock request nor in the way
	// of one.
	ErrNoRequest = errors.New("release: not the key of a lock request, and in the way of none")
	// ErrStillUsed is returned by Apply when the keys were removed, but the lease
	// was not revoked because it has other keys by now.
	ErrStillUsed = errors.New("release: the session has made new requests since, so its lease was not revoked")
)

// maxKeys is the number of operations in a transaction that etcd accepts by
// default (--max-txn-ops).
const maxKeys = 128

// Plan lists what a release would remove, as of one revision.
type Plan struct {
	Lease    int64             // to revoke; 0 when a single request would be removed
	Revision int64             // of etcd when the plan was made
	Gone     []inspect.Request // requests that would be removed
	Others   []string          // keys that are not lock requests, and would be removed too
	Granted  []inspect.Request // waiters that would be granted their lock

	keys    []plannedKey
	blocker *plannedKey // of a waiter: as long as it exists, the waiter has not been granted the lock
}

// plannedKey is a key and its mod revision when the plan was made. The key is
// unchanged as long as it has that mod revision.
type plannedKey struct {
	key      string
	modified int64
}

// Releaser plans releases and applies them.
type Releaser struct {
	conn *connect.Conn
}

// New returns a Releaser over a connection.
func New(conn *connect.Conn) *Releaser { return &Releaser{conn: conn} }

// PlanRequest plans to remove one request, or another key that requests wait for, by
// its key. It returns ErrGone or ErrNoRequest when there is no such key.
func (r *Releaser) PlanRequest(ctx context.Context, key string) (plan Plan, err error) {
	err = r.conn.Do(ctx, func(ctx context.Context) error {
		plan, err = r.planRequest(ctx, key)
		return err
	})
	return plan, err
}

// PlanSession plans to end a session: to revoke its lease, which removes all of
// its keys on whatever names. It returns ErrGone when there is no such lease.
func (r *Releaser) PlanSession(ctx context.Context, lease int64) (plan Plan, err error) {
	err = r.conn.Do(ctx, func(ctx context.Context) error {
		plan, err = r.planSession(ctx, lease)
		return err
	})
	return plan, err
}

func (r *Releaser) planRequest(ctx context.Context, key string) (Plan, error) {
	got, err := r.conn.Client.Get(ctx, key, clientv3.WithCountOnly())
	if err != nil {
		return Plan{}, fmt.Errorf("release: %w", err)
	}
	if got.Count == 0 {
		return Plan{}, fmt.Errorf("%w: no key %q", ErrGone, key)
	}
	plan := Plan{}
	if err := r.preview(ctx, &plan, key); err != nil {
		return Plan{}, err
	}
	if len(plan.keys) == 0 {
		return Plan{}, fmt.Errorf("%w: %q", ErrNoRequest, key)
	}
	return plan, plan.allAllowed()
}

func (r *Releaser) planSession(ctx context.Context, lease int64) (Plan, error) {
	keys, revision, err := r.attached(ctx, lease)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Lease: lease, Revision: revision}
	if err := r.preview(ctx, &plan, keys...); err != nil {
		return Plan{}, err
	}
	planned := map[string]bool{}
	for _, k := range plan.keys {
		planned[k.key] = true
	}
	rest := slices.DeleteFunc(keys, func(key string) bool { return planned[key] })
	for part := range slices.Chunk(rest, maxKeys) {
		if err := r.others(ctx, &plan, part); err != nil {
			return Plan{}, err
		}
	}
	return plan, plan.allAllowed()
}

// attached returns the keys of a lease, sorted, and the revision of the answer.
func (r *Releaser) attached(ctx context.Context, lease int64) (keys []string, revision int64, err error) {
	resp, err := r.conn.Client.TimeToLive(ctx, clientv3.LeaseID(lease), clientv3.WithAttachedKeys())
	if err != nil {
		return nil, 0, fmt.Errorf("release: the keys of lease %s: %w", format.Lease(lease), err)
	}
	if resp.TTL < 0 && resp.GrantedTTL <= 0 { // one that has expired is still there until etcd revokes it
		return nil, resp.Revision, fmt.Errorf("%w: no lease %s", ErrGone, format.Lease(lease))
	}
	keys = make([]string, 0, len(resp.Keys))
	for _, k := range resp.Keys {
		keys = append(keys, string(k))
	}
	slices.Sort(keys)
	return keys, resp.Revision, nil
}

// others adds keys of the plan's lease that are not lock requests to the plan: at most
// as many as a transaction reads.
func (r *Releaser) others(ctx context.Context, plan *Plan, keys []string) error {
	var reads []clientv3.Op
	for _, key := range keys {
		reads = append(reads, clientv3.OpGet(key, clientv3.WithKeysOnly()))
	}
	got, err := r.conn.Client.Txn(ctx).Then(reads...).Commit()
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	plan.Revision = max(plan.Revision, got.Header.Revision)
	for i, key := range keys {
		kvs := got.Responses[i].GetResponseRange().Kvs
		if len(kvs) == 0 {
			return fmt.Errorf("%w: the keys of lease %s are changing", ErrChanged, format.Lease(plan.Lease))
		}
		plan.Others = append(plan.Others, key)
		plan.keys = append(plan.keys, plannedKey{key, kvs[0].ModRevision})
	}
	return nil
}

// preview adds to the plan those keys that are requests, or in the way of some, and the
// waiters that would be granted a lock without them.
func (r *Releaser) preview(ctx context.Context, plan *Plan, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	snapshot, err := r.snapshot(ctx, keys)
	if err != nil {
		return err
	}
	without := snapshot.Without(keys...)
	plan.Revision = max(plan.Revision, snapshot.Revision)
	plan.Granted = without.Granted
	for _, r := range without.Gone {
		plan.keys = append(plan.keys, plannedKey{r.Key, r.Modified})
		if r.IsRequest() {
			plan.Gone = append(plan.Gone, *r)
		} else {
			plan.Others = append(plan.Others, r.Key)
		}
	}
	if plan.Lease == 0 && len(without.Gone) == 1 {
		plan.blocker = lastBlocker(snapshot, *without.Gone[0])
	}
	return nil
}

// snapshot reads all locks that the keys can be in the way of. A key is in the way of
// locks at any of the names above it; if the user may not read all of those, it reads
// the lock that the only key is a request for.
func (r *Releaser) snapshot(ctx context.Context, keys []string) (inspect.Snapshot, error) {
	prefix := keys[0]
	for _, key := range keys[1:] {
		for !strings.HasPrefix(key, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	top := prefix[:strings.IndexByte(prefix, '/')+1]
	s, err := r.conn.Source.Snapshot(ctx, top)
	if !errors.Is(err, rpctypes.ErrPermissionDenied) {
		return s, err
	}
	for _, name := range r.namesOf(keys) {
		prefix, err := r.conn.Source.Around(ctx, 0, name)
		if err != nil {
			return inspect.Snapshot{}, err
		}
		below, err := r.conn.Source.Snapshot(ctx, prefix)
		if err != nil {
			return inspect.Snapshot{}, err
		}
		s.Revision = max(s.Revision, below.Revision)
		s.Locks = append(s.Locks, slices.DeleteFunc(below.Locks, func(l inspect.Lock) bool { return l.ID.Name != name })...)
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	return s, nil
}

// namesOf returns the different names that keys can be requests for.
func (r *Releaser) namesOf(keys []string) []string {
	var names []string
	for _, key := range keys {
		for _, id := range r.conn.Source.Layouts().Locks(key) {
			if !slices.Contains(names, id) {
				names = append(names, id)
			}
		}
	}
	return names
}

// lastBlocker returns the last of the requests that waiter w waits for, which is
// the one likely to exist for longest. It returns nil for a request that does not wait.
func lastBlocker(s inspect.Snapshot, w inspect.Request) *plannedKey {
	lock, _ := s.Find(w.Lock)
	i := slices.IndexFunc(lock.Queue, func(q inspect.Request) bool { return q.Key == w.Key })
	if i < 0 || !w.Waiting() {
		return nil
	}
	blockers := lock.Blockers(i)
	last := blockers[len(blockers)-1]
	return &plannedKey{last.Key, last.Modified}
}
