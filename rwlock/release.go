package rwlock

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// patience is how long a caller whose context has ended still waits for its
	// key to be removed; after that the removal goes on without it.
	patience = 500 * time.Millisecond
	// attempt bounds one try to remove a key.
	attempt = 2 * time.Second
	// inFlight is how long a put whose reply was lost is reckoned with: etcd gives
	// a request up after 5 s and two election timeouts. Only a member that hung
	// with the request unread can take longer; then the key goes with the lease.
	inFlight = 10 * time.Second
)

// release removes the keys of claims. It returns nil when that has removed
// them, ErrLost when one was gone before, and the error of ctx soon after ctx
// ends; then the removal goes on in the background for as long as the session
// lives. So a key is never left to its lease while etcd can be reached.
func (r *request) release(ctx context.Context, claims ...*claim) error {
	rm := &removal{request: r, claims: claims, over: r.session.Ctx().Err() != nil}
	if ctx.Err() == nil && settled(claims) { // which is usual, and does without a goroutine
		if removed, err := rm.try(ctx); err == nil {
			rm.giveKeys()
			return rm.outcome(removed)
		}
	}
	done := make(chan error, 1)
	go rm.untilGone(done)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return ctx.Err()
	}
}

// withdraw takes back a request that did not come to hold its lock.
func (r *request) withdraw() {
	if r.claims[0].asked.IsZero() {
		giveKeys(r.claims)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.release(ctx, r.claims...) // the caller is told why it did not get the lock, which matters more
}

// removal is the removing of claims' keys.
type removal struct {
	*request
	claims []*claim
	over   bool // the session was over before it began
	failed bool // a delete was not answered, or refused
	unsure bool // it was not answered, so that it may have been carried out
}

// untilGone tells done what came of the first delete that etcd has answered, and
// goes on until the keys cannot come back. The end of the session ends it too,
// after a last try: the lease of an orphaned session lives on.
func (rm *removal) untilGone(done chan<- error) {
	const shortest, longest = 20 * time.Millisecond, 2 * time.Second
	told := false
	tell := func(err error) {
		if !told {
			told = true
			done <- err
		}
	}
	for delay := shortest; ; delay = min(2*delay, longest) {
		last := rm.session.Ctx().Err() != nil
		removed, err := rm.tryInTime()
		switch {
		case err == nil && !told:
			tell(rm.outcome(removed))
		case last, errors.Is(err, rpctypes.ErrPermissionDenied):
			tell(err) // and go on in case the right comes back
		}
		if err == nil && settled(rm.claims) {
			rm.giveKeys()
			return
		}
		if last {
			return
		}
		pause(rm.session.Ctx(), delay)
	}
}

func (rm *removal) tryInTime() (int, error) {
	ctx, cancel := context.WithTimeout(rm.session.Client().Ctx(), attempt)
	defer cancel()
	return rm.try(ctx)
}

// try deletes the keys and reports how many were there, in one transaction.
func (rm *removal) try(ctx context.Context) (removed int, err error) {
	replies, err := rm.commit(ctx)
	if err != nil {
		rm.failed, rm.unsure = true, rm.unsure || !refused(err)
		return 0, err
	}
	for i, c := range rm.claims {
		if c.wasDeleted(replies[i]) {
			removed++
		}
	}
	return removed, nil
}

// commit deletes each key by itself, whatever becomes of the others. A transaction
// for each is nested in that of several; a single key does without, which is
// cheaper.
func (rm *removal) commit(ctx context.Context) ([]*etcdserverpb.TxnResponse, error) {
	if len(rm.claims) == 1 {
		c := rm.claims[0]
		resp, err := rm.kv().Txn(ctx).If(rm.owns(c)).Then(c.delete()).Commit()
		return []*etcdserverpb.TxnResponse{(*etcdserverpb.TxnResponse)(resp)}, err
	}
	var ops []clientv3.Op
	for _, c := range rm.claims {
		ops = append(ops, clientv3.OpTxn([]clientv3.Cmp{rm.owns(c)}, []clientv3.Op{c.delete()}, nil))
	}
	resp, err := rm.kv().Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return nil, err
	}
	var replies []*etcdserverpb.TxnResponse
	for _, reply := range resp.Responses {
		replies = append(replies, reply.GetResponseTxn())
	}
	return replies, nil
}

func (c *claim) delete() clientv3.Op {
	if c.unsure {
		return clientv3.OpDelete(c.key, clientv3.WithPrevKV()) // to see which one it was
	}
	return clientv3.OpDelete(c.key)
}

// wasDeleted reports whether c's key was there and is deleted, given the reply to
// its part of a removal. One of the same name that was put late is not c's.
func (c *claim) wasDeleted(reply *etcdserverpb.TxnResponse) bool {
	if !reply.Succeeded || !c.unsure {
		return reply.Succeeded
	}
	kvs := reply.Responses[0].GetResponseDeleteRange().PrevKvs
	return len(kvs) > 0 && (c.rev == 0 || kvs[0].CreateRevision == c.rev)
}

// outcome says what a delete that etcd has answered means. One that found less
// than all may follow one that was carried out although its reply was lost: that
// is what it is taken for, unless the session is over, which is the likelier
// reason then, and the safer answer.
func (rm *removal) outcome(removed int) error {
	switch {
	case removed == len(rm.claims):
		return nil
	case rm.unsure && !rm.over && !errors.Is(lostOrExpired(rm.session), ErrSessionExpired):
		return nil
	default:
		return ErrLost
	}
}

// settled reports whether no put of the keys can come through any more.
func settled(claims []*claim) bool {
	return !slices.ContainsFunc(claims, func(c *claim) bool { return c.unsure && time.Since(c.asked) < inFlight })
}

// giveKeys lets later requests use the keys, unless their removal was not a
// matter of one delete: who was told so may see to it that they go.
func (rm *removal) giveKeys() {
	if !rm.failed {
		giveKeys(rm.claims)
	}
}

// giveKeys lets later requests use the keys, unless something may yet happen
// to them.
func giveKeys(claims []*claim) {
	for _, c := range claims {
		if !c.unsure {
			giveKey(c.key)
		}
	}
}
