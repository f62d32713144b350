package rwlock

import (
	"context"
	"math"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// tryAcquire puts the claims if nothing would be ahead of them, and returns
// ErrLocked otherwise. A refused try puts nothing, so nobody ever waits for it.
func (r *request) tryAcquire(ctx context.Context) error { return r.tryBeside(ctx, nil) }

// tryBeside is tryAcquire for one who holds own already, which does not count
// as being ahead and must still be there.
func (r *request) tryBeside(ctx context.Context, own *claim) error {
	t := try{request: r, own: own, limit: tail}
	for {
		resp, err := retry(ctx, func() (*clientv3.TxnResponse, error) { return t.putIfNoneSince(ctx) })
		if err != nil {
			return err
		}
		if resp.Succeeded {
			r.put(resp.Header.Revision)
			return nil
		}
		if mine := resp.Responses[len(resp.Responses)-len(r.claims):]; anyKey(mine) {
			if known, err := t.adopt(resp, mine); known {
				return err
			}
			continue
		}
		if !r.unsure() { // nothing was put, nor will be
			r.forget()
		}
		if err := t.refused(resp); err != nil {
			return err
		}
		pause(ctx, time.Millisecond)
	}
}

// try is a request that is put only if nothing would be ahead of it.
type try struct {
	*request
	own   *claim
	seen  int64 // a revision at which no request was there, whatever keys were
	limit int64 // of what is read of each queue
}

// adopt takes the request's own keys that a try found there. What an earlier try
// has put was put with nothing ahead of it; with something ahead, they are keys of
// an earlier request that came late, and are taken back. Known says that it could
// tell.
func (t *try) adopt(resp *clientv3.TxnResponse, mine []*etcdserverpb.ResponseOp) (known bool, err error) {
	rev, ok := t.ownKeys(mine)
	if !ok {
		return false, nil
	}
	t.put(rev)
	for _, s := range t.standings(resp, rev) {
		switch {
		case len(t.others(s)) > 0:
			return true, ErrLocked
		case !s.all:
			t.limit = 0
			return false, nil
		}
	}
	return true, nil
}

// others are those ahead who are not the one who tries.
func (t *try) others(s standing) []place {
	if t.own == nil {
		return s.ahead
	}
	return without(s.ahead, place{key: t.own.key, rev: t.own.rev})
}

// anyKey reports whether any of the replies to getMine has a key.
func anyKey(replies []*etcdserverpb.ResponseOp) bool {
	return slices.ContainsFunc(replies, func(r *etcdserverpb.ResponseOp) bool { return len(r.GetResponseRange().Kvs) > 0 })
}

// putIfNoneSince puts the claims unless keys that can block them were put after
// the revision seen.
func (t *try) putIfNoneSince(ctx context.Context) (*clientv3.TxnResponse, error) {
	conds := t.absent()
	if t.own != nil {
		conds = append(conds, t.own.guard())
	}
	for _, c := range t.claims {
		for _, m := range c.blockingModes() {
			newest := clientv3.CreateRevision(keyspace.Dir(c.name, m.inKeys()))
			conds = append(conds, clientv3.Compare(newest, "<", t.seen+1).WithPrefix())
		}
	}
	return t.send(t.kv().Txn(ctx).If(conds...).
		Then(t.puts()...).
		Else(append(t.getQueues(t.limit), t.getMine()...)...))
}

// forget notes that etcd was not asked for anything that it did.
func (r *request) forget() {
	for _, c := range r.claims {
		c.asked = time.Time{}
	}
}

// refused says why a try did not put its claims. It returns nil when that is
// not known yet, or was for what is none of the lock's: keys of locks nested
// below it.
func (t *try) refused(resp *clientv3.TxnResponse) error {
	known := true
	for _, s := range t.standings(resp, math.MaxInt64) {
		others := t.others(s)
		switch {
		case len(others) > 0:
			return ErrLocked
		case t.own != nil && s.all && len(others) == len(s.ahead):
			return ErrLost
		}
		known = known && s.all
	}
	if known {
		t.seen = resp.Header.Revision
	} else {
		t.limit = 0
	}
	return nil
}
