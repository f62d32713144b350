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
	"strconv"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/once"
)

var (
	// ErrChanged is returned by Apply when a key has changed since the plan was
	// made. Nothing was removed.
	ErrChanged = errors.New("release: changed since the preview, so nothing was released")
	// ErrGone is returned when there is nothing to release.
	ErrGone = errors.New("release: nothing to release")
	// ErrNoRequest is returned for a key that is not a lock request.
	ErrNoRequest = errors.New("release: not the key of a lock request")
	// ErrTooMany is returned for a session with more keys than fit into one
	// transaction.
	ErrTooMany = errors.New("release: the session has too many keys for one transaction")
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
	Others   []string          // keys of the lease that are not lock requests, and would be removed too
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

// PlanRequest plans to remove one request, by its key. It returns ErrGone or
// ErrNoRequest when there is no such request.
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
	got, err := r.conn.Client.Get(ctx, key)
	if err != nil {
		return Plan{}, fmt.Errorf("release: %w", err)
	}
	if len(got.Kvs) == 0 {
		return Plan{}, fmt.Errorf("%w: no key %q", ErrGone, key)
	}
	parsed, ok := keyspace.Parse(key, got.Kvs[0].Lease)
	if !ok {
		return Plan{}, fmt.Errorf("%w: %q", ErrNoRequest, key)
	}
	plan := Plan{}
	if err := r.preview(ctx, &plan, parsed.Name, []string{key}); err != nil {
		return Plan{}, err
	}
	if len(plan.Gone) == 0 {
		return Plan{}, fmt.Errorf("%w: no key %q", ErrGone, key)
	}
	return plan, nil
}

func (r *Releaser) planSession(ctx context.Context, lease int64) (Plan, error) {
	keys, revision, err := r.attached(ctx, lease)
	if err != nil {
		return Plan{}, err
	}
	if len(keys) > maxKeys {
		err := fmt.Errorf("%w: it has %d", ErrTooMany, len(keys))
		return Plan{}, hint.Add(err, fmt.Sprintf("etcdctl lease revoke %x revokes it without a preview", lease))
	}
	plan := Plan{Lease: lease, Revision: revision}
	var names []string
	for _, key := range keys {
		if parsed, ok := keyspace.Parse(key, lease); ok {
			if !slices.Contains(names, parsed.Name) {
				names = append(names, parsed.Name)
			}
			continue
		}
		if err := r.other(ctx, &plan, key, lease); err != nil {
			return Plan{}, err
		}
	}
	for _, name := range names {
		if err := r.preview(ctx, &plan, name, keys); err != nil {
			return Plan{}, err
		}
	}
	return plan, nil
}

// attached returns the keys of a lease, sorted, and the revision of the answer.
func (r *Releaser) attached(ctx context.Context, lease int64) (keys []string, revision int64, err error) {
	resp, err := r.conn.Client.TimeToLive(ctx, clientv3.LeaseID(lease), clientv3.WithAttachedKeys())
	if err != nil {
		return nil, 0, fmt.Errorf("release: the keys of lease %x: %w", lease, err)
	}
	if resp.TTL < 0 {
		return nil, 0, fmt.Errorf("%w: no lease %x", ErrGone, lease)
	}
	keys = make([]string, 0, len(resp.Keys))
	for _, k := range resp.Keys {
		keys = append(keys, string(k))
	}
	slices.Sort(keys)
	return keys, resp.Revision, nil
}

// other adds a key that is not a lock request to the plan.
func (r *Releaser) other(ctx context.Context, plan *Plan, key string, lease int64) error {
	got, err := r.conn.Client.Get(ctx, key, clientv3.WithKeysOnly())
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if len(got.Kvs) == 0 {
		return fmt.Errorf("%w: the keys of lease %x are changing", ErrChanged, lease)
	}
	plan.Revision = max(plan.Revision, got.Header.Revision)
	plan.Others = append(plan.Others, key)
	plan.keys = append(plan.keys, plannedKey{key, got.Kvs[0].ModRevision})
	return nil
}

// preview adds to the plan those keys that are requests for name, and the waiters
// that would be granted the lock without them.
func (r *Releaser) preview(ctx context.Context, plan *Plan, name string, keys []string) error {
	snapshot, err := r.conn.Source.Snapshot(ctx, name+"/")
	if err != nil {
		return err
	}
	locks := slices.DeleteFunc(slices.Clone(snapshot.Locks), func(l inspect.Lock) bool { return l.ID.Name != name })
	snapshot.Locks = locks
	without := snapshot.Without(keys...)
	plan.Revision = max(plan.Revision, snapshot.Revision)
	plan.Gone = append(plan.Gone, without.Gone...)
	plan.Granted = append(plan.Granted, without.Granted...)
	for _, r := range without.Gone {
		plan.keys = append(plan.keys, plannedKey{r.Key, r.Modified})
	}
	if plan.Lease == 0 && len(without.Gone) == 1 {
		plan.blocker = lastBlocker(snapshot, without.Gone[0])
	}
	return nil
}

