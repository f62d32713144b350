package simulate

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/verify"
	"etcd-lock/rwlock"
)

// broken is a lock that does not do what a lock has to. It writes keys as
// package rwlock does.
type broken struct {
	session *rwlock.Session
	noLease bool
	// grant says when the lock is told to be had, by whom and with which token.
	grant func(ctx context.Context, b *broken, client, key string, token int64) (int64, error)
}

func (b *broken) take(ctx context.Context, a ask) (hold, error) {
	want := a.wants[0]
	key := keyspace.Encode(want.Name, want.Mode, a.label)
	var opts []clientv3.OpOption
	if !b.noLease {
		opts = append(opts, clientv3.WithLease(b.session.Lease()))
	}
	resp, err := b.session.Client().Put(ctx, key, "", opts...)
	if err != nil {
		return nil, err
	}
	token := resp.Header.Revision
	if b.grant != nil {
		if token, err = b.grant(ctx, b, a.label, key, token); err != nil {
			_, _ = b.session.Client().Delete(context.Background(), key)
			return nil, err
		}
	}
	a.told(rwlock.Event{Kind: rwlock.EventAcquired, Token: token})
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

// never tells of no grant.
func never(ctx context.Context, _ *broken, _, _ string, _ int64) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// invented tells of a token that no request has.
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
	for {
		keys, err := b.session.Client().Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil || keys.Count == n {
			return err
		}
	}
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

// TestBrokenLocks wants a lock that is broken in one way to be found out.
func TestBrokenLocks(t *testing.T) {
	const two = `name: two
clients:
  - {name: a, steps: [{write: a, within: 2s}, {wait: 400ms}, {unlock: a}]}
  - {name: b, after: 200ms, steps: [{write: a, within: 2s}, {wait: 10ms}, {unlock: a}]}
`
	const one = "name: one\nclients: [{name: a, steps: [{write: a, within: 500ms}, {unlock: a}]}]\n"
	tests := []struct {
		name, prefix, data string
		lock               broken
		want               verify.Kind
	}{
		{"it lets two in", "/two/", two, broken{}, verify.Overlap},
		{"it tells nobody", "/nobody/", one, broken{grant: never}, verify.Untold},
		{"it makes tokens up", "/tokens/", one, broken{grant: invented}, verify.Phantom},
		{"it gives to the dead", "/dead/", two, broken{grant: posthumous("/dead/")}, verify.Dead},
		{"it serves the last first", "/last/", two, broken{grant: lastFirst("/last/")}, verify.Unfair},
		{"it leaves keys", "/keys/", one, broken{noLease: true}, verify.Left},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sc, err := Parse("two.yaml", []byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			endpoint := etcdtest.Shared(t)
			connect := func(context.Context, string, ...grpc.DialOption) (*clientv3.Client, error) {
				return clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second})
			}
			locks := func(s *rwlock.Session) locker {
				lock := tt.lock
				lock.session = s
				return &lock
			}
			result, err := runWith(t.Context(), Etcd{Connect: connect}, sc, Options{Prefix: tt.prefix}, locks, 100*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			found := func(v verify.Violation) bool { return v.Kind == tt.want }
			if !errors.Is(result.Err(), ErrExpectation) || !slices.ContainsFunc(result.Verdict.Violations, found) {
				t.Errorf("want a violation %s, got %v", tt.want, result.Err())
			}
		})
	}
}
