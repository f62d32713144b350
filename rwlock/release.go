package rwlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
)

const (
	// cleanupWait is how long a caller whose context has ended still waits for its
	// key to be deleted, or its lease to be revoked; after that it goes on in the
	// background.
	cleanupWait = 500 * time.Millisecond
	// removalTimeout bounds one attempt to delete keys.
	removalTimeout = 2 * time.Second
	// inFlight is how long a put whose reply was lost may still arrive: etcd gives
	// up a request after 5 s and two election timeouts. Only a member that hung
	// with the request unread can take longer; then the key stays until its lease
	// ends.
	inFlight = 10 * time.Second
)

// release deletes the keys of entries. It returns nil when they were deleted,
// ErrLost when one of them did not exist any more, and one that wraps that of ctx soon
// after ctx ends; then the removal goes on in the background while the session lives. So
// a key is never left to its lease while etcd can be reached.
func (r *request) release(ctx context.Context, entries ...*entry) error {
	rm := &removal{request: r, entries: entries, sessionOver: r.session.Ctx().Err() != nil}
	if ctx.Err() == nil && settled(entries) { // the usual case, which needs no goroutine
		if removed, err := rm.attempt(ctx); err == nil {
			rm.freeKeys()
			return rm.outcome(removed)
		}
	}
	done := make(chan error, 1)
	go rm.run(done)
	return outcomeOf(ctx, done)
}

// abandon deletes the keys of a request that was lost, in the background. Some of them may
// exist: others were lost, or the session has ended and its lease has not. After an unclean end
// of a session with a lock delay, the keys are left to the lease.
func (r *request) abandon() {
	if s, ok := r.session.(*Session); ok && s.leavesLocks() {
		return
	}
	rm := &removal{request: r, entries: r.entries, sessionOver: r.session.Ctx().Err() != nil}
	go rm.run(make(chan error, 1))
}

// outcomeOf returns what done gets, or cleanupWait after ctx has ended an error that wraps the
// one of ctx: what is done goes on then.
func outcomeOf(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	t := time.NewTimer(cleanupWait)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return fmt.Errorf("etcd has not answered yet, so this goes on in the background: %w", ctx.Err())
	}
}

// withdraw deletes the keys of a request whose lock was not acquired.
func (r *request) withdraw() {
	if r.entries[0].sentAt.IsZero() {
		freeKeys(r.entries)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.release(ctx, r.entries...) // the caller gets the error of the acquisition, which matters more
}

// removal deletes the keys of entries.
type removal struct {
	*request
	entries     []*entry
	sessionOver bool // before the removal began
	failed      bool // an attempt got an error
	lostReply   bool // an attempt may have been carried out although it got an error
}

// run sends the outcome of the first attempt that etcd has answered to done, and
// goes on until the keys cannot reappear. It ends when the session does, after a
// last attempt: the lease of an orphaned session lives on.
func (rm *removal) run(done chan<- error) {
	reported := false
	report := func(err error) {
		if !reported {
			reported = true
			done <- err
		}
	}
	pauses := backoff.Exponential{First: 20 * time.Millisecond, Max: 2 * time.Second}
	for {
		last := rm.session.Ctx().Err() != nil
		removed, err := rm.attemptInTime()
		switch {
		case err == nil && !reported:
			report(rm.outcome(removed))
		case last, errors.Is(err, rpctypes.ErrPermissionDenied):
			report(err) // and go on, in case the permission is granted again
		}
		if err == nil && settled(rm.entries) {
			rm.freeKeys()
			return
		}
		if last {
			return
		}
		pauses.Pause(rm.session.Ctx())
	}
}

func (rm *removal) attemptInTime() (int, error) {
	ctx, cancel := context.WithTimeout(rm.session.Client().Ctx(), removalTimeout)
	defer cancel()
	return rm.attempt(ctx)
}

// attempt deletes the keys in one transaction and returns how many existed.
func (rm *removal) attempt(ctx context.Context) (removed int, err error) {
	replies, rev, err := rm.commit(ctx)
	if err != nil {
		rm.failed, rm.lostReply = true, rm.lostReply || !isRefused(err)
		return 0, err
	}
	stateOf(rm.session.Client()).knows(rev)
	for i, e := range rm.entries {
		if e.wasDeleted(replies[i]) {
			removed++
		}
	}
	return removed, nil
}

// commit deletes each key that is the entry's own, independently of the others.
// For several keys, a transaction for each is nested in one; a single key needs no
// nesting, which is cheaper. It returns the reply to each, and their revision.
func (rm *removal) commit(ctx context.Context) (replies []*etcdserverpb.TxnResponse, rev int64, err error) {
	if len(rm.entries) == 1 {
		e := rm.entries[0]
		resp, err := rm.kv().Txn(ctx).If(rm.isOwn(e)).Then(e.delete()).Commit()
		if err != nil {
			return nil, 0, err
		}
		return []*etcdserverpb.TxnResponse{(*etcdserverpb.TxnResponse)(resp)}, resp.Header.Revision, nil
	}
	var ops []clientv3.Op
	for _, e := range rm.entries {
		ops = append(ops, clientv3.OpTxn([]clientv3.Cmp{rm.isOwn(e)}, []clientv3.Op{e.delete()}, nil))
	}
	resp, err := rm.kv().Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return nil, 0, err
	}
	for _, reply := range resp.Responses {
		replies = append(replies, reply.GetResponseTxn())
	}
	return replies, resp.Header.Revision, nil
}

func (e *entry) delete() clientv3.Op {
	if e.inDoubt {
		return clientv3.OpDelete(e.key, clientv3.WithPrevKV()) // for wasDeleted
	}
	return clientv3.OpDelete(e.key)
}

// wasDeleted reports whether e's key existed and is deleted, given the reply to
// its part of a removal. A key of the same name that was put late is not e's.
func (e *entry) wasDeleted(reply *etcdserverpb.TxnResponse) bool {
	if !reply.Succeeded || !e.inDoubt {
		return reply.Succeeded
	}
	kvs := reply.Responses[0].GetResponseDeleteRange().PrevKvs
	return len(kvs) > 0 && (e.rev == 0 || kvs[0].CreateRevision == e.rev)
}

// outcome returns the result of a removal that etcd has answered. If fewer keys
// existed than there are entries, an earlier attempt may have deleted the others
// although its reply was lost: they count as deleted by it, unless the session is
// over, which is the likelier reason then, and the safer answer.
func (rm *removal) outcome(removed int) error {
	switch {
	case removed == len(rm.entries):
		return nil
	case rm.lostReply && !rm.sessionOver && !errors.Is(lostOrExpired(rm.session), ErrSessionExpired):
		return nil
	default:
		return ErrLost
	}
}

// settled reports whether no put of the keys can arrive any more.
func settled(entries []*entry) bool {
	return !slices.ContainsFunc(entries, func(e *entry) bool { return e.inDoubt && time.Since(e.sentAt) < inFlight })
}

// freeKeys lets later requests use the keys, unless an attempt to delete them has
// failed: a caller that got the error may delete the keys itself, at any time.
func (rm *removal) freeKeys() {
	if !rm.failed {
		freeKeys(rm.entries)
		stateOf(rm.session.Client()).released.note(rm.session, rm.entries)
	}
}

// freeKeys lets later requests use the keys of entries whose puts are not in
// doubt.
func freeKeys(entries []*entry) {
	for _, e := range entries {
		if !e.inDoubt {
			freeKey(e.key)
		}
	}
}
