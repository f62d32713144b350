package simulate

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/simulate/verify"

	"etcd-lock/internal/locks"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

const (
	// tellSlack is how late a client may hear of what is its own, on a busy
	// machine.
	tellSlack = 3 * time.Second
)

// record is what etcd does to the locks of a scenario. Each has a recorder of
// its own: what else is in etcd is none of the run's business.
type record struct {
	client    *clientv3.Client
	locks     []string // by their names in etcd
	recorders []*verify.Recorder
}

func newRecord(ctx context.Context, client *clientv3.Client, prefix string, sc *scenario.Scenario, clock func() time.Duration) (*record, error) {
	r := &record{client: client}
	for _, name := range sc.Locks() {
		rec, err := verify.Record(ctx, client, prefix+name+"/", clock)
		if err != nil {
			r.close()
			return nil, fmt.Errorf("recording lock %q: %w", prefix+name, err)
		}
		r.locks, r.recorders = append(r.locks, prefix+name), append(r.recorders, rec)
	}
	return r, nil
}

func (r *record) close() {
	for _, rec := range r.recorders {
		rec.Close()
	}
}

// revision is up to where everything has been recorded, which is all that has
// happened by the time of the call.
func (r *record) revision(ctx context.Context) (int64, error) {
	if len(r.recorders) == 0 {
		resp, err := r.client.Get(ctx, "etcd-lock", clientv3.WithCountOnly())
		if err != nil {
			return 0, err
		}
		return resp.Header.Revision, nil
	}
	rev := int64(math.MaxInt64)
	for _, rec := range r.recorders {
		if _, err := rec.History(ctx); err != nil {
			return 0, err
		}
		rev = min(rev, rec.Revision())
	}
	return rev, nil
}

// history is all that happened to the locks, as one history. Keys of locks nested
// below are recorded with several, and told of once.
func (r *record) history(ctx context.Context) (verify.History, error) {
	all := verify.History{Since: math.MaxInt64}
	for i, rec := range r.recorders {
		h, err := rec.History(ctx)
		if err != nil {
			return all, err
		}
		all.Since = min(all.Since, h.Since)
		all.Before = append(all.Before, changesFor(r.locks[i], h.Before)...)
		all.Changes = append(all.Changes, changesFor(r.locks[i], h.Changes)...)
	}
	byRevision := func(a, b verify.Change) int { return cmp.Compare(a.Revision, b.Revision) }
	slices.SortStableFunc(all.Before, byRevision)
	slices.SortStableFunc(all.Changes, byRevision)
	return all, nil
}

// changesFor are the changes to requests for one lock.
func changesFor(lock string, changes []verify.Change) []verify.Change {
	var own []verify.Change
	for _, c := range changes {
		if key, ok := keyspace.ParseRWLock(c.Key); ok && key.Name == lock {
			own = append(own, c)
		}
	}
	return own
}

// judge says what of the run must not be. What clients held that could not close
// their sessions goes with their leases, and is waited for.
func (s *stage) judge(ctx context.Context, remain []*player, result *outcome.Result) error {
	if err := s.drain(ctx, remain); err != nil {
		return err
	}
	history, err := s.record.history(ctx)
	if err != nil {
		return fmt.Errorf("what etcd did: %w", err)
	}
	// A key without a lease is left by whoever put it.
	seen := verify.Seen{Waits: s.ledger.waits, Sessions: map[int64]string{0: "nobody"}}
	for _, p := range s.players {
		seen.Sessions[int64(p.session.Lease())] = p.Name
	}
	for _, h := range s.ledger.holds {
		seen.Holds = append(seen.Holds, h.Hold)
	}
	result.Holds = seen.Holds
	result.Verdict = verify.Judge(seen, history, verify.Options{Slack: s.lateness()})
	for _, v := range result.Verdict.Violations {
		result.Failures = append(result.Failures, outcome.Failure{File: s.scenario.File, Place: s.ledger.place(v.Holds), Of: string(v.Kind), Msg: v.Text})
	}
	for _, f := range result.Verdict.Fenced {
		s.ledger.fenced(f)
	}
	return nil
}

// lateness is how late clients may hear of what is their own. It is not judged
// where faults keep them from etcd: then that is no fault of the locks.
func (s *stage) lateness() time.Duration {
	if slices.ContainsFunc(s.scenario.Faults, func(f scenario.Fault) bool { return f.Do != scenario.FaultCompact }) {
		return 0
	}
	return s.slack
}

// drain waits for the leases of clients that could not close their sessions, as
// long as they hold anything and may live.
func (s *stage) drain(ctx context.Context, remain []*player) error {
	if len(remain) == 0 {
		return nil
	}
	patience, sessions := time.Duration(0), map[int64]string{}
	for _, p := range remain {
		patience = max(patience, 2*p.session.TTL()+locks.LeaseSlack)
		sessions[int64(p.session.Lease())] = p.Name
	}
	timed, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := s.record.revision(timed); err != nil { // so that what they hold has been recorded
		return fmt.Errorf("what etcd did: %w", err)
	}
	for _, rec := range s.record.recorders {
		if err := rec.Drained(timed, sessions); err != nil && timed.Err() == nil {
			return fmt.Errorf("what etcd did: %w", err)
		}
	}
	return ctx.Err() // what is left after that is judged
}

// place is where the last of the steps stands that took holds.
func (l *ledger) place(holds []verify.Hold) scenario.Place {
	if len(holds) == 0 {
		return scenario.Place{}
	}
	return l.noted(holds[len(holds)-1]).place
}

// noted is what the ledger knows of a hold.
func (l *ledger) noted(h verify.Hold) *recordedHold {
	i := slices.IndexFunc(l.holds, func(n *recordedHold) bool {
		return n.Client == h.Client && n.Lock == h.Lock && n.Stages[0] == h.Stages[0]
	})
	if i < 0 {
		return &recordedHold{}
	}
	return l.holds[i]
}

// fenced says of a late holder that a token fenced it.
func (l *ledger) fenced(f verify.Fence) {
	late := l.noted(f.Late)
	e := outcome.Event{
		At: late.known, Client: f.Late.Client, Moment: scenario.Fenced, Place: late.place,
		Token: f.Late.Stages[len(f.Late.Stages)-1].Token,
		Line:  outcome.FencedLine(f.Late.Client, f.Other.Client),
	}
	l.events = append(l.events, e)
	if l.log != nil {
		l.log(e)
	}
}
