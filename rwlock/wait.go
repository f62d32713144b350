package rwlock

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// errWatchEnded is the error of a watch that etcd ended. Events that it did not
// deliver are made up for by a read after the next watch has started.
var errWatchEnded = errors.New("watch ended")

// await waits until nothing is ahead of e, given what was ahead. It returns a
// revision at which that was so and e's own key existed.
func (r *request) await(ctx context.Context, e *entry, queue queueState) (int64, error) {
	limit := int64(maxPredecessors)
	for !queue.isFirst() {
		r.notifyQueued(queue)
		next := func() (queueState, error) { return r.wait(ctx, e, queue, limit) }
		if len(queue.predecessors) == 0 { // only keys of nested locks, which may hide predecessors
			limit = 0
			next = func() (queueState, error) { return r.readQueue(ctx, e, queue.rev, limit) }
		}
		var err error
		if queue, err = retry(ctx, next); err != nil {
			return 0, err
		}
	}
	return queue.rev, nil
}

// notifyQueued calls onQueued once, as soon as a predecessor is known: a queue
// that is not complete may have keys of nested locks only.
func (r *request) notifyQueued(queue queueState) {
	if len(queue.predecessors) > 0 && r.onQueued != nil {
		r.onQueued()
		r.onQueued = nil
	}
}

// waiter is an entry that watches some of its predecessors.
type waiter struct {
	*request
	*entry
	watchPlan
	stream     *watchStream
	limit      int64 // of the keys that are read of the queue, 0 for none
	irrelevant int   // number of events about keys that are not watched
}

// maxIrrelevantEvents is how many events about other keys a waiter accepts before
// it watches only its last predecessor.
const maxIrrelevantEvents = 64

