package console

import (
	"context"
	"fmt"

	"etcd-lock/internal/hint"
	"etcd-lock/internal/release"
	"etcd-lock/tui/backend"
)

// releaser releases requests of other clients for the terminal UI.
type releaser struct {
	*release.Releaser
	audit release.Audit
}

// Request implements backend.Releaser.
func (r *releaser) Request(ctx context.Context, key string) (backend.Release, error) {
	plan, err := r.PlanRequest(ctx, key)
	return r.release(plan, err)
}

// Session implements backend.Releaser.
func (r *releaser) Session(ctx context.Context, lease int64) (backend.Release, error) {
	plan, err := r.PlanSession(ctx, lease)
	return r.release(plan, err)
}

// release returns a plan as the terminal UI shows it.
func (r *releaser) release(plan release.Plan, err error) (backend.Release, error) {
	if err != nil {
		return backend.Release{}, withHint(err)
	}
	return backend.Release{
		Lease: plan.Lease, Revision: plan.Revision, Gone: plan.Gone, Others: plan.Others, Granted: plan.Granted, InParts: plan.InParts(),
		Apply: func(ctx context.Context) (int64, error) {
			revision, err := r.Apply(ctx, plan, r.audit)
			return revision, withHint(err)
		},
	}, nil
}

// withHint puts the hint of an error into its text: a screen has one line for both.
func withHint(err error) error {
	if h := hint.Of(err); h != "" {
		return fmt.Errorf("%w; %s", err, h)
	}
	return err
}
