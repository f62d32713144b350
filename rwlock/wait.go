package rwlock

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"
)

// errWatchEnded says that etcd ended a watch. What it would have told is read
// after the next one has begun.
var errWatchEnded = errors.New("watch ended")

// await returns when nothing is ahead of c any more: a revision at which that
// was so and c's own key was there.
func (r *request) await(ctx context.Context, c *claim, now standing) (int64, error) {
	limit := int64(tail)
	for !now.clear() {
		r.isBehind(now)
		next := func() (standing, error) { return r.wait(ctx, c, now, limit) }
		if len(now.ahead) == 0 { // but keys of locks nested below, which hide what there is
			limit = 0
			next = func() (standing, error) { return r.look(ctx, c, now.rev, limit) }
		}
		var err error
		if now, err = retry(ctx, next); err != nil {
			return 0, err
		}
	}
	return now.rev, nil
}

// isBehind tells once when others are ahead: what hides in a queue may be keys
// of locks nested below.
func (r *request) isBehind(now standing) {
	if len(now.ahead) > 0 && r.queued != nil {
		r.queued()
		r.queued = nil
	}
}

// waiter is a claim that watches some of its blockers.
type waiter struct {
	*request
	*claim
	plan
	limit int64 // of what is read of the queue, 0 for none
	noise int   // events that were none of its business
}

// noisy is how many events a waiter puts up with that tell it nothing.
const noisy = 64

// wait watches blockers of c until they are gone, and returns what is ahead of
// c then.
//
// etcd serves a watch at once only when it starts at the current revision; one
// that starts in the past waits for a loop that runs ten times a second. So
// the watch starts "now", and what happened before it is read after it.
func (r *request) wait(ctx context.Context, c *claim, now standing, limit int64) (standing, error) {
	ctx, cancel := r.watchContext(ctx)
	defer cancel()
	w := &waiter{request: r, claim: c, plan: newPlan(now, c.key, c.narrow), limit: limit}
	client := r.session.Client()
	var mine clientv3.WatchChan
	if !w.proves {
		// Only so that a waiter learns early that its key was deleted: the order
		// of events in two watches proves nothing. It comes first, so that it
		// has begun when the other is said to have.
		mine = client.Watch(ctx, c.key, clientv3.WithFilterPut())
	}
	gone := client.Watch(ctx, w.first,
		clientv3.WithRange(w.end()), clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
	for {
		var resp clientv3.WatchResponse
		select {
		case resp = <-gone:
		case resp = <-mine:
		case <-ctx.Done():
			return standing{}, ctx.Err()
		}
		next, done, err := w.handle(ctx, resp)
		if done || err != nil {
			return next, err
		}
	}
}

// watchContext is a context for watches. All watches of a client share a stream,
// and etcd asks each new one for the right to it by what the stream began with:
// one that was ended is better begun again on a stream of its own.
func (r *request) watchContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.broken {
		ctx = metadata.AppendToOutgoingContext(ctx, "rwlock-stream", uuid.NewString())
	}
	return context.WithCancel(clientv3.WithRequireLeader(ctx))
}

// handle takes what a watch tells. It is done when the watched blockers are
// gone, and returns what is ahead then.
func (w *waiter) handle(ctx context.Context, resp clientv3.WatchResponse) (next standing, done bool, err error) {
	if err := watchError(resp); err != nil {
		if w.proves && !w.narrow && errors.Is(err, rpctypes.ErrPermissionDenied) {
			return w.narrower(ctx, w.rev)
		}
		w.broken = w.broken || errors.Is(err, errWatchEnded)
		return standing{}, false, err
	}
	if resp.Created { // from now on nothing goes unseen
		next, err = w.look(ctx, w.claim, resp.Header.Revision, w.limit)
		w.watched = still(w.watched, next.ahead)
		return next, len(w.watched) == 0, err
	}
	var rev int64
	before := len(w.watched)
	for _, ev := range resp.Events {
		gone := place{key: string(ev.Kv.Key), rev: ev.Kv.ModRevision}
		if w.lostWith(gone) {
			return standing{}, false, ErrLost
		}
		w.watched = without(w.watched, gone)
		rev = gone.rev
	}
	if w.noise += len(resp.Events) - (before - len(w.watched)); w.noise > noisy && !w.narrow {
		return w.narrower(ctx, rev)
	}
	switch {
	case len(w.watched) > 0:
		return standing{}, false, nil
	case w.proves:
		return standing{all: true, rev: rev}, true, nil
	default:
		next, err = w.look(ctx, w.claim, rev, w.limit)
		return next, true, err
	}
}

