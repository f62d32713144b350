package rwlock

import (
	"context"
	"math"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// tryAcquire puts the claims if nothing would be ahead of them, and returns
// ErrLocked otherwise. A refused try puts nothing, so nobody ever waits for it.
func (r *request) tryAcquire(ctx context.Context) error { return r.tryBeside(ctx, nil) }

// tryBeside is tryAcquire for one who holds own already, which does not count
// as being ahead and must still be there.
func (r *request) tryBeside(ctx context.Context, own *claim) error {
	for seen := int64(0); ; {
		resp, err := retry(ctx, func() (*clientv3.TxnResponse, error) { return r.putIfNoneSince(ctx, seen, own) })
		if err != nil {
			return err
		}
		if resp.Succeeded {
			r.put(resp.Header.Revision, resp.Header.Revision)
			return nil
		}
		last := resp.Responses[len(resp.Responses)-1].GetResponseRange()
		if len(last.Kvs) > 0 { // an earlier try had come through
			r.put(last.Kvs[0].CreateRevision, resp.Header.Revision)
			return nil
		}
		if !r.unsure { // nothing was put, nor will be
			r.asked = time.Time{}
		}
		if err := r.refused(resp, own); err != nil {
			return err
		}
		// What stands there is none of the lock's: keys of locks nested below.
		seen = resp.Header.Revision
	}
}

// putIfNoneSince puts the claims unless keys that can block them were put after
// the revision seen, at which the caller has found none that does.
func (r *request) putIfNoneSince(ctx context.Context, seen int64, own *claim) (*clientv3.TxnResponse, error) {
	conds := []clientv3.Cmp{r.absent()}
	if own != nil {
		conds = append(conds, own.guard())
	}
	for _, c := range r.claims {
		for _, m := range c.blockingModes() {
			newest := clientv3.CreateRevision(keyspace.Dir(c.name, m))
			conds = append(conds, clientv3.Compare(newest, "<", seen+1).WithPrefix())
		}
	}
	r.asked = time.Now()
	resp, err := r.session.Client().Txn(ctx).If(conds...).
		Then(r.puts()...).
		Else(append(r.getQueues(), r.getMine())...).Commit()
	r.unsure = r.unsure || err != nil
	return resp, err
}

// refused says why a try did not put its claims, or nil when there was no
// reason but what is none of the lock's.
func (r *request) refused(resp *clientv3.TxnResponse, own *claim) error {
	for _, queue := range r.queues(resp, math.MaxInt64) {
		if own != nil {
			if !slices.Contains(queue, own.place()) {
				return ErrLost
			}
			queue = without(queue, own.key)
		}
		if len(queue) > 0 {
			return ErrLocked
		}
	}
	return nil
}

func (c *claim) place() place { return place{key: c.key, rev: c.rev} }
