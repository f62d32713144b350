package simulate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/locks"
	"etcd-lock/simulate/internal/logline"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// notifySlack is how late a client may be notified of a grant or a loss, on a busy
// machine.
const notifySlack = 3 * time.Second

// judge adds the promises that locks broke in the run. remain are the players that
// could not close their sessions: it waits until their leases have expired.
func (s *stage) judge(ctx context.Context, remain []*player, result *outcome.Result) error {
	if err := s.drain(ctx, remain); err != nil {
		return err
	}
	history, err := s.record.history(ctx)
	if err != nil {
		return fmt.Errorf("reading what etcd did: %w", err)
	}
	// A key without a lease stays, whoever put it.
	seen := verify.Seen{Waits: s.ledger.waits, Sessions: map[int64]string{0: "an unknown client"}}
	for _, p := range s.players {
		seen.Sessions[int64(p.session.Lease())] = p.Name
	}
	for _, h := range s.ledger.holds {
		seen.Holds = append(seen.Holds, h.Hold)
	}
	result.Verdict = verify.Judge(seen, history, verify.Options{Slack: s.judgedSlack()})
	for _, v := range result.Verdict.Violations {
		result.Failures = append(result.Failures, outcome.Failure{File: s.scenario.File, Place: s.ledger.place(v.Holds), Of: string(v.Kind), Msg: v.Text})
	}
	for _, f := range result.Verdict.Fenced {
		s.ledger.fenced(f)
	}
	return nil
}

// judgedSlack returns how late clients may be notified, or 0 if that is not judged:
// faults that keep clients from etcd delay notifications, and locks cannot help it.
func (s *stage) judgedSlack() time.Duration {
	if slices.ContainsFunc(s.scenario.Faults, func(f scenario.Fault) bool { return f.Do != scenario.FaultCompact }) {
		return 0
	}
	return s.slack
}

// drain waits until the clients that could not close their sessions hold nothing any
// more, or until their leases must have expired.
func (s *stage) drain(ctx context.Context, remain []*player) error {
	if len(remain) == 0 {
		return nil
	}
	longest, sessions := time.Duration(0), map[int64]string{}
	for _, p := range remain {
		longest = max(longest, 2*p.session.TTL()+locks.LeaseSlack)
		sessions[int64(p.session.Lease())] = p.Name
	}
	timed, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if _, err := s.record.revision(timed); err != nil { // so that their holds have been recorded
		return fmt.Errorf("reading what etcd did: %w", err)
	}
	for _, rec := range s.record.recorders {
		if err := rec.Drained(timed, sessions); err != nil && timed.Err() == nil {
			return fmt.Errorf("reading what etcd did: %w", err)
		}
	}
	return ctx.Err() // if anything is left, that is judged
}

// fenced adds the event of a late holder that a token fenced. It is dated back to
// when the holder learned of its loss.
func (l *ledger) fenced(f verify.Fence) {
	late := l.noted(f.Late)
	e := outcome.Event{
		At: late.learnedAt, Client: f.Late.Client, Moment: scenario.Fenced, Place: late.place,
		Token: f.Late.Stages[len(f.Late.Stages)-1].Token,
		Line:  logline.Fenced(f.Late.Client, f.Other.Client),
	}
	l.events = append(l.events, e)
	if l.log != nil {
		l.log(e)
	}
}
