// Package release removes lock requests of other clients by force. It is the only
// package that writes to keys of other clients.
//
// A release has two steps: a plan lists everything that would be removed, for the
// user to confirm, and Apply then removes exactly that or nothing.
package release

import (
	"cmp"
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
	"etcd-lock/internal/keyspace"
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
	// ErrNoSession is returned for a request that the end of no session removes.
	ErrNoSession = errors.New("release: there is no session to end")
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
	Others   []inspect.Request // other keys that would be removed too; see inspect.Request.AsOther
	Granted  []inspect.Request // waiters that would be granted their lock

	keys    []plannedKey
	blocker *plannedKey // of a waiter: as long as it exists, the waiter has not been granted the lock
}

// OtherKeys returns the keys of Others, and those of them that are requests for locks of
// which only a part was read.
func (plan Plan) OtherKeys() (keys, partial []string) {
	for _, o := range plan.Others {
		keys = append(keys, o.Key)
		if o.Cut {
			partial = append(partial, o.Key)
		}
	}
	return keys, partial
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

// PlanSessionOf is PlanSession for the session of a request. It returns ErrNoSession if the end
// of that would not remove the request.
func (r *Releaser) PlanSessionOf(ctx context.Context, request inspect.Request) (Plan, error) {
	if request.Lease != 0 {
		plan, err := r.PlanSession(ctx, request.Lease)
		removes := slices.ContainsFunc(plan.keys, func(k plannedKey) bool { return k.key == request.Key })
		if !errors.Is(err, ErrGone) && (err != nil || removes) {
			return plan, err
		}
	}
	return Plan{}, fmt.Errorf("%w: %s is attached to no lease", ErrNoSession, request.Key)
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
	unread, err := r.preview(ctx, &plan, key)
	switch {
	case err != nil:
		return Plan{}, err
	case len(plan.keys) > 0:
		return plan, plan.allAllowed()
	case isCut(key, unread):
		return plan, r.others(ctx, &plan, []string{key}, unread)
	default:
		return Plan{}, fmt.Errorf("%w: %q", ErrNoRequest, key)
	}
}

func (r *Releaser) planSession(ctx context.Context, lease int64) (Plan, error) {
	keys, revision, err := r.attached(ctx, lease)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Lease: lease, Revision: revision}
	unread, err := r.preview(ctx, &plan, keys...)
	if err != nil {
		return Plan{}, err
	}
	planned := map[string]bool{}
	for _, k := range plan.keys {
		planned[k.key] = true
	}
	rest := slices.DeleteFunc(keys, func(key string) bool { return planned[key] })
	for part := range slices.Chunk(rest, maxKeys) {
		if err := r.others(ctx, &plan, part, unread); err != nil {
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

// others adds keys of the plan's lease that count as no lock requests to the plan: at most
// as many as a transaction reads.
func (r *Releaser) others(ctx context.Context, plan *Plan, keys, unread []string) error {
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
			return fmt.Errorf("%w: %q is gone", ErrChanged, key)
		}
		plan.Others = append(plan.Others, inspect.Request{
			Key: key, Lease: kvs[0].Lease, Revision: kvs[0].CreateRevision, Modified: kvs[0].ModRevision, Cut: isCut(key, unread),
		})
		plan.keys = append(plan.keys, plannedKey{key, kvs[0].ModRevision})
	}
	return nil
}

// preview adds to the plan those keys that are requests, or in the way of some, and the
// waiters that would be granted a lock without them. It returns the names of locks that the
// user may not read.
func (r *Releaser) preview(ctx context.Context, plan *Plan, keys ...string) (unread []string, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	snapshot, unread, err := r.snapshot(ctx, keys)
	if err != nil {
		return nil, err
	}
	without := snapshot.Without(keys...)
	plan.Revision = max(plan.Revision, snapshot.Revision)
	plan.Granted = without.Granted
	for _, r := range without.Gone {
		plan.keys = append(plan.keys, plannedKey{r.Key, r.Modified})
		if r.IsRequest() {
			plan.Gone = append(plan.Gone, *r)
		} else {
			plan.Others = append(plan.Others, *r)
		}
	}
	if plan.Lease == 0 && len(without.Gone) == 1 {
		plan.blocker = lastBlocker(snapshot, *without.Gone[0])
	}
	return unread, nil
}

// snapshot reads all locks that the keys can be in the way of. A key is in the way of
// locks at any of the names above it; if the user may not read all of those, it reads
// those that the keys can be requests for. It returns the names of those that are unread, because
// the user may not read all of their requests.
func (r *Releaser) snapshot(ctx context.Context, keys []string) (s inspect.Snapshot, unread []string, err error) {
	prefix := keys[0]
	for _, key := range keys[1:] {
		for !strings.HasPrefix(key, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	top := prefix[:strings.IndexByte(prefix, '/')+1]
	s, err = r.conn.Source.Snapshot(ctx, top)
	if !errors.Is(err, rpctypes.ErrPermissionDenied) {
		return s, nil, err
	}
	var read keyspace.Prefixes
	names := r.namesOf(keys)
	if len(names) == 0 {
		return inspect.Snapshot{}, nil, err
	}
	for _, name := range names {
		prefix, err := r.conn.Source.Around(ctx, 0, name)
		if err != nil {
			return inspect.Snapshot{}, nil, err
		}
		if len(read) > 0 && read.Has(prefix) { // with that of a shorter name
			continue
		}
		below, err := r.conn.Source.Snapshot(ctx, prefix)
		switch {
		case errors.Is(err, rpctypes.ErrPermissionDenied) && r.areCut(keys, name):
			unread = append(unread, name)
			continue
		case err != nil:
			return inspect.Snapshot{}, nil, err
		}
		read = append(read, prefix)
		s.Revision = max(s.Revision, below.Revision)
		s.Locks = append(s.Locks, below.Locks...)
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	return s, unread, nil
}

// areCut reports whether all keys that can be requests for a name are those of package rwlock,
// which say what they are. Another key may be one that must not be deleted.
func (r *Releaser) areCut(keys []string, name string) bool {
	return !slices.ContainsFunc(keys, func(key string) bool {
		return slices.Contains(r.conn.Source.Layouts().Locks(key), name) && !isCut(key, []string{name})
	})
}

// isCut reports whether a key is a request for a lock that the user may not read.
func isCut(key string, unread []string) bool {
	k, ok := keyspace.ParseRWLock(key)
	if !ok {
		k, ok = keyspace.ParseSlot(key)
	}
	return ok && slices.Contains(unread, k.Name)
}

// namesOf returns the different names that keys can be requests for, the shortest first.
func (r *Releaser) namesOf(keys []string) []string {
	var names []string
	for _, key := range keys {
		for _, id := range r.conn.Source.Layouts().Locks(key) {
			if !slices.Contains(names, id) {
				names = append(names, id)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
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
