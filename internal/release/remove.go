package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/format"
	"etcd-lock/internal/kine"
	"etcd-lock/internal/once"
)

// remove deletes the keys of the plan in one transaction if none of them has
// changed; otherwise it returns ErrChanged with the reason. It returns the
// revision at which the keys were removed.
//
// When etcd's reply is lost, it asks again: requests that are gone by then count
// as removed. It returns ErrUnsure when etcd did not answer that either.
//
// The lease of a session is revoked after its keys are removed, so that the
// client learns of it and nothing else is removed with it: a session that has
// made new requests since keeps its lease, with ErrStillUsed. A session with too many
// keys for a transaction is ended by revokeUnchanged.
func (r *Releaser) remove(ctx context.Context, plan Plan) (revision int64, err error) {
	if plan.InParts() {
		return r.revokeUnchanged(ctx, plan)
	}
	resp, unsure, err := r.commit(ctx, plan.guards(), plan.keys)
	switch {
	case err != nil && unsure:
		return 0, fmt.Errorf("%w: %w", ErrUnsure, err)
	case err != nil:
		return 0, fmt.Errorf("release: %w", err)
	}
	switch revision = resp.Header.Revision; {
	case resp.Succeeded:
	case unsure && plan.isRemoved(resp):
		revision = r.whenRemoved(ctx, plan, revision)
	default:
		return 0, fmt.Errorf("%w: %s", ErrChanged, plan.changed(resp))
	}
	if plan.Lease != 0 {
		err = r.revoke(ctx, plan.Lease)
	}
	return revision, err
}

// attempts is how often a call is made whose reply is lost.
const attempts = 5

func pauses() backoff.Exponential {
	return backoff.Exponential{First: 20 * time.Millisecond, Max: time.Second}
}

// commit sends a transaction until etcd has answered: it deletes keys if none of the
// guards has changed, and reads the guards otherwise. Unsure says that an earlier reply
// was lost, so that the transaction may have been carried out before.
func (r *Releaser) commit(ctx context.Context, guards, keys []plannedKey) (resp *clientv3.TxnResponse, unsure bool, err error) {
	var conditions []clientv3.Cmp
	var deletes, reads []clientv3.Op
	for _, k := range guards {
		conditions = append(conditions, clientv3.Compare(clientv3.ModRevision(k.key), "=", k.modified))
		reads = append(reads, clientv3.OpGet(k.key, clientv3.WithKeysOnly()))
	}
	for _, k := range keys {
		deletes = append(deletes, clientv3.OpDelete(k.key))
	}
	between := pauses()
	for attempt := 1; ; attempt++ {
		resp, err = once.KV(r.conn.Client).Txn(ctx).If(conditions...).Then(deletes...).Else(reads...).Commit()
		switch {
		case err == nil:
			return resp, unsure, nil
		case isRefused(err) && !unsure:
			return nil, false, err
		case attempt == attempts || !between.Pause(ctx):
			return nil, true, err
		}
		unsure = true
	}
}

// isRefused reports whether etcd itself says that it has not carried out a call.
func isRefused(err error) bool {
	var e rpctypes.EtcdError
	return errors.Is(err, kine.ErrTxn) || errors.As(err, &e) && !slices.Contains([]codes.Code{codes.Unavailable, codes.Unknown, codes.DeadlineExceeded, codes.Canceled}, e.Code())
}

// isRemoved reports whether the plan's keys are gone, given the reply to a
// transaction whose conditions were not met. A key that was modified is not.
func (plan Plan) isRemoved(resp *clientv3.TxnResponse) bool {
	for i, k := range plan.keys {
		kvs := resp.Responses[i].GetResponseRange().Kvs
		if len(kvs) > 0 && kvs[0].CreateRevision <= k.modified {
			return false
		}
	}
	return true
}

// whenRemoved returns the revision at which the plan's keys were removed, which
// were gone at revision by. It returns by when etcd's history does not say.
func (r *Releaser) whenRemoved(ctx context.Context, plan Plan, by int64) int64 {
	if len(plan.keys) == 0 {
		return by
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := plan.keys[0]
	for resp := range r.conn.Client.Watch(ctx, first.key, clientv3.WithRev(first.modified+1), clientv3.WithFilterPut()) {
		switch {
		case resp.Err() != nil:
			return by
		case len(resp.Events) > 0:
			return resp.Events[0].Kv.ModRevision
		}
	}
	return by
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

// revoke revokes a lease that has no keys left. It tries again while replies are
// lost.
func (r *Releaser) revoke(ctx context.Context, lease int64) error {
	between := pauses()
	for attempt := 1; ; attempt++ {
		err := r.revokeOnce(ctx, lease)
		switch {
		case err == nil || errors.Is(err, ErrStillUsed):
			return err
		case isRefused(err):
			return fmt.Errorf("release: the requests were removed, but revoking lease %s failed: %w", format.Lease(lease), err)
		case attempt == attempts || !between.Pause(ctx):
			return fmt.Errorf("release: the requests were removed, but lease %s may not be revoked: %w", format.Lease(lease), err)
		}
	}
}

func (r *Releaser) revokeOnce(ctx context.Context, lease int64) error {
	left, _, err := r.attached(ctx, lease)
	switch {
	case errors.Is(err, ErrGone): // by its client, or by an attempt whose reply was lost
		return nil
	case err != nil:
		return err
	case len(left) > 0:
		return fmt.Errorf("%w: it has %q", ErrStillUsed, left)
	}
	if _, err := r.conn.Client.Revoke(ctx, clientv3.LeaseID(lease)); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return err
	}
	return nil
}
