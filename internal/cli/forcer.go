package cli

import (
	"context"
	"io"
	"time"

	"etcd-lock/internal/release"
	"etcd-lock/tui/backend"
)

// forcer lets the terminal UI end what belongs to others.
type forcer struct {
	remote  *remote
	planner *release.Planner
	log     io.Writer // for audits
	now     func() time.Time
}

// Request implements backend.Releaser.
func (r *forcer) Request(ctx context.Context, key string) (backend.Release, error) {
	return r.plan(ctx, func(ctx context.Context) (release.Plan, error) { return r.planner.Request(ctx, key) })
}

// Session implements backend.Releaser.
func (r *forcer) Session(ctx context.Context, lease int64) (backend.Release, error) {
	return r.plan(ctx, func(ctx context.Context) (release.Plan, error) { return r.planner.Session(ctx, lease) })
}

func (r *forcer) plan(ctx context.Context, look func(context.Context) (release.Plan, error)) (backend.Release, error) {
	var plan release.Plan
	err := r.remote.ask(ctx, func(ctx context.Context) (err error) {
		plan, err = look(ctx)
		return err
	})
	if err != nil {
		return backend.Release{}, err
	}
	return backend.Release{
		Lease: plan.Lease, Revision: plan.Revision, Gone: plan.Gone, Others: plan.Others, Granted: plan.Granted,
		Carry: func(ctx context.Context) (int64, error) {
			record := release.NewRecord(plan, r.now())
			return r.remote.carry(ctx, r.planner, plan, record, r.log)
		},
	}, nil
}
