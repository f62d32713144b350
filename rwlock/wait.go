package rwlock

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// errWatchEnded is the error of a watch that etcd ended. Events that it did not
// deliver are made up for by a read after the next watch has started.
var errWatchEnded = errors.New("watch ended")

// ownKeyDelay is how long a request waits before it watches its own key. Most wait for less.
const ownKeyDelay = 2 * time.Second

// await waits until nothing is ahead of e, given what was ahead. It returns a
// revision at which that was so and e's own key existed.
func (r *request) await(ctx context.Context, e *entry, queue queueState) (int64, error) {
	if queue.isFirst() {
		return queue.rev, nil
	}
	r.waited = true
	waits := r.localWaits()
	waits.enter(e.queueID())
	defer waits.leave(e.queueID())
	known, limit := r.seed(e, queue), int64(maxPredecessors)
	for !queue.isFirst() {
		if len(queue.predecessors) > 0 {
			r.notifyQueued(queue)
		}
		next := func() (queueState, error) { return r.waitForDeletion(ctx, e, queue, limit) }
		if m := waits.mirror(e, queue, known); m != nil {
			next = func() (queueState, error) { return m.wait(ctx, r, e) }
		} else if len(queue.predecessors) == 0 {
			if !queue.unread { // only keys of nested locks, which may hide predecessors
				limit = 0
			}
			next = func() (queueState, error) { return r.readQueue(ctx, e, queue.rev, limit) }
		}
		var err error
		if queue, err = retry(ctx, next); err != nil {
			return 0, err
		}
	}
	return queue.rev, nil
}

// seed returns the whole queue as the transaction that put e has read it, or nil if it has
// not. A reader reads only the writers.
func (r *request) seed(e *entry, queue queueState) *seed {
	if !queue.complete || queue.rev != e.rev || e.mode != Write {
		return nil
	}
	s := &seed{keys: slices.Clone(queue.predecessors), rev: queue.rev}
	for _, own := range r.entries {
		if own.name == e.name {
			s.keys = append(s.keys, keyRev{key: own.key, rev: own.rev})
		}
	}
	return s
}

// notifyQueued calls onQueued once, with what is ahead, as far as it is known.
func (r *request) notifyQueued(queue queueState) {
	if r.onQueued != nil {
		r.onQueued(queue)
		r.onQueued = nil
	}
}

// waitForDeletion waits until one of the requests that e waits for is deleted, and returns what
// is ahead of e then. It returns queue when a watch is in doubt and has to be opened again.
//
// etcd serves a watch at once only when it starts at the current revision; one that starts
// in the past waits for a loop that runs ten times a second. So the watches start "now". If
// that is later than the queue was read, it is looked at again.
func (r *request) waitForDeletion(ctx context.Context, e *entry, queue queueState, limit int64) (queueState, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	changed := make(chan struct{}, 1)
	var watches []*keyWatch
	blockers := e.blockers(queue)
	for _, ahead := range blockers {
		k := r.localWaits().watchKey(ahead.key)
		defer r.localWaits().unwatchKey(k)
		go k.notify(ctx, changed)
		watches = append(watches, k)
	}
	lost, stop := r.watchLate(ctx, e)
	defer stop()
	for looked := false; ; {
		s := combine(watches, blockers)
		switch {
		case errors.Is(s.err, errInDoubt):
			r.doubted = true
			return queue, ctx.Err()
		case s.err != nil:
			r.doubted = true // the next stream may lead to other data
			return queueState{}, s.err
		case s.deleted > 0:
			return r.readQueue(ctx, e, s.deleted, limit)
		case s.started && !looked && (r.doubted || s.created > queue.rev):
			looked = true
			if now, err := r.lookAgain(ctx, e, queue, s.created, limit); err != nil || !slices.Equal(now.predecessors, queue.predecessors) {
				return now, err
			}
			continue
		}
		select {
		case <-changed:
		case err := <-lost:
			return queueState{}, err
		case <-ctx.Done():
			return queueState{}, ctx.Err()
		}
	}
}

// blockers returns those of the known requests ahead of e that it waits for. For permits, they
// are all: one of them has to be deleted. For a read/write lock, it is the last one, which is
// the last to be deleted.
func (e *entry) blockers(queue queueState) []keyRev {
	if e.mode == Slot {
		return queue.predecessors
	}
	return queue.predecessors[len(queue.predecessors)-1:]
}

// lookAgain returns what is ahead of e at a revision of at least rev, or queue if what e waits
// for is still there. One key is read on its own, which spares etcd the sorting of the queue.
func (r *request) lookAgain(ctx context.Context, e *entry, queue queueState, rev, limit int64) (queueState, error) {
	if e.mode != Slot {
		at, gone, err := r.isGone(ctx, e, e.blockers(queue)[0], rev)
		if err != nil || !gone {
			return queue, err
		}
		rev = at
	}
	return r.readQueue(ctx, e, rev, limit)
}

