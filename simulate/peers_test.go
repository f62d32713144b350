package simulate

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// releasedInBetween has a lock released after a waiter has looked who is ahead,
// and before its watch begins: see playHeldBack.
const releasedInBetween = `name: released-in-between
clients:
  - {name: holder, steps: [{write: a, expect: granted}, {unlock: a}]}
  - {name: waiter, steps: [{write: a, within: 4s, expect: granted}, {unlock: a}]}
expect: {order: [[asked waiter, released holder]]}
`

// getThenWatch waits as the older library does: it gets who is ahead, and then
// watches whatever comes from then on.
func getThenWatch(ctx context.Context, b *broken, _, key string, token int64) (int64, error) {
	lock, _ := keyspace.ParseRWLock(key)
	for {
		last := append(clientv3.WithLastRev(), clientv3.WithMaxModRev(token-1))
		ahead, err := b.session.Client().Get(ctx, lock.Name+"/", last...)
		if err != nil || len(ahead.Kvs) == 0 {
			return token, err
		}
		if err := b.deleted(ctx, string(ahead.Kvs[0].Key)); err != nil {
			return 0, err
		}
	}
}

// deleted waits until a key is deleted from now on.
func (b *broken) deleted(ctx context.Context, key string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for resp := range b.session.Client().Watch(ctx, key) {
		if slices.ContainsFunc(resp.Events, func(e *clientv3.Event) bool { return e.Type == clientv3.EventTypeDelete }) {
			return nil
		}
	}
	return ctx.Err()
}

// TestLostWakeUp wants a release that falls between a waiter's look and its watch
// to be lost by the older library's way to wait, to be found out, and not to be
// lost by package rwlock.
func TestLostWakeUp(t *testing.T) {
	t.Parallel()
	t.Run("the older library", func(t *testing.T) {
		t.Parallel()
		result := playHeldBack(t, "/older", func(s *rwlock.Session, _ scenario.Impl) (locks.Locker, error) {
			return &broken{session: s, grant: getThenWatch}, nil
		})
		wantViolation(t, result, verify.NotNotified)
		if !strings.Contains(result.Err().Error(), "want granted, got deadline") {
			t.Errorf("Err = %v", result.Err())
		}
	})
	t.Run("package rwlock", func(t *testing.T) {
		t.Parallel()
		if err := playHeldBack(t, "/rwlock", locks.New).Err(); err != nil {
			t.Error(err)
		}
	})
}

// playHeldBack plays releasedInBetween. The waiter asks when the holder has the
// lock; its watches begin when the holder has released, which waits for them.
func playHeldBack(t *testing.T, prefix string, newLocker locks.Maker) outcome.Result {
	t.Helper()
	held, looked, released := make(chan struct{}), make(chan struct{}), make(chan struct{})
	etcd := shared(t, map[string][]grpc.DialOption{
		"holder": {heldBack(deletes, looked)},
		"waiter": {heldBack(puts, held), lateWatches(sync.OnceFunc(func() { close(looked) }), released)},
	})
	opts := Options{Prefix: prefix, Log: func(e outcome.Event) {
		switch {
		case e.Client != "holder":
		case e.Moment == scenario.Granted:
			close(held)
		case e.Moment == scenario.Released:
			close(released)
		}
	}}
	return playOn(t, etcd, releasedInBetween, opts, newLocker)
}

// heldBack holds calls of a kind back until a channel is closed.
func heldBack(kind func(req any) bool, until <-chan struct{}) grpc.DialOption {
	return grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if kind(req) {
			select {
			case <-until:
			case <-ctx.Done():
			}
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	})
}

// puts reports whether a call asks for a lock.
func puts(req any) bool {
	txn, ok := req.(*etcdserverpb.TxnRequest)
	_, put := req.(*etcdserverpb.PutRequest)
	return put || ok && slices.ContainsFunc(txn.Success, func(op *etcdserverpb.RequestOp) bool { return op.GetRequestPut() != nil })
}

// deletes reports whether a call gives a lock back.
func deletes(req any) bool {
	txn, ok := req.(*etcdserverpb.TxnRequest)
	_, del := req.(*etcdserverpb.DeleteRangeRequest)
	return del || ok && slices.ContainsFunc(txn.Success, func(op *etcdserverpb.RequestOp) bool { return op.GetRequestDeleteRange() != nil })
}

