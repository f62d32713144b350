package release

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/format"
)

// InParts reports whether the plan has too many keys for one transaction. Apply then
// checks them in parts before it revokes the lease, so a key that is attached to the
// lease during these checks is removed unseen.
func (plan Plan) InParts() bool { return len(plan.keys) > maxKeys }

// revokeUnchanged revokes the lease of a plan that is InParts, if it has exactly the
// plan's keys and none has changed; otherwise it returns ErrChanged with the reason. It
// returns the revision at which the keys were removed: all at once, with the lease.
//
// etcd revokes no lease in a transaction, and no transaction takes so many conditions.
// Deleting the keys in parts would be guarded to the end, but could stop half-way. So
// what is not noticed is what happens between the check of a key and the revocation. The
// check for new keys is last, since those are most likely to appear.
func (r *Releaser) revokeUnchanged(ctx context.Context, plan Plan) (revision int64, err error) {
	for part := range slices.Chunk(plan.keys, maxKeys) {
		resp, _, err := r.commit(ctx, part, nil)
		switch {
		case err != nil:
			return 0, fmt.Errorf("release: %w", err)
		case !resp.Succeeded:
			return 0, fmt.Errorf("%w: %s", ErrChanged, Plan{keys: part}.changed(resp))
		}
	}
	between := pauses()
	var revoking bool // a revocation has been sent, so the lease may be revoked
	for attempt := 1; ; attempt++ {
		revision, err := r.revokeWithKeys(ctx, plan, &revoking)
		switch {
		case err == nil || errors.Is(err, ErrChanged) && !revoking:
			return revision, err
		case isRefused(err) && !revoking:
			return 0, err
		case !errors.Is(err, ErrChanged) && attempt < attempts && between.Pause(ctx):
		case revoking:
			return 0, fmt.Errorf("%w: %w", ErrUnsure, err)
		default:
			return 0, err
		}
	}
}

// revokeWithKeys revokes the lease of a plan if it has exactly the plan's keys. Revoking
// says whether a revocation was sent before, whose reply was lost: a lease that is gone
// counts as revoked then. It is set before one is sent.
func (r *Releaser) revokeWithKeys(ctx context.Context, plan Plan, revoking *bool) (revision int64, err error) {
	keys, now, err := r.attached(ctx, plan.Lease)
	switch {
	case errors.Is(err, ErrGone) && *revoking:
		return r.whenRemoved(ctx, plan, now), nil
	case errors.Is(err, ErrGone):
		return 0, fmt.Errorf("%w: lease %s has ended", ErrChanged, format.Lease(plan.Lease))
	case err != nil:
		return 0, err
	}
	if change := plan.otherThan(keys); change != "" {
		return 0, fmt.Errorf("%w: %s", ErrChanged, change)
	}
	before := *revoking
	*revoking = true
	resp, err := r.conn.Client.Revoke(ctx, clientv3.LeaseID(plan.Lease))
	switch {
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return r.whenRemoved(ctx, plan, now), nil
	case err != nil:
		*revoking = before || !isRefused(err)
		return 0, fmt.Errorf("release: revoking lease %s: %w", format.Lease(plan.Lease), err)
	}
	return resp.Header.Revision, nil
}

// otherThan says how the keys of the plan differ from those that its lease has now, or
// returns "".
func (plan Plan) otherThan(now []string) string {
	planned := make(map[string]bool, len(plan.keys))
	for _, k := range plan.keys {
		planned[k.key] = true
	}
	for _, key := range now {
		if !planned[key] {
			return fmt.Sprintf("the session has a new key, %q", key)
		}
		delete(planned, key)
	}
	for _, k := range plan.keys {
		if planned[k.key] {
			return fmt.Sprintf("%q does not belong to the session any more", k.key)
		}
	}
	return ""
}
