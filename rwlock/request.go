package rwlock

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// request is one key in etcd, from before it is asked for until it is gone.
type request struct {
	session session
	name    string
	mode    keyspace.Mode
	key     string
	value   string

	asked time.Time // when etcd was last asked for the key; zero if never
	rev   int64     // create revision; 0 until etcd told
	alive int64     // a revision at which the key is known to have been there
	clear int64     // a revision from which on no blocker known to be gone was there
}

// newRequest names a request's key before anything is sent, so that the key
// can be removed whatever becomes of the reply. Version 7 ids are random and
// yet grow with time, which puts neighbours in the queue near each other in
// the keyspace: a waiter can watch them and itself with one narrow range.
func newRequest(s session, name string, mode keyspace.Mode, owner keyspace.Owner) *request {
	id := uuid.Must(uuid.NewV7()).String()
	return &request{
		session: s,
		name:    name,
		mode:    mode,
		key:     keyspace.Encode(name, mode, id),
		value:   owner.Encode(),
	}
}

// acquire returns when the lock is held, or with the error that prevented it;
// then the caller must withdraw the request.
func (r *request) acquire(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.session.Ctx(), cancel)()

	ahead, err := retry(ctx, func() ([]place, error) { return r.ask(ctx) })
	for err == nil && len(ahead) > 0 {
		ahead, err = retry(ctx, func() ([]place, error) { return r.wait(ctx, ahead) })
	}
	if err == nil {
		_, err = retry(ctx, func() (struct{}, error) { return struct{}{}, r.verify(ctx) })
	}
	return err
}

// ask puts the request at the end of the queue and returns its blockers, in
// one transaction. It may be called again when its reply was lost: the key is
// put once only.
func (r *request) ask(ctx context.Context) ([]place, error) {
	absent := clientv3.Compare(clientv3.CreateRevision(r.key), "=", 0)
	getQueue := r.getQueue()
	put := clientv3.OpPut(r.key, r.value, clientv3.WithLease(r.session.Lease()))
	getMine := clientv3.OpGet(r.key, clientv3.WithKeysOnly())

	r.asked = time.Now()
	resp, err := r.session.Client().Txn(ctx).If(absent).
		Then(append(slices.Clip(getQueue), put)...).
		Else(append(slices.Clip(getQueue), getMine)...).Commit()
	if err != nil {
		return nil, err
	}
	r.rev = resp.Header.Revision
	last := len(resp.Responses) - 1
	if !resp.Succeeded { // an earlier ask had come through
		r.rev = resp.Responses[last].GetResponseRange().Kvs[0].CreateRevision
	}
	r.alive, r.clear = resp.Header.Revision, resp.Header.Revision
	var kvs []*mvccpb.KeyValue
	for _, res := range resp.Responses[:last] {
		kvs = append(kvs, res.GetResponseRange().Kvs...)
	}
	return blockers(kvs, r.name, r.rev), nil
}

// getQueue reads the requests that can block this one.
func (r *request) getQueue() []clientv3.Op {
	modes := []keyspace.Mode{keyspace.Write}
	if r.mode == keyspace.Write {
		modes = append(modes, keyspace.Read)
	}
	ops := make([]clientv3.Op, 0, len(modes))
	for _, m := range modes {
		ops = append(ops, clientv3.OpGet(keyspace.Dir(r.name, m), clientv3.WithPrefix(), clientv3.WithKeysOnly()))
	}
	return ops
}

// remove deletes the request's key and reports whether it was there.
func (r *request) remove(ctx context.Context) (bool, error) {
	del := clientv3.OpDelete(r.key)
	txn := r.session.Client().Txn(ctx)
	if r.rev != 0 {
		txn = txn.If(clientv3.Compare(clientv3.CreateRevision(r.key), "=", r.rev))
	}
	resp, err := txn.Then(del).Commit()
	if err != nil {
		return false, err
	}
	return resp.Succeeded && resp.Responses[0].GetResponseDeleteRange().Deleted > 0, nil
}

// retry calls f until it succeeds, fails for good or ctx ends. etcd without a
// leader is no reason to give up a place in the queue; the end of the session
// or of the caller's patience is.
func retry[T any](ctx context.Context, f func() (T, error)) (T, error) {
	const shortest, longest = 20 * time.Millisecond, time.Second
	for delay := shortest; ; delay = min(2*delay, longest) {
		result, err := f()
		if err == nil || !transient(err) || !pause(ctx, delay) {
			return result, err
		}
	}
}

// pause waits for about d and reports whether ctx still lives. The jitter
// keeps waiters that lost the same leader from coming back together.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
