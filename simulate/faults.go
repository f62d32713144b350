package simulate

import (
	"context"
	"fmt"
	"time"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Faults makes faults in a cluster that is there for that. A call returns when
// the fault is made; for Start, when the member serves again.
type Faults interface {
	Kill(ctx context.Context, m scenario.Member) error
	Stop(ctx context.Context, m scenario.Member) error
	Start(ctx context.Context, m scenario.Member) error
	Cut(ctx context.Context, client string) error
	Heal(ctx context.Context, client string) error
}

// faultInjector makes the faults of a scenario.
type faultInjector struct {
	faults []scenario.Fault
	at     []time.Duration // when, from the start
	by     Faults
	record *record
	ledger *ledger
	clock  *Clock
}

// run makes one fault after the other until ctx ends: those that are due when
// all clients are done are not made.
func (s *faultInjector) run(ctx context.Context, start time.Duration) error {
	for i, f := range s.faults {
		if !s.clock.wait(ctx, plan.Later(start, s.at[i]), f.String()) {
			return nil
		}
		s.ledger.say(outcome.Event{Moment: scenario.Faulty, Place: f.Place, Line: f.String()})
		if err := s.inject(ctx, f); err != nil && ctx.Err() == nil {
			return fmt.Errorf("line %d: %s: %w", f.Line, f, err)
		}
	}
	return nil
}

func (s *faultInjector) inject(ctx context.Context, f scenario.Fault) error {
	switch f.Do {
	case scenario.FaultKill:
		return s.by.Kill(ctx, f.Member)
	case scenario.FaultStop:
		return s.by.Stop(ctx, f.Member)
	case scenario.FaultStart:
		return s.by.Start(ctx, f.Member)
	case scenario.FaultCut:
		return s.each(ctx, f.Clients, s.by.Cut)
	case scenario.FaultHeal:
		return s.each(ctx, f.Clients, s.by.Heal)
	default:
		return s.compact(ctx)
	}
}

func (s *faultInjector) each(ctx context.Context, clients []string, do func(context.Context, string) error) error {
	for _, c := range clients {
		if err := do(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return nil
}

// compact throws etcd's history away, up to what has been recorded of it.
func (s *faultInjector) compact(ctx context.Context) error {
	rev, err := s.record.revision(ctx)
	if err != nil {
		return err
	}
	_, err = s.record.client.Compact(ctx, rev)
	return err
}
