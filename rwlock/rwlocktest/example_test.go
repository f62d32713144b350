package rwlocktest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/rwlock"
	"etcd-lock/rwlock/rwlocktest"
)

// nightly is a program's own: it works until its lock is lost.
func nightly(ctx context.Context, client *clientv3.Client) error {
	session, err := rwlock.NewSession(ctx, client, 10*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	return session.NewRWMutex("/jobs/nightly").RWDo(ctx, func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}

// A job whose machine loses its network stops before another one can begin. In virtual time,
// the test is over in milliseconds.
func TestNightlyStopsWithoutEtcd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		etcd := rwlocktest.New()
		client := etcd.Client(t)
		began := time.Now()
		time.AfterFunc(time.Hour, func() { etcd.Cut(client, time.Minute) })
		if err := nightly(t.Context(), client); !errors.Is(err, rwlock.ErrSessionExpired) {
			t.Errorf("nightly returned %v", err)
		}
		if took := time.Since(began); took < time.Hour || took > time.Hour+20*time.Second {
			t.Errorf("it took %s, want an hour, the TTL, and what closing the session takes", took)
		}
	})
}
