package rwlock

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/keyspace"
)

// tryAcquire puts the request's keys if no request would be ahead of them, and
// returns ErrLocked otherwise. A refused try puts nothing, so no other client ever
// waits for it.
func (r *request) tryAcquire(ctx context.Context) error { return r.tryAcquireBeside(ctx, nil) }

// tryAcquireBeside is tryAcquire for a client that holds the lock already, by the
// entry own. That one does not count as being ahead, and must still exist.
func (r *request) tryAcquireBeside(ctx context.Context, own *entry) error {
	t := try{request: r, own: own, limit: maxPredecessors}
	for {
		resp, err := retry(ctx, func() (*clientv3.TxnResponse, error) { return t.putIfNoneSince(ctx) })
		if err != nil {
			return err
		}
		if resp.Succeeded {
			r.setRev(resp.Header.Revision)
			return r.otherKind(resp.Responses)
		}
		if ownKeys := resp.Responses[len(resp.Responses)-len(r.entries):]; anyKey(ownKeys) {
			if known, err := t.takeOverIfFirst(resp, ownKeys); known {
				return err
			}
			continue
		}
		if !r.inDoubt() { // no key was put, and none will be
			r.clearSent()
		}
		if err := t.refusal(resp); err != nil {
			if errors.Is(err, ErrLocked) && t.own == nil && t.isKept(resp) {
				return r.askBack(ctx)
			}
			return err
		}
		backoff.Pause(ctx, time.Millisecond)
	}
}

// try is a request whose keys are put only if no request would be ahead of them.
type try struct {
	*request
	own   *entry
	seen  int64 // a revision at which there was no request, only keys of nested locks at most
	limit int64 // of the keys that are read of each queue
}

// putIfNoneSince puts the request's keys unless keys that can block them were put
// after revision t.seen.
func (t *try) putIfNoneSince(ctx context.Context) (*clientv3.TxnResponse, error) {
	conds := t.absent()
	if t.own != nil {
		conds = append(conds, t.own.guard())
	}
	for _, e := range t.entries {
		for _, m := range e.blockingModes() {
			newest := clientv3.CreateRevision(keyspace.Dir(e.name, m.inKeys()))
			conds = append(conds, clientv3.Compare(newest, "<", t.seen+1).WithPrefix())
		}
	}
	return t.send(t.kv().Txn(ctx).If(conds...).
		Then(append(t.puts(), t.otherKindOps()...)...).
		Else(append(t.queueOps(t.limit, true), t.ownKeyOps()...)...))
}

// takeOverIfFirst makes existing keys the request's entries. If an earlier try
// has put them, nothing was ahead of them; if something is ahead, they are of an
// earlier request whose put arrived late, and it returns ErrLocked. Known is false
// when that cannot be told from resp.
func (t *try) takeOverIfFirst(resp *clientv3.TxnResponse, ownKeys []*etcdserverpb.ResponseOp) (known bool, err error) {
	rev, ok := t.takeOver(ownKeys)
	if !ok {
		return false, nil
	}
	t.setRev(rev)
	for _, s := range t.queueStates(resp, rev) {
		switch {
		case len(t.others(s)) > 0:
			return true, ErrLocked
		case !s.complete:
			t.limit = 0
			return false, nil
		}
	}
	return true, nil
}

// anyKey reports whether any of the replies to ownKeyOps has a key.
func anyKey(replies []*etcdserverpb.ResponseOp) bool {
	return slices.ContainsFunc(replies, func(r *etcdserverpb.ResponseOp) bool { return len(r.GetResponseRange().Kvs) > 0 })
}

// others returns the predecessors that are not the caller's own entry.
func (t *try) others(s queueState) []keyRev {
	if t.own == nil {
		return s.predecessors
	}
	return without(s.predecessors, keyRev{key: t.own.key, rev: t.own.rev})
}

// refusal returns the reason why a try has put no keys: ErrLocked or ErrLost. It
// returns nil when the reason is not known yet, or was keys of nested locks, so
// that the try has to be repeated.
func (t *try) refusal(resp *clientv3.TxnResponse) error {
	complete := true
	for _, s := range t.queueStates(resp, math.MaxInt64) {
		others := t.others(s)
		switch {
		case len(others) > 0:
			return ErrLocked
		case t.own != nil && s.complete && len(others) == len(s.predecessors):
			return ErrLost
		}
		complete = complete && s.complete
	}
	if complete {
		t.seen = resp.Header.Revision
	} else {
		t.limit = 0
	}
	return nil
}

// isKept reports whether every lock that resp shows to be taken is by one request only, which
// may be no more than kept.
func (t *try) isKept(resp *clientv3.TxnResponse) bool {
	for _, s := range t.queueStates(resp, math.MaxInt64) {
		if len(s.predecessors) > 1 || !s.complete {
			return false
		}
		for _, k := range s.predecessors {
			if !ownerKeeps(resp, k.key) {
				return false
			}
		}
	}
	return true
}

// ownerKeeps reports whether the owner of a key in resp may keep its lock when it does not use
// it.
func ownerKeeps(resp *clientv3.TxnResponse, key string) bool {
	for _, reply := range resp.Responses {
		for _, kv := range reply.GetResponseRange().Kvs {
			if string(kv.Key) == key {
				owner, _ := keyspace.DecodeOwner(kv.Value)
				return owner.Keep
			}
		}
	}
	return false
}

// clearSent records that no put of the request's keys is under way.
func (r *request) clearSent() {
	for _, e := range r.entries {
		e.sentAt = time.Time{}
	}
}