// lateWatches says that a watch is about to begin, and lets it when a channel is
// closed.
func lateWatches(about func(), until <-chan struct{}) grpc.DialOption {
	return grpc.WithChainStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		s, err := open(ctx, desc, cc, method, opts...)
		return lateStream{s, about, until}, err
	})
}

type lateStream struct {
	grpc.ClientStream
	about func()
	until <-chan struct{}
}

// SendMsg asks for a watch late.
func (s lateStream) SendMsg(m any) error {
	if req, ok := m.(*etcdserverpb.WatchRequest); ok && req.GetCreateRequest() != nil {
		s.about()
		<-s.until
	}
	return s.ClientStream.SendMsg(m)
}

// revokedWaiter has a waiter whose session ends, see playRevoked, with another
// behind it.
const revokedWaiter = `name: revoked-waiter
clients:
  - {name: holder, steps: [{write: a, expect: granted}, {unlock: a}]}
  - {name: revoked, impl: IMPL, steps: [{write: a, expect: [waiting, lost]}, {wait: 1s}, {unlock: a}]}
  - {name: next, steps: [{write: a, expect: [waiting, granted]}, {wait: 1s}, {unlock: a}]}
`

// TestGrantToTheDead wants a waiter whose lease is revoked to be given the lock
// by etcd's recipe all the same, that to be found out, and package rwlock to tell
// it that it lost its place.
func TestGrantToTheDead(t *testing.T) {
	t.Parallel()
	t.Run("recipe", func(t *testing.T) {
		t.Parallel()
		wantViolation(t, playRevoked(t, scenario.ImplRecipe), verify.Stale)
	})
	t.Run("package rwlock", func(t *testing.T) {
		t.Parallel()
		if err := playRevoked(t, scenario.ImplRWLock).Err(); err != nil {
			t.Error(err)
		}
	})
}

// playRevoked plays revokedWaiter: when one waits, its lease is revoked, then the
// next asks, and when that waits too, the holder releases.
func playRevoked(t *testing.T, of scenario.Impl) outcome.Result {
	t.Helper()
	admin := etcdtest.Client(t, etcdtest.Shared(t))
	held, revoked, waiting := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var lease clientv3.LeaseID
	etcd := shared(t, map[string][]grpc.DialOption{
		"holder":  {heldBack(deletes, waiting)},
		"revoked": {heldBack(puts, held), grpc.WithChainUnaryInterceptor(leaseOf(&lease))},
		"next":    {heldBack(puts, revoked)},
	})
	opts := Options{Prefix: "/revoked/" + string(of) + "/", Log: func(e outcome.Event) {
		switch string(e.Moment) + " " + e.Client {
		case "granted holder":
			close(held)
		case "waiting revoked":
			if _, err := admin.Revoke(t.Context(), lease); err != nil {
				t.Errorf("revoke: %v", err)
			}
			close(revoked)
		case "waiting next":
			close(waiting)
		}
	}}
	return playOn(t, etcd, strings.Replace(revokedWaiter, "IMPL", string(of), 1), opts, locks.New)
}

// leaseOf notes the lease that is granted.
func leaseOf(lease *clientv3.LeaseID) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := invoke(ctx, method, req, reply, cc, opts...)
		if granted, ok := reply.(*etcdserverpb.LeaseGrantResponse); ok {
			*lease = clientv3.LeaseID(granted.ID)
		}
		return err
	}
}

// playOn plays a scenario with locks of any make.
func playOn(t *testing.T, etcd Etcd, data string, opts Options, newLocker locks.Maker) outcome.Result {
	t.Helper()
	sc, err := scenario.Parse("test.yaml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	result, err := run(t.Context(), etcd, sc, opts, newLocker, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// shared is the etcd that all tests use, with options of their own for some clients.
func shared(t *testing.T, special map[string][]grpc.DialOption) Etcd {
	t.Helper()
	endpoint := etcdtest.Shared(t)
	return Etcd{Connect: func(_ context.Context, client string, opts ...grpc.DialOption) (*clientv3.Client, error) {
		return clientv3.New(clientv3.Config{
			Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
			DialOptions: append(opts, special[client]...),
		})
	}}
}

func wantViolation(t *testing.T, r outcome.Result, kind verify.Kind) {
	t.Helper()
	if !slices.ContainsFunc(r.Verdict.Violations, func(v verify.Violation) bool { return v.Kind == kind }) {
		t.Errorf("want a violation %s, got %v", kind, r.Err())
	}
}
