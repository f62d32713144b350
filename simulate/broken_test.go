package simulate

import (
	"context"
	"errors"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// broken is a lock that does not do what a lock has to. It writes keys as
// package rwlock does.
type broken struct {
	session *rwlock.Session
	noLease bool
	// grant returns when the client is to be notified of a grant, with which token.
	grant func(ctx context.Context, b *broken, client, key string, token int64) (int64, error)
}

func (b *broken) Acquire(ctx context.Context, r locks.Request) (locks.Hold, error) {
	want := r.Wants[0]
	key := keyspace.Encode(want.Name, keyspace.Mode(want.Mode), r.Label)
	var opts []clientv3.OpOption
	if !b.noLease {
		opts = append(opts, clientv3.WithLease(b.session.Lease()))
	}
	var value string
	if want.Mode == rwlock.Slot {
		value = keyspace.Owner{Weight: want.Weight, Permits: want.Permits}.Encode()
	}
	resp, err := b.session.Client().Put(ctx, key, value, opts...)
	if err != nil {
		return nil, err
	}
	token := resp.Header.Revision
	if b.grant != nil {
		if token, err = b.grant(ctx, b, r.Label, key, token); err != nil {
			_, _ = b.session.Client().Delete(context.Background(), key)
			return nil, err
		}
	}
	r.Hook(rwlock.Event{Kind: rwlock.EventGranted, Token: token})
	return brokenHold{broken: b, key: key, token: token}, nil
}

type brokenHold struct {
	*broken
	key   string
	token int64
}

func (h brokenHold) Token() int64 { return h.token }

func (h brokenHold) Unlock() error {
	if h.noLease {
		return nil
	}
	_, err := h.session.Client().Delete(context.Background(), h.key)
	return err
}

// never notifies of no grant.
func never(ctx context.Context, _ *broken, _, _ string, _ int64) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// invented notifies of a grant with a token that no request has.
func invented(_ context.Context, _ *broken, _, _ string, token int64) (int64, error) {
	return token + 1_000_000, nil
}

// posthumous has b wait for its turn, although its request is deleted meanwhile.
func posthumous(prefix string) func(context.Context, *broken, string, string, int64) (int64, error) {
	return func(ctx context.Context, b *broken, client, key string, token int64) (int64, error) {
		if client == "a" {
			return token, nil
		}
		_, err := b.session.Client().Delete(ctx, key)
		return token, errors.Join(err, b.left(ctx, prefix, 0))
	}
}

// left waits until n keys are left.
func (b *broken) left(ctx context.Context, prefix string, n int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range b.session.Client().Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify()) {
		keys, err := b.session.Client().Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil || keys.Count == n {
			return err
		}
	}
	return ctx.Err()
}

// lastFirst lets the one that asks first wait for the other to have had it.
func lastFirst(prefix string) func(context.Context, *broken, string, string, int64) (int64, error) {
	served := make(chan struct{})
	return func(ctx context.Context, b *broken, client, _ string, token int64) (int64, error) {
		if client == "b" {
			close(served)
			return token, nil
		}
		<-served
		return token, b.left(ctx, prefix, 1)
	}
}

// overtaken lets b alone wait, for the others to be gone.
func overtaken(prefix string) func(context.Context, *broken, string, string, int64) (int64, error) {
	return func(ctx context.Context, b *broken, client, _ string, token int64) (int64, error) {
		if client == "b" {
			return token, b.left(ctx, prefix, 1)
		}
		return token, nil
	}
}

// always gives the lock to one after the other, and the same token to each; 0 is
// none.
func always(token int64, prefix string) func(context.Context, *broken, string, string, int64) (int64, error) {
	return func(ctx context.Context, b *broken, _, _ string, _ int64) (int64, error) {
		return token, b.left(ctx, prefix, 1)
	}
}

const oneClient = "name: one\nclients: [{name: a, steps: [{write: a, within: 500ms}, {unlock: a}]}]\n"

// endless does not come back before it is over.
type endless struct{ over, back chan struct{} }

