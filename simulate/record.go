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
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// record is what etcd does to the locks of a scenario. Each lock has its own
// recorder, because other keys in etcd do not belong to the run.
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

// revision returns a revision up to which everything has been recorded. It is not
// older than the call.
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

// history returns what happened to all locks as one history. The keys of a lock that
// is nested below others are recorded with each of them, and returned once.
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

// changesFor returns the changes to requests for one lock.
func changesFor(lock string, changes []verify.Change) []verify.Change {
	var own []verify.Change
	for _, c := range changes {
		if key, ok := keyspace.ParseRWLock(c.Key); ok && key.Name == lock {
			own = append(own, c)
		} else if key, ok := keyspace.ParseSlot(c.Key); ok && key.Name == lock {
			own = append(own, c)
		}
	}
	return own
}
