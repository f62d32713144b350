package simulate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Faults injects faults into a cluster that exists for that purpose. A call returns
// when the fault has taken effect; Start, when the member serves again.
type Faults interface {
	Kill(ctx context.Context, m scenario.Member) error
	Stop(ctx context.Context, m scenario.Member) error
	Start(ctx context.Context, m scenario.Member) error
	Cut(ctx context.Context, client string) error
	Heal(ctx context.Context, client string) error
}

// faultInjector injects the faults of a scenario.
type faultInjector struct {
	faults []scenario.Fault
	at     []time.Duration // when, since the common start
	to     Faults
	record *record
	ledger *ledger
	clock  *Clock
}

// run injects one fault after the other until ctx ends. Faults that are due when all
// clients are done are not injected.
func (i *faultInjector) run(ctx context.Context, start time.Duration) error {
	for n, f := range i.faults {
		if !i.clock.wait(ctx, plan.Later(start, i.at[n]), f.String()) {
			return nil
		}
		i.ledger.say(outcome.Event{Moment: scenario.Faulty, Place: f.Place, Line: f.String()})
		if err := i.inject(ctx, f); err != nil && ctx.Err() == nil {
			return fmt.Errorf("line %d: %s: %w", f.Line, f, err)
		}
	}
	return nil
}

func (i *faultInjector) inject(ctx context.Context, f scenario.Fault) error {
	switch f.Do {
	case scenario.FaultKill:
		return i.to.Kill(ctx, f.Member)
	case scenario.FaultStop:
		return i.to.Stop(ctx, f.Member)
	case scenario.FaultStart:
		return i.to.Start(ctx, f.Member)
	case scenario.FaultCut:
		return each(ctx, f.Clients, i.to.Cut)
	case scenario.FaultHeal:
		return each(ctx, f.Clients, i.to.Heal)
	default:
		return i.compact(ctx)
	}
}

func each(ctx context.Context, clients []string, do func(context.Context, string) error) error {
	for _, c := range clients {
		if err := do(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return nil
}

// compact compacts etcd's history, but only as far as it has been recorded. History that
// somebody else, such as etcd's own compaction, has compacted further is what was wanted.
func (i *faultInjector) compact(ctx context.Context) error {
	rev, err := i.record.revision(ctx)
	if err != nil {
		return err
	}
	if _, err = i.record.client.Compact(ctx, rev); errors.Is(err, rpctypes.ErrCompacted) {
		return nil
	}
	return err
}