// lastBlocker returns the last of the requests that waiter w waits for, which is
// the one likely to exist for longest. It returns nil for a holder.
func lastBlocker(s inspect.Snapshot, w inspect.Request) *plannedKey {
	lock, _ := s.Find(w.Lock)
	i := slices.IndexFunc(lock.Queue, func(q inspect.Request) bool { return q.Key == w.Key })
	if i < 0 || w.Holding {
		return nil
	}
	blockers := lock.Blockers(i)
	last := blockers[len(blockers)-1]
	return &plannedKey{last.Key, last.Modified}
}

// remove deletes the keys of the plan in one transaction if none of them has
// changed; otherwise it returns ErrChanged with the reason. It returns the
// revision at which the keys were removed.
//
// The lease of a session is revoked after its keys are removed, so that the
// client learns of it and nothing else is removed with it: a session that has
// made new requests since keeps its lease, with ErrStillUsed.
func (r *Releaser) remove(ctx context.Context, plan Plan) (revision int64, err error) {
	var conditions []clientv3.Cmp
	var deletes, reads []clientv3.Op
	for _, k := range plan.guards() {
		conditions = append(conditions, clientv3.Compare(clientv3.ModRevision(k.key), "=", k.modified))
		reads = append(reads, clientv3.OpGet(k.key, clientv3.WithKeysOnly()))
	}
	for _, k := range plan.keys {
		deletes = append(deletes, clientv3.OpDelete(k.key))
	}
	resp, unsure, err := r.commit(ctx, func(txn clientv3.Txn) clientv3.Txn {
		return txn.If(conditions...).Then(deletes...).Else(reads...)
	})
	if err != nil {
		return 0, fmt.Errorf("release: %w", err)
	}
	if done := unsure && plan.done(resp); !resp.Succeeded && !done {
		return 0, fmt.Errorf("%w: %s", ErrChanged, plan.changed(resp))
	}
	if plan.Lease != 0 {
		err = r.revoke(ctx, plan.Lease)
	}
	return resp.Header.Revision, err
}

// attempts is how often a transaction is sent whose reply gets lost.
const attempts = 3

// commit sends a transaction until etcd has answered. Unsure says that an earlier
// reply was lost, so that the transaction may have been carried out before.
func (r *Releaser) commit(ctx context.Context, with func(clientv3.Txn) clientv3.Txn) (resp *clientv3.TxnResponse, unsure bool, err error) {
	for range attempts {
		resp, err = with(once.KV(r.conn.Client).Txn(ctx)).Commit()
		code := status.Code(err)
		if ctx.Err() != nil || code != codes.DeadlineExceeded && code != codes.Canceled {
			return resp, unsure, err
		}
		unsure = true
	}
	return nil, unsure, fmt.Errorf("no reply, so it may or may not have been done: %w", err)
}

// done reports whether all keys of the plan are gone as they were when it was made.
func (plan Plan) done(resp *clientv3.TxnResponse) bool {
	for i, k := range plan.keys {
		kvs := resp.Responses[i].GetResponseRange().Kvs
		if len(kvs) > 0 && kvs[0].CreateRevision <= k.modified {
			return false
		}
	}
	return true
}

// guards returns the keys that must not have changed.
func (plan Plan) guards() []plannedKey {
	if plan.blocker == nil {
		return plan.keys
	}
	return append(slices.Clone(plan.keys), *plan.blocker)
}

// changed says which of the keys has changed, by the answer of the transaction.
func (plan Plan) changed(resp *clientv3.TxnResponse) string {
	for i, k := range plan.guards() {
		kvs := resp.Responses[i].GetResponseRange().Kvs
		isBlocker := plan.blocker != nil && i == len(plan.keys)
		switch {
		case len(kvs) == 0 && isBlocker:
			return fmt.Sprintf("%q, which it was waiting for, is gone", k.key)
		case len(kvs) == 0:
			return fmt.Sprintf("%q is gone", k.key)
		case kvs[0].CreateRevision > k.modified:
			return fmt.Sprintf("%q was replaced by a new request at revision %d", k.key, kvs[0].CreateRevision)
		case kvs[0].ModRevision != k.modified:
			return fmt.Sprintf("%q was modified at revision %d", k.key, kvs[0].ModRevision)
		}
	}
	return "revision " + strconv.FormatInt(resp.Header.Revision, 10) // not reached: etcd said that one differs
}

// revoke revokes a lease that has no keys left.
func (r *Releaser) revoke(ctx context.Context, lease int64) error {
	left, _, err := r.attached(ctx, lease)
	switch {
	case errors.Is(err, ErrGone): // its client has revoked it already
		return nil
	case err != nil:
		return err
	case len(left) > 0:
		return fmt.Errorf("%w: it has %q", ErrStillUsed, left)
	}
	if _, err := r.conn.Client.Revoke(ctx, clientv3.LeaseID(lease)); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("release: the requests were removed, but revoking lease %x failed: %w", lease, err)
	}
	return nil
}