func (e endless) Acquire(context.Context, locks.Request) (locks.Hold, error) {
	defer close(e.back)
	<-e.over
	return nil, errors.New("too late")
}

// TestStuckClient wants a lock that does not know when to give up to be found out,
// and not to hold up the run.
func TestStuckClient(t *testing.T) {
	t.Parallel()
	lock := endless{make(chan struct{}), make(chan struct{})}
	t.Cleanup(func() { close(lock.over); <-lock.back })
	result := playOn(t, shared(t, nil), oneClient, Options{Prefix: "/stuck/"}, func(*rwlock.Session, scenario.Impl) (locks.Locker, error) { return lock, nil })
	if want := `test.yaml:2:30: a: write "a": stuck`; result.Err() == nil || !strings.Contains(result.Err().Error(), want) {
		t.Errorf("Err = %v, want %s…", result.Err(), want)
	}
}

// TestBrokenLocks wants a lock that is broken in one way to be found out.
func TestBrokenLocks(t *testing.T) {
	t.Parallel()
	const two = `name: two
clients:
  - {name: a, steps: [{write: a}, {wait: 2s}, {unlock: a}]}
  - {name: b, after: 500ms, steps: [{write: a}, {wait: 10ms}, {unlock: a}]}
`
	const late = `name: late
clients:
  - {name: a, ttl: 1s, steps: [{write: a}, pause, {wait: 4s}, resume, {unlock: a}]}
  - {name: b, after: 300ms, steps: [{write: a}, {unlock: a}]}
`
	const pool = `name: pool
semaphores: [{name: p, permits: 2}]
clients:
  - {name: a, steps: [{slot: p}, {wait: 2s}, {unlock: p}]}
  - {name: b, after: 200ms, steps: [{slot: p}, {wait: 2s}, {unlock: p}]}
  - {name: c, after: 500ms, steps: [{slot: p}, {wait: 10ms}, {unlock: p}]}
`
	const overtake = `name: overtake
semaphores: [{name: p, permits: 3}]
clients:
  - {name: a, steps: [{slot: {name: p, weight: 2}}, {wait: 2s}, {unlock: p}]}
  - {name: b, after: 200ms, steps: [{slot: {name: p, weight: 2}}, {unlock: p}]}
  - {name: c, after: 500ms, steps: [{slot: p}, {wait: 10ms}, {unlock: p}]}
`
	tests := []struct {
		name, prefix, data string
		lock               broken
		want               verify.Kind
	}{
		{"it lets two in", "/two/", two, broken{}, verify.Overlap},
		{"it grants more permits than there are", "/pool/", pool, broken{}, verify.Overlap},
		{"it has small requests overtake", "/overtaken/", overtake, broken{grant: overtaken("/overtaken/")}, verify.Unfair},
		{"its tokens do not grow", "/frozen/", late, broken{grant: always(1, "/frozen/")}, verify.Unfenced},
		{"it has no tokens", "/tokenless/", late, broken{grant: always(0, "/tokenless/")}, verify.Unfenced},
		{"it does not notify", "/silent/", oneClient, broken{grant: never}, verify.NotNotified},
		{"it makes tokens up", "/tokens/", oneClient, broken{grant: invented}, verify.Phantom},
		{"it grants a request that is gone", "/dead/", two, broken{grant: posthumous("/dead/")}, verify.Stale},
		{"it serves the last first", "/last/", two, broken{grant: lastFirst("/last/")}, verify.Unfair},
		{"it leaves keys", "/keys/", oneClient, broken{noLease: true}, verify.LeftBehind},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			result := playOn(t, shared(t, nil), tt.data, Options{Prefix: tt.prefix}, func(s *rwlock.Session, _ scenario.Impl) (locks.Locker, error) {
				lock := tt.lock
				lock.session = s
				return &lock, nil
			})
			wantViolation(t, result, tt.want)
			if !errors.Is(result.Err(), outcome.ErrExpectation) {
				t.Errorf("Err = %v", result.Err())
			}
		})
	}
}
