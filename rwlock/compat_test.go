package rwlock_test

import (
	"context"
	"testing"
	"time"

	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcdtest"
	etcdlock "etcd-lock/rwlock"
)

// A program for the older library needs another import and nothing else. This
// is how such programs are written: two mutexes on one session among them.
func TestProgramForTheOlderLibrary(t *testing.T) {
	cli := etcdtest.Client(t, etcdtest.Shared(t))
	s1, err := concurrency.NewSession(cli, concurrency.WithTTL(1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s1.Close() }()
	s3, err := concurrency.NewSession(cli, concurrency.WithTTL(1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s3.Close() }()

	m1 := etcdlock.NewRWMutex(s1, "/mylocks/a")
	m2 := etcdlock.NewRWMutex(s1, "/mylocks/a")
	m3 := etcdlock.NewRWMutex(s3, "/mylocks/a")

	d := time.Now().Add(20 * time.Second)
	ctx, cancel := context.WithDeadline(context.Background(), d)
	defer cancel()
	for _, m := range []*etcdlock.RWMutex{m1, m2} {
		if err := m.RLock(ctx); err != nil {
			t.Fatal(err)
		}
	}
	short, cancelShort := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancelShort()
	if err := m3.RWLock(short); err == nil {
		t.Fatal("a writer got in beside two readers")
	}
	for _, m := range []*etcdlock.RWMutex{m1, m2} {
		if err := m.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	if err := m3.RWLock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m3.Unlock(); err != nil {
		t.Fatal(err)
	}
}
