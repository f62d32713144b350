package verify

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrBehind is returned when etcd's watch does not send what reads show.
var ErrBehind = errors.New("verify: etcd's watch does not send all changes")

const (
	// progressTimeout is how long a recorder waits for a progress notification before it
	// requests another. A member that lags behind sends none, or an old one.
	progressTimeout = 100 * time.Millisecond

	// patience is how long it waits for any before it makes do with a read: etcd's
	// grpc-proxy sends none.
	patience = 2 * time.Second

	// silence is how long it waits for the next change that reads show.
	silence = 30 * time.Second
)

// History returns all changes up to now. It waits until they have been recorded: until
// etcd says so, or says nothing for a while, and a read shows the keys that the changes
// have led to. Old servers say so too early, and proxies do not say it at all.
func (r *Recorder) History(ctx context.Context) (History, error) {
	resp, err := r.client.Get(ctx, r.prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		return History{}, err
	}
	if err := r.progressed(ctx, resp.Header.Revision); err != nil {
		return History{}, err
	}
	waited, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	err = r.await(waited, func() bool { return r.told >= resp.Header.Revision || r.has(resp.Kvs) })
	switch {
	case err != nil && ctx.Err() == nil && waited.Err() != nil:
		return History{}, ErrBehind
	case err != nil:
		return History{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = max(r.seen, resp.Header.Revision)
	return r.history, nil
}

// progressed waits until etcd says that everything up to rev has been sent, or has said
// nothing for a while.
func (r *Recorder) progressed(ctx context.Context, rev int64) error {
	waited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := r.caughtUp(waited, rev)
	for errors.Is(err, context.DeadlineExceeded) && waited.Err() == nil {
		err = r.caughtUp(waited, rev)
	}
	if waited.Err() != nil {
		return ctx.Err()
	}
	return err
}

// caughtUp waits up to progressTimeout until everything up to rev has been recorded.
// Later revisions may have changed other keys only: etcd's progress notification says
// so.
func (r *Recorder) caughtUp(ctx context.Context, rev int64) error {
	ctx, cancel := context.WithTimeout(ctx, progressTimeout)
	defer cancel()
	_ = r.client.RequestProgress(ctx) // the caller tries again if it fails
	return r.await(ctx, func() bool { return r.seen >= rev })
}

// has reports whether these are the keys that the changes have led to.
func (r *Recorder) has(kvs []*mvccpb.KeyValue) bool {
	for _, kv := range kvs {
		if r.now[string(kv.Key)] != kv.ModRevision {
			return false
		}
	}
	return len(kvs) == len(r.now)
}