// narrower gives up a wide watch that has not done well.
func (w *waiter) narrower(ctx context.Context, rev int64) (next standing, done bool, err error) {
	w.narrow = true
	next, err = w.look(ctx, w.claim, rev, w.limit)
	return next, true, err
}

// lostWith reports whether what was deleted is c's key. A member that lags may
// tell of an earlier request with the same key.
func (c *claim) lostWith(gone place) bool { return gone.key == c.key && gone.rev > c.rev }

// look reads what is ahead of c, at most limit of it, and makes sure that c's
// own key is there, at a revision of at least rev.
func (r *request) look(ctx context.Context, c *claim, rev, limit int64) (standing, error) {
	resp, err := r.read(ctx, rev, func(opts ...clientv3.OpOption) []clientv3.Op {
		queue := c.getQueue(limit, append(slices.Clone(opts), clientv3.WithMaxCreateRev(c.rev-1))...)
		return append(queue, c.get(opts...))
	})
	if err != nil {
		return standing{}, err
	}
	queue, mine := resp.Responses[:len(resp.Responses)-1], resp.Responses[len(resp.Responses)-1]
	if !c.isThere(mine) {
		return standing{}, ErrLost
	}
	s := newStanding(queue, c.name, c.rev)
	s.rev = resp.Header.Revision
	return s, nil
}

// verify makes sure that all claims' keys are there at a revision of at least
// rev.
func (r *request) verify(ctx context.Context, rev int64) error {
	resp, err := r.read(ctx, rev, func(opts ...clientv3.OpOption) []clientv3.Op {
		var ops []clientv3.Op
		for _, c := range r.claims {
			ops = append(ops, c.get(opts...))
		}
		return ops
	})
	if err != nil {
		return err
	}
	for i, c := range r.claims {
		if !c.isThere(resp.Responses[i]) {
			return ErrLost
		}
	}
	return nil
}

// read gets what ops name at one revision of at least rev, and not before the
// request was made: a member that lags and does not know it yet knows nothing of
// who is ahead either, not even when it has begun a watch "now". Any member that
// is far enough may answer: from then on no request comes to stand ahead. Where
// the first is not, the question goes to the leader.
func (r *request) read(ctx context.Context, rev int64, ops func(...clientv3.OpOption) []clientv3.Op) (*clientv3.TxnResponse, error) {
	rev = max(rev, r.token())
	client := r.session.Client()
	resp, err := client.Txn(ctx).Then(ops(clientv3.WithSerializable())...).Commit()
	if err == nil && resp.Header.Revision < rev {
		resp, err = client.Txn(ctx).Then(ops()...).Commit()
	}
	return resp, err
}

// watchError is what resp says went wrong; the zero response, of a closed
// channel, is a watch that ended.
func watchError(resp clientv3.WatchResponse) error {
	err := resp.Err()
	switch {
	case err == nil && (resp.Created || len(resp.Events) > 0):
		return nil
	case err != nil && strings.Contains(err.Error(), rpctypes.ErrPermissionDenied.Error()):
		return rpctypes.ErrPermissionDenied // which etcd says in words, and clientv3 calls another error
	default:
		return errWatchEnded
	}
}