// watchLate watches e's key after a while, for the waiter to learn early that it was
// deleted. It returns a channel for the error, and a function that ends the watch.
func (r *request) watchLate(ctx context.Context, e *entry) (lost <-chan error, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	own := &request{session: r.session, entries: []*entry{e}, doubted: r.doubted}
	late := time.AfterFunc(ownKeyDelay, func() { done <- own.awaitDeletion(ctx, e) })
	return done, func() {
		cancel()
		late.Stop()
	}
}

// isGone reports whether the request ahead of e does not exist any more, at a revision of at
// least rev. It returns ErrLost when e's own key does not.
func (r *request) isGone(ctx context.Context, e *entry, ahead keyRev, rev int64) (at int64, gone bool, err error) {
	resp, err := r.read(ctx, rev, func(opts ...clientv3.OpOption) []clientv3.Op {
		keysOnly := append(slices.Clone(opts), clientv3.WithKeysOnly())
		return []clientv3.Op{e.keyOp(opts...), clientv3.OpGet(ahead.key, keysOnly...)}
	})
	if err != nil {
		return 0, false, err
	}
	if !e.isIn(resp.Responses[0]) {
		return 0, false, ErrLost
	}
	kvs := resp.Responses[1].GetResponseRange().Kvs
	return resp.Header.Revision, len(kvs) == 0 || kvs[0].CreateRevision != ahead.rev, nil
}

func (r *request) localWaits() *localWaits { return stateOf(r.session.Client()).waits }

// isLostBy reports whether the deleted key was e's. A member that lags behind may
// deliver the deletion of an earlier request with the same key.
func (e *entry) isLostBy(deleted keyRev) bool { return deleted.key == e.key && deleted.rev > e.rev }

// readQueue returns what is ahead of e, reading at most limit keys, at a revision
// of at least rev. It returns ErrLost when e's own key does not exist.
func (r *request) readQueue(ctx context.Context, e *entry, rev, limit int64) (queueState, error) {
	resp, err := r.read(ctx, rev, func(opts ...clientv3.OpOption) []clientv3.Op {
		queue := e.queueOps(limit, false, append(slices.Clone(opts), clientv3.WithMaxCreateRev(e.rev-1))...)
		return append(queue, e.keyOp(opts...))
	})
	if err != nil {
		return queueState{}, err
	}
	queue, ownKey := resp.Responses[:len(resp.Responses)-1], resp.Responses[len(resp.Responses)-1]
	if !e.isIn(ownKey) {
		return queueState{}, ErrLost
	}
	s := e.queueState(queue, e.rev)
	s.rev = resp.Header.Revision
	return s, nil
}

// verify returns ErrLost unless the keys of all entries exist at a revision of at
// least rev.
func (r *request) verify(ctx context.Context, rev int64) error {
	resp, err := r.read(ctx, rev, func(opts ...clientv3.OpOption) []clientv3.Op {
		var ops []clientv3.Op
		for _, e := range r.entries {
			ops = append(ops, e.keyOp(opts...))
		}
		return ops
	})
	if err != nil {
		return err
	}
	for i, e := range r.entries {
		if !e.isIn(resp.Responses[i]) {
			return ErrLost
		}
	}
	return nil
}

// read commits the gets that ops makes of its options, at a revision of at least
// rev and not before the request was put: a member that lags behind without
// knowing it does not know the predecessors either, not even when it has started a
// watch "now". Any member that is not behind that may answer, because no request
// is put ahead of an existing one. If the first one is behind, or the request was
// ever in doubt, the leader is asked.
func (r *request) read(ctx context.Context, rev int64, ops func(...clientv3.OpOption) []clientv3.Op) (*clientv3.TxnResponse, error) {
	rev = max(rev, r.token())
	client := r.session.Client()
	if !r.doubted {
		resp, err := client.Txn(ctx).Then(ops(clientv3.WithSerializable())...).Commit()
		if err != nil || resp.Header.Revision >= rev {
			return resp, err
		}
	}
	return client.Txn(ctx).Then(ops()...).Commit()
}

// watchError returns the error in resp, or nil. The zero response is received from
// the closed channel of a watch that ended.
func watchError(resp clientv3.WatchResponse) error {
	err := resp.Err()
	switch {
	case err == nil && (resp.Created || len(resp.Events) > 0):
		return nil
	case err != nil && strings.Contains(err.Error(), rpctypes.ErrPermissionDenied.Error()):
		return rpctypes.ErrPermissionDenied // which clientv3 reports as another error with this text
	default:
		return errWatchEnded
	}
}
