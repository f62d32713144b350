package rwlock

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// errWatchEnded says that etcd ended a watch. What it would have told is read
// after the next one has begun.
var errWatchEnded = errors.New("watch ended")

// waiter is a claim that watches some of its blockers.
type waiter struct {
	*request
	*claim
	plan
}

// wait watches those of c's blockers that are last to go until they are gone,
// and returns those of the others that are left then.
//
// etcd serves a watch at once only when it starts at the current revision; one
// that starts in the past waits for a loop that runs ten times a second. So
// the watch starts "now", and what happened before it is read after it.
func (r *request) wait(ctx context.Context, c *claim, ahead []place) ([]place, error) {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	w := &waiter{request: r, claim: c, plan: newPlan(ahead, c.key)}
	client := r.session.Client()
	var mine clientv3.WatchChan
	if !w.mine {
		// Only so that a waiter learns early that its key was deleted: the order
		// of events in two watches proves nothing. It comes first, so that it
		// has begun when the other is said to have.
		mine = client.Watch(ctx, c.key, clientv3.WithFilterPut())
	}
	gone := client.Watch(ctx, w.span.first,
		clientv3.WithRange(w.span.end()), clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
	for len(w.watched) > 0 {
		var resp clientv3.WatchResponse
		select {
		case resp = <-gone:
		case resp = <-mine:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := w.handle(ctx, resp); err != nil {
			return nil, err
		}
	}
	return w.rest, nil
}

func (w *waiter) handle(ctx context.Context, resp clientv3.WatchResponse) error {
	if err := watchError(resp); err != nil {
		return err
	}
	before := len(w.watched)
	if resp.Created {
		if err := w.look(ctx, resp.Header.Revision); err != nil {
			return err
		}
	}
	for _, ev := range resp.Events {
		key, rev := string(ev.Kv.Key), ev.Kv.ModRevision
		if key == w.key {
			return ErrLost
		}
		w.watched = without(w.watched, key)
		w.clear = max(w.clear, rev)
		if w.mine {
			w.alive = max(w.alive, rev)
		}
	}
	if len(w.watched) < before && len(w.rest) > 0 {
		return w.lookAtRest(ctx)
	}
	return nil
}

// look reads the watched span once its watch has begun at rev: from then on
// nothing in it goes unseen.
func (w *waiter) look(ctx context.Context, rev int64) error {
	found, rev, err := read(ctx, w.session, w.span, rev)
	if err != nil {
		return err
	}
	w.watched = still(w.watched, found)
	w.clear = max(w.clear, rev)
	if !w.mine {
		return w.verify(ctx, w.claim, rev)
	}
	if found[w.key] == 0 {
		return ErrLost
	}
	w.alive = max(w.alive, rev)
	return nil
}

// lookAtRest finds out which of the unwatched blockers are left. When requests
// go in the order of the queue, none is: the spans are empty, and cheap to read.
func (w *waiter) lookAtRest(ctx context.Context) error {
	var left []place
	for _, s := range spansOf(w.rest) {
		found, rev, err := read(ctx, w.session, s, w.clear)
		if err != nil {
			return err
		}
		left = append(left, still(w.rest, found)...)
		w.clear = max(w.clear, rev)
	}
	w.rest = inOrder(left)
	return nil
}

// verify makes sure that c's own key was there at a revision of at least rev.
func (r *request) verify(ctx context.Context, c *claim, rev int64) error {
	if c.alive >= rev {
		return nil
	}
	found, rev, err := read(ctx, r.session, spanOf([]string{c.key}), rev)
	if err != nil {
		return err
	}
	if found[c.key] == 0 {
		return ErrLost
	}
	c.alive = rev
	return nil
}

// read returns the keys in s with their create revisions, at a revision of at
// least rev. Any member may answer: keys of requests are made once and deleted
// once, so an answer that is new enough cannot mislead. One that is not is
// asked for again of the leader.
func read(ctx context.Context, session session, s span, rev int64) (map[string]int64, int64, error) {
	opts := []clientv3.OpOption{clientv3.WithRange(s.end()), clientv3.WithKeysOnly()}
	client := session.Client()
	resp, err := client.Get(ctx, s.first, append(opts, clientv3.WithSerializable())...)
	if err == nil && resp.Header.Revision < rev {
		resp, err = client.Get(ctx, s.first, opts...)
	}
	if err != nil {
		return nil, 0, err
	}
	found := make(map[string]int64, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		found[string(kv.Key)] = kv.CreateRevision
	}
	return found, resp.Header.Revision, nil
}

// watchError is what resp says went wrong; the zero response, of a closed
// channel, is a watch that ended.
func watchError(resp clientv3.WatchResponse) error {
	err := resp.Err()
	switch {
	case err == nil && (resp.Created || len(resp.Events) > 0):
		return nil
	case err == nil, errors.Is(err, rpctypes.ErrCompacted), transient(err):
		return errWatchEnded
	default:
		return err
	}
}
