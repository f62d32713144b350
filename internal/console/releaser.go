package cli

import (
	"context"
	"io"
	"time"

	"etcd-lock/internal/release"
	"etcd-lock/tui"
)

// forcer lets the terminal UI end what belongs to others.
type forcer struct {
	*release.Releaser
	log io.Writer // for audits
	now func() time.Time
}

// Request implements tui.Releaser.
func (r *forcer) Request(ctx context.Context, key string) (tui.Release, error) {
	return r.plan(ctx, func(ctx context.Context) (release.Plan, error) { return r.PlanRequest(ctx, key) })
}

// Session implements tui.Releaser.
func (r *forcer) Session(ctx context.Context, lease int64) (tui.Release, error) {
	return r.plan(ctx, func(ctx context.Context) (release.Plan, error) { return r.PlanSession(ctx, lease) })
}

func (r *forcer) plan(ctx context.Context, look func(context.Context) (release.Plan, error)) (tui.Release, error) {
	plan, err := look(ctx)
	if err != nil {
		return tui.Release{}, err
	}
	return tui.Release{
		Lease: plan.Lease, Revision: plan.Revision, Gone: plan.Gone, Others: plan.Others, Granted: plan.Granted,
		Carry: func(ctx context.Context) (int64, error) {
			return r.Apply(ctx, plan, release.Audit{Log: r.log, Now: r.now})
		},
	}, nil
}