// wait watches predecessors of e until they are deleted, and returns what is ahead
// of e then. It returns queue when the watches are in doubt and have to be opened
// again.
//
// etcd serves a watch at once only when it starts at the current revision; one
// that starts in the past waits for a loop that runs ten times a second. So
// the watch starts "now", and what happened before it is read after it.
func (r *request) wait(ctx context.Context, e *entry, queue queueState, limit int64) (queueState, error) {
	ctx, stream, end := r.watchContext(ctx)
	defer end()
	w := &waiter{request: r, entry: e, stream: stream, watchPlan: newWatchPlan(queue, e.key, e.singleWatch), limit: limit}
	watcher := r.watcher()
	var ownKey clientv3.WatchChan
	if !w.whole {
		// Only for the waiter to learn early that its key was deleted: the order of
		// events in two watches proves nothing. It is opened first, so that it has
		// started when the other one reports that it has.
		ownKey = watcher.Watch(ctx, e.key, clientv3.WithFilterPut())
	}
	predecessors := watcher.Watch(ctx, w.first,
		clientv3.WithRange(w.end()), clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
	doubt := r.doubt(ctx, stream)
	for {
		var resp clientv3.WatchResponse
		select {
		case resp = <-predecessors:
		case resp = <-ownKey:
		case <-doubt:
		case <-ctx.Done():
			return queueState{}, ctx.Err()
		}
		if err := ctx.Err(); err != nil { // which ends the watches too: etcd has not
			return queueState{}, err
		}
		if isClosed(doubt) { // also when a response came at the same time
			r.doubted = true
			return queue, nil
		}
		next, done, err := w.handle(ctx, resp)
		if done || err != nil {
			return next, err
		}
	}
}

// watchContext returns a context for watches, and the stream that they are on with it. The
// caller must call end when they have ended.
func (r *request) watchContext(ctx context.Context) (watching context.Context, stream *watchStream, end func()) {
	streams := r.watchStreams()
	stream = streams.join()
	watching, cancel := context.WithCancel(clientv3.WithRequireLeader(stream.context(ctx)))
	return watching, stream, func() {
		cancel()
		streams.leave(stream)
	}
}

func (r *request) watcher() clientv3.Watcher {
	client := r.session.Client()
	return stateOf(client).watcher(client)
}

func (r *request) watchStreams() *watchStreams { return &stateOf(r.session.Client()).watches }

// handle processes a response of a watch. It is done when the wait is over, and
// returns what is ahead then; that may call for another wait.
//
//	response                       | watched range  | result
//	-------------------------------|----------------|------------------------------------
//	started                        | any            | read; done if no watched key remains
//	own key deleted                | any            | ErrLost
//	predecessor deleted, some left | any            | wait on
//	last predecessor deleted       | whole          | done, first in the queue: no read needed
//	last watched key deleted       | single key     | read; done
//	too many irrelevant events     | whole, wide    | read; done, with a single watch from now on
//	permission denied              | whole, wide    | read; done, with a single watch from now on
//	any other error                | any            | error: retry opens a new watch
func (w *waiter) handle(ctx context.Context, resp clientv3.WatchResponse) (next queueState, done bool, err error) {
	if err := watchError(resp); err != nil {
		if w.whole && !w.singleWatch && errors.Is(err, rpctypes.ErrPermissionDenied) {
			return w.useSingleWatch(ctx, w.rev)
		}
		if errors.Is(err, errWatchEnded) {
			w.doubted = true // the next stream may lead to other data
			w.watchStreams().broke(w.stream)
		}
		return queueState{}, false, err
	}
	if resp.Created { // from here on, no event is missed
		next, err = w.readQueue(ctx, w.entry, resp.Header.Revision, w.limit)
		w.watched = intersection(w.watched, next.predecessors)
		return next, len(w.watched) == 0, err
	}
	var rev int64
	before := len(w.watched)
	for _, ev := range resp.Events {
		deleted := keyRev{key: string(ev.Kv.Key), rev: ev.Kv.ModRevision}
		if w.isLostBy(deleted) {
			return queueState{}, false, ErrLost
		}
		w.watched = without(w.watched, deleted)
		rev = deleted.rev
	}
	w.irrelevant += len(resp.Events) - (before - len(w.watched))
	if w.irrelevant > maxIrrelevantEvents && !w.singleWatch {
		return w.useSingleWatch(ctx, rev)
	}
	switch {
	case len(w.watched) > 0:
		return queueState{}, false, nil
	case w.whole:
		return queueState{complete: true, rev: rev}, true, nil
	default:
		next, err = w.readQueue(ctx, w.entry, rev, w.limit)
		return next, true, err
	}
}

// useSingleWatch ends a wait whose wide range has not worked well.
func (w *waiter) useSingleWatch(ctx context.Context, rev int64) (next queueState, done bool, err error) {
	w.singleWatch = true
	next, err = w.readQueue(ctx, w.entry, rev, w.limit)
	return next, true, err
}

// isLostBy reports whether the deleted key was e's. A member that lags behind may
// deliver the deletion of an earlier request with the same key.
func (e *entry) isLostBy(deleted keyRev) bool { return deleted.key == e.key && deleted.rev > e.rev }

// readQueue returns what is ahead of e, reading at most limit keys, at a revision
// of at least rev. It returns ErrLost when e's own key does not exist.
func (r *request) readQueue(ctx context.Context, e *entry, rev, limit int64) (queueState, error) {
	resp, err := r.read(ctx, rev, func(opts ...clientv3.OpOption) []clientv3.Op {
		queue := e.queueOps(limit, append(slices.Clone(opts), clientv3.WithMaxCreateRev(e.rev-1))...)
		return append(queue, e.keyOp(opts...))
	})
	if err != nil {
		return queueState{}, err
	}
	queue, ownKey := resp.Responses[:len(resp.Responses)-1], resp.Responses[len(resp.Responses)-1]
	if !e.isIn(ownKey) {
		return queueState{}, ErrLost
	}
	s := newQueueState(queue, e.name, e.rev)
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
